package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
)

type jwtCmd struct {
	Sign jwtSignCmd `cmd:"" help:"Sign a JWT, such as a client assertion, and print it."`
}

// jwtSignCmd has the flags of step's `crypto jwt sign`, so that what is written for
// that works with this.
type jwtSignCmd struct {
	Key string   `help:"File with the private key, as a JWK or, for ES256 or EdDSA, as PEM; - is standard input. Default: the JWK in the environment variable PRIVATE_KEY." placeholder:"FILE|-" type:"path"`
	Iss string   `help:"Who says it: of a client assertion, the client id." placeholder:"ID"`
	Sub string   `help:"About whom: of a client assertion, the client id too." placeholder:"ID"`
	Aud []string `help:"For whom: of a client assertion, the issuer; may be repeated." placeholder:"URL" sep:"none"`
	JTI string   `name:"jti" help:"Id of the token. Default: a random one." placeholder:"ID"`
	Exp int64    `help:"When it ends, in Unix seconds. Default: 60 seconds from now." placeholder:"SECONDS"`
	Iat int64    `help:"When it was made, in Unix seconds. Default: now." placeholder:"SECONDS"`
	Nbf int64    `help:"From when on it holds, in Unix seconds." placeholder:"SECONDS"`
	KID string   `name:"kid" help:"Id of the key, in place of the one in the JWK; a PEM has none." placeholder:"ID"`
	Alg string   `help:"Algorithm, where the JWK names none: ES256, EdDSA, PS256 or RS256." placeholder:"ALG"`
}

// assertionLife is how long a token lives for which nobody says it.
const assertionLife = 60 * time.Second

// Run prints the compact JWS.
func (c *jwtSignCmd) Run(p *program) error {
	text, err := c.read(p)
	if err != nil {
		return err
	}
	key, err := c.parse(text)
	if err != nil {
		return err
	}
	claims, err := json.Marshal(c.claims(time.Now()))
	if err != nil {
		return err
	}
	compact, err := key.Sign("JWT", claims)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, compact)
	return err
}

const maxKeyFile = 64 << 10 // bytes

func (c *jwtSignCmd) read(p *program) ([]byte, error) {
	switch c.Key {
	case "":
		if text := p.env["PRIVATE_KEY"]; text != "" {
			return []byte(text), nil
		}
		return nil, usage("no key: give --key FILE, --key - for standard input, or the JWK in PRIVATE_KEY")
	case "-":
		text, err := io.ReadAll(io.LimitReader(p.stdin, maxKeyFile))
		if err != nil {
			return nil, fmt.Errorf("read the key from standard input: %w", err)
		}
		return text, nil
	}
	text, err := readSecret(c.Key)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	return text, nil
}

// parse reads the key, with the id and the algorithm of the command line in it. No
// error quotes it.
func (c *jwtSignCmd) parse(text []byte) (*jose.PrivateKey, error) {
	if bytes.Contains(text, []byte("-----BEGIN ")) {
		var err error
		if text, err = jwkOfPEM(text); err != nil {
			return nil, err
		}
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return nil, usage("the key is no JWK, which is one line of JSON that begins with {, and no PEM")
	}
	for name, value := range map[string]string{"kid": c.KID, "alg": c.Alg} {
		if value == "" {
			continue
		}
		said, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		members[name] = said
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("read the key: %w", err)
	}
	key, err := jose.ParsePrivate(text)
	if err != nil {
		return nil, usage("the key is no private JWK for ES256, EdDSA, PS256 or RS256: " + err.Error())
	}
	return key, nil
}

func (c *jwtSignCmd) claims(now time.Time) map[string]any {
	claims := map[string]any{"iat": c.Iat, "exp": c.Exp, "jti": c.JTI}
	if c.Iat == 0 {
		claims["iat"] = now.Unix()
	}
	if c.Exp == 0 {
		claims["exp"] = now.Add(assertionLife).Unix()
	}
	if c.JTI == "" {
		claims["jti"] = ids.Secret()
	}
	if c.Nbf != 0 {
		claims["nbf"] = c.Nbf
	}
	for name, value := range map[string]string{"iss": c.Iss, "sub": c.Sub} {
		if value != "" {
			claims[name] = value
		}
	}
	switch len(c.Aud) {
	case 0:
	case 1:
		claims["aud"] = c.Aud[0]
	default:
		claims["aud"] = c.Aud
	}
	return claims
}
