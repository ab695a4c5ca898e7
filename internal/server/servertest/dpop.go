package servertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"testing"
	"time"
)

// A Prover makes DPoP proofs with a key of its own (RFC 9449, Section 4.2). It is
// written against the standard library, so that it shares nothing with what it
// tests and can make wrong proofs too.
type Prover struct {
	alg string
	key crypto.Signer
}

// NewProver makes a key for ES256.
func NewProver(t testing.TB) *Prover {
	t.Helper()
	return NewProverFor(t, "ES256")
}

// NewProverFor makes a key for ES256, EdDSA, PS256 or RS256.
func NewProverFor(t testing.TB, alg string) *Prover {
	t.Helper()
	p := &Prover{alg: alg}
	var err error
	switch alg {
	case "ES256":
		p.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "EdDSA", "Ed25519":
		_, p.key, err = ed25519.GenerateKey(rand.Reader)
	default:
		p.key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	Check(t, err)
	return p
}

// Key is the private key.
func (p *Prover) Key() crypto.Signer { return p.key }

// JWK is the public key.
func (p *Prover) JWK(t testing.TB) map[string]string {
	t.Helper()
	switch key := p.key.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		Check(t, err)
		return map[string]string{"kty": "EC", "crv": "P-256", "x": base64url(point[1:33]), "y": base64url(point[33:])}
	case ed25519.PublicKey:
		return map[string]string{"kty": "OKP", "crv": "Ed25519", "x": base64url(key)}
	case *rsa.PublicKey:
		return map[string]string{"kty": "RSA", "n": base64url(key.N.Bytes()), "e": "AQAB"}
	}
	t.Fatal("a key of no known kind")
	return nil
}

// JKT is the thumbprint of the key (RFC 7638): json.Marshal sorts the members.
func (p *Prover) JKT(t testing.TB) string {
	t.Helper()
	text, err := json.Marshal(p.JWK(t))
	Check(t, err)
	sum := sha256.Sum256(text)
	return base64url(sum[:])
}

// Proof is a proof for one request. claims override the good ones, and a nil one
// leaves its claim out.
func (p *Prover) Proof(t testing.TB, method, url string, claims map[string]any) string {
	t.Helper()
	return p.Sign(t, nil, p.Claims(method, url, claims))
}

// ResourceProof is a proof for one request with an access token.
func (p *Prover) ResourceProof(t testing.TB, method, url, token string, claims map[string]any) string {
	t.Helper()
	sum := sha256.Sum256([]byte(token))
	all := map[string]any{"ath": base64url(sum[:])}
	maps.Copy(all, claims)
	return p.Proof(t, method, url, all)
}

// Claims are those of a good proof, with some overridden.
func (p *Prover) Claims(method, url string, claims map[string]any) map[string]any {
	return override(map[string]any{"jti": rand.Text(), "htm": method, "htu": url, "iat": time.Now().Unix()}, claims)
}

func override(good, with map[string]any) map[string]any {
	for name, value := range with {
		if good[name] = value; value == nil {
			delete(good, name)
		}
	}
	return good
}

// Sign signs claims under the header of a good proof, with some members
// overridden.
func (p *Prover) Sign(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	c, err := json.Marshal(claims)
	Check(t, err)
	return p.SignText(t, header, c)
}

// SignText signs whatever text in place of claims.
func (p *Prover) SignText(t testing.TB, header map[string]any, payload []byte) string {
	t.Helper()
	h, err := json.Marshal(override(map[string]any{"typ": "dpop+jwt", "alg": p.alg, "jwk": p.JWK(t)}, header))
	Check(t, err)
	input := base64url(h) + "." + base64url(payload)
	return input + "." + base64url(p.sign(t, []byte(input)))
}

func (p *Prover) sign(t testing.TB, input []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(input)
	var out []byte
	var err error
	switch key := p.key.(type) {
	case *ecdsa.PrivateKey:
		r, s, signErr := ecdsa.Sign(rand.Reader, key, digest[:])
		Check(t, signErr)
		out = make([]byte, 64)
		r.FillBytes(out[:32])
		s.FillBytes(out[32:])
	case ed25519.PrivateKey:
		out = ed25519.Sign(key, input)
	case *rsa.PrivateKey:
		if p.alg == "PS256" {
			out, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		} else {
			out, err = rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		}
		Check(t, err)
	}
	return out
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
