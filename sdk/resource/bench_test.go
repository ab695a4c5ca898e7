package resource_test

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"encoding/asn1"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/resource"
)

// bench is a token as Assent makes them for a service client, and its key.
func bench(b *testing.B) (s *resource.Server, key *servertest.Prover, token string) {
	b.Helper()
	f, key := newForge(b), servertest.NewProver(b)
	f.publish(b, "k1", key, nil)
	token = sign(b, key, "k1", nil, f.claims(map[string]any{"jti": "tok_01jd3v5k8e7q2s4a6c8e0g2j4m", "client_id": "svc_01jd3v5k8e7q2s4a6c8e0g2j4m",
		"sub": "svc_01jd3v5k8e7q2s4a6c8e0g2j4m", "grant_id": "grt_01jd3v5k8e7q2s4a6c8e0g2j4m"}))
	return f.unrevocable(b, nil), key, token
}

// BenchmarkBareSignatureCheck is the floor: the hash and the signature alone.
func BenchmarkBareSignatureCheck(b *testing.B) {
	_, key, token := bench(b)
	last := strings.LastIndexByte(token, '.')
	raw, err := base64.RawURLEncoding.DecodeString(token[last+1:])
	servertest.Check(b, err)
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	servertest.Check(b, err)
	public, signed := key.Key().Public().(*ecdsa.PublicKey), []byte(token[:last])
	b.ReportAllocs()
	for b.Loop() {
		digest := sha256.Sum256(signed)
		if !ecdsa.VerifyASN1(public, digest[:], der) {
			b.Fatal("the signature does not hold")
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	s, _, token := bench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Verify(b.Context(), bearer(token)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRequire(b *testing.B) {
	s, _, token := bench(b)
	h := s.Require(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "read")
	r := httptest.NewRequest(http.MethodGet, api, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		if h.ServeHTTP(w, r); w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
