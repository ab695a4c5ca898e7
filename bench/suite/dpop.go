package suite

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/assent-id/assent/bench/jws"
	"github.com/assent-id/assent/bench/load"
)

// dpopSteps asks for DPoP-bound client_credentials tokens (RFC 9449, Section 5).
// Proofs are signed beforehand, each with a jti of its own. There are as many
// keys as connections: a server that remembers one of them gains nothing.
func dpopSteps(s *server, n, operations int) ([]load.Step, func(), error) {
	signers, prints := make([]*jws.Signer, n), make(map[string]bool, n)
	for i := range signers {
		key, err := jws.Generate()
		if err != nil {
			return nil, nil, err
		}
		if signers[i], err = jws.NewProofSigner(key); err != nil {
			return nil, nil, err
		}
		jwk, err := jws.PublicJWK(&key.PublicKey, "")
		if err != nil {
			return nil, nil, err
		}
		prints[jwk.Thumbprint()] = true
	}
	f := &feed{requests: make([][]byte, min(operations, preparedAssertions))}
	form, caller := url.Values{"grant_type": {"client_credentials"}, "scope": {s.clients.Scope}}, s.boundClient()
	err := parallel(len(f.requests), func(i int) error {
		claims := fmt.Sprintf(`{"jti":%q,"htm":"POST","htu":%q,"iat":%d}`, rand.Text(), s.issuer+"/oauth/token", time.Now().Unix())
		proof, err := signers[i%n].Sign([]byte(claims))
		f.requests[i] = load.Form(s.host, "/oauth/token", form, basic(caller.ClientID, caller.ClientSecret), [2]string{"DPoP", proof})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return feedSteps(s, n, f, s.checkBound(caller.ClientID, prints))
}

// boundClient is who asks for bound tokens. The floor binds whatever comes with a
// proof.
func (s *server) boundClient() credentials {
	if s.kind == "floor" {
		return credentials{ClientID: s.clients.SecretID, ClientSecret: s.clients.Secret}
	}
	return s.sender
}

// checkBound checks token answers as checkToken does, and that a token is bound to
// one of the keys.
func (s *server) checkBound(client string, prints map[string]bool) func(load.Answer, bool) error {
	check := s.checkToken(client)
	return func(answer load.Answer, whole bool) error {
		if err := check(answer, whole); err != nil || !whole {
			return err
		}
		t, err := readTokens(answer)
		if err != nil {
			return err
		}
		payload, err := s.signed(t.Access, "at+jwt")
		if err != nil {
			return err
		}
		var c struct {
			Cnf struct {
				JKT string `json:"jkt"`
			} `json:"cnf"`
		}
		if err := json.Unmarshal(payload, &c); err != nil {
			return err
		}
		if t.Type != "DPoP" || !prints[c.Cnf.JKT] {
			return fmt.Errorf("a %s token that is bound to %q", t.Type, c.Cnf.JKT)
		}
		return nil
	}
}
