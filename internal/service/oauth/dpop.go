package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
)

// Limits on DPoP proofs, in milliseconds.
const (
	proofPast  = 60_000 // iat at most this far in the past
	proofAhead = 10_000 // and at most this far in the future
)

// onceMargin is how much longer than a proof, an assertion or a signed request can
// be used it is remembered, in milliseconds: the clocks of the nodes differ.
const onceMargin = 60_000

const maxProof = 8 << 10 // bytes; one with an RSA key of 4096 bits has 2 kB

// defaultProofAlgs: what proofs may be signed with where the realm says nothing
// else. RS256 only by policy (FAPI 2.0 Security Profile, Section 5.4.1).
var defaultProofAlgs = []string{"ES256", "EdDSA", "PS256"}

// proofAlgs are the algorithms of DPoP proofs, as the realm allows them.
func proofAlgs(site *model.Site) []string {
	if algs := site.Realm.Policy.DPoPAlgs; len(algs) > 0 {
		return algs
	}
	return defaultProofAlgs
}

// ProofAlgs is dpop_signing_alg_values_supported (RFC 9449, Section 5.1).
// Ed25519 (RFC 9864) is EdDSA under its own name.
func ProofAlgs(site *model.Site) []string {
	algs := slices.Clone(proofAlgs(site))
	if slices.Contains(algs, string(jose.EdDSA)) && !slices.Contains(algs, string(jose.Ed25519)) {
		algs = append(algs, string(jose.Ed25519))
	}
	return algs
}

// proofClaims: RFC 9449, Section 4.2.
type proofClaims struct {
	JTI   string   `json:"jti"`
	HTM   string   `json:"htm"`
	HTU   string   `json:"htu"`
	Iat   *float64 `json:"iat"`
	ATH   string   `json:"ath"`
	Nonce string   `json:"nonce"`
}

func badProof(description string, cause error) error {
	return &Error{Code: InvalidDPoPProof, Description: description, Cause: cause}
}

// proof checks the DPoP proof of a request (RFC 9449, Section 4.3) and uses its
// jti up, last of all. It answers the thumbprint of the key that signed it.
// accessToken is the token that came with it, "" at our own endpoints; client
// may be nil.
func (e *Engine) proof(ctx context.Context, site *model.Site, client *model.Client, r Request, accessToken string) (string, error) {
	c, jkt, err := openProof(site, r.DPoP)
	if err != nil {
		return "", err
	}
	htu, err := e.checkProofTarget(site, r, c)
	if err != nil {
		return "", err
	}
	if c.JTI == "" || len(c.JTI) > maxJTI {
		return "", badProof("jti of the DPoP proof must have 1 to 512 bytes", nil)
	}
	until, err := e.checkProofTime(site, client, c)
	if err != nil {
		return "", err
	}
	if accessToken != "" && c.ATH != tokenHash(accessToken) { // RFC 9449, Section 4.3, number 12
		return "", badProof("ath of the DPoP proof is not the hash of the access token", nil)
	}
	return jkt, e.consumeProof(ctx, model.Once{Namespace: model.OnceDPoP, RealmID: site.Realm.ID,
		Digest: proofDigest(jkt, c.HTM, htu, c.JTI), Until: until + onceMargin})
}

// openProof: RFC 9449, Section 4.3, numbers 1 to 7: one header, one well-formed
// JWT, of the right type, signed with an allowed asymmetric algorithm by the
// public key inside. The key speaks for nobody; what it means is for the caller.
func openProof(site *model.Site, headers []string) (c proofClaims, jkt string, err error) {
	if len(headers) != 1 {
		return c, "", badProof("exactly one DPoP proof is needed", nil)
	}
	if len(headers[0]) > maxProof {
		return c, "", badProof("the DPoP proof is too long", nil)
	}
	u, key, err := jose.PeekWithKey(headers[0])
	if err != nil {
		return c, "", badProof("the DPoP proof is malformed", err)
	}
	if u.Header().Typ != "dpop+jwt" {
		return c, "", badProof("typ of the DPoP proof must be dpop+jwt", nil)
	}
	if !slices.ContainsFunc(proofAlgs(site), func(name string) bool { return u.Header().Alg.Same(jose.Alg(name)) }) {
		return c, "", badProof("the algorithm of the DPoP proof is not allowed", nil)
	}
	// An RSA key serves two algorithms. Its owner chooses, within what is allowed.
	if key, err = key.WithAlg(u.Header().Alg); err != nil {
		return c, "", badProof("the algorithm of the DPoP proof is not one of its key", err)
	}
	v, err := jose.Verify(u, key)
	if err != nil {
		return c, "", badProof("the signature of the DPoP proof is wrong", err)
	}
	if err := json.Unmarshal(v.Payload, &c); err != nil {
		return c, "", badProof("the claims of the DPoP proof are malformed", err)
	}
	return c, key.Thumbprint(), nil
}

// checkProofTarget: RFC 9449, Section 4.3, numbers 8 and 9. It answers the URL in
// its normal form.
func (e *Engine) checkProofTarget(site *model.Site, r Request, c proofClaims) (string, error) {
	if c.HTM == "" || c.HTM != r.Method {
		return "", badProof("htm of the DPoP proof is not the method of the request", nil)
	}
	htu, err := normalURL(c.HTU)
	if err != nil {
		return "", badProof("htu of the DPoP proof is not a URL", err)
	}
	at := escapedPath(r.Path)
	bases := [...]string{site.Issuer, e.mtlsIssuer(site)}
	for _, base := range bases {
		if own, err := normalURL(base + at); base != "" && err == nil && own == htu {
			return htu, nil
		}
	}
	return "", badProof("htu of the DPoP proof is not the URL of the request", nil)
}

// checkProofTime: RFC 9449, Section 4.3, numbers 10 and 11. Where nonces are in
// use the nonce is the clock, and the client's may be wrong; else iat is, and a
// nonce that nobody asked for is not looked at. It answers until when the proof
// could be used.
func (e *Engine) checkProofTime(site *model.Site, client *model.Client, c proofClaims) (model.Millis, error) {
	now := e.cfg.Now()
	if c.Iat == nil {
		return 0, badProof("iat of the DPoP proof is missing", nil)
	}
	if nonceNeeded(site, client) {
		_, until, err := e.nonces().Open(c.Nonce, now, nonceContext(site))
		if err != nil {
			return 0, e.askForNonce(site, err)
		}
		return model.MillisOf(until), nil
	}
	iat, at := *c.Iat*1000, float64(model.MillisOf(now))
	if iat < at-proofPast {
		return 0, badProof("the DPoP proof is too old", nil)
	}
	if iat > at+proofAhead {
		return 0, badProof("the DPoP proof is from the future", nil)
	}
	return model.Millis(iat) + proofPast, nil
}

// consumeProof: RFC 9449, Section 11.1. The database decides which of all
// requests on all nodes was the first.
func (e *Engine) consumeProof(ctx context.Context, once model.Once) error {
	first, err := e.cfg.Store.Consume(ctx, once)
	if err != nil {
		return fmt.Errorf("consume DPoP proof: %w", err)
	}
	if !first {
		return badProof("the DPoP proof was used before", nil)
	}
	return nil
}

// proofDigest is what is remembered of a proof. Only the jti, which comes last,
// can hold a zero byte.
func proofDigest(jkt, htm, htu, jti string) [sha256.Size]byte {
	return sha256.Sum256([]byte(strings.Join([]string{jkt, htm, htu, jti}, "\x00")))
}

// tokenHash is `ath` (RFC 9449, Section 4.2).
func tokenHash(accessToken string) string {
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// nonceLife is how long a nonce can be used.
const nonceLife = 3 * time.Minute

// nonces makes and opens the nonces of RFC 9449, Section 8. A nonce is sealed
// time: whichever node gets it back can read it, and nobody else can make one.
func (e *Engine) nonces() seal.Carried[struct{}] {
	return seal.Carried[struct{}]{Keyring: e.cfg.Keyring, Purpose: "dpop-nonce", Life: nonceLife}
}

func nonceContext(site *model.Site) []byte { return []byte(site.Realm.ID) }

// nonceNeeded reports whether proofs must hold a nonce of the server.
func nonceNeeded(site *model.Site, client *model.Client) bool {
	return site.Realm.Policy.DPoPNonce || client != nil && client.Settings.DPoPNonce
}

// newNonce is the nonce for the client's next proof.
func (e *Engine) newNonce(site *model.Site) (string, error) {
	nonce, err := e.nonces().Seal(struct{}{}, e.cfg.Now(), nonceContext(site))
	if err != nil {
		return "", fmt.Errorf("make a nonce: %w", err)
	}
	return nonce, nil
}

// askForNonce: RFC 9449, Section 8: the client repeats its request with this
// nonce.
func (e *Engine) askForNonce(site *model.Site, cause error) error {
	nonce, err := e.newNonce(site)
	if err != nil {
		return err
	}
	return &Error{Code: UseDPoPNonce, Description: "the DPoP proof needs the nonce of this answer", Cause: cause, Nonce: nonce}
}
