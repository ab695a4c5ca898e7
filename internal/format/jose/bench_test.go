package jose_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/assent-id/assent/internal/format/jose"
)

// claims is a private_key_jwt assertion, the token that the server reads most.
var claims = []byte(`{"iss":"svc_01jd3v5h7e8k9m2n4p6q8r0s1t","sub":"svc_01jd3v5h7e8k9m2n4p6q8r0s1t",` +
	`"aud":"https://id.example.com","jti":"LmQwG2Xy0Gb3nO0c8Zk4h2d1s9JvQ7rTa5uE6iWfP0M","iat":1763600000,"exp":1763600060}`)

func BenchmarkSign(b *testing.B) {
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256} {
		b.Run(string(alg), func(b *testing.B) {
			key := generate(b, alg)
			for b.Loop() {
				if _, err := key.Sign("at+jwt", claims); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.RS256, jose.PS256} {
		b.Run(string(alg), func(b *testing.B) {
			key := generate(b, alg)
			token := sign(b, key, "JWT", claims)
			for b.Loop() {
				u, err := jose.Peek(token)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := jose.Verify(u, key.Public()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPeek(b *testing.B) {
	token := sign(b, generate(b, jose.ES256), "JWT", claims)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := jose.Peek(token); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFloor is the cryptography alone, to which the others are compared.
func BenchmarkFloor(b *testing.B) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256(claims)
	der, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	signature := ed25519.Sign(private, claims)
	b.Run("ecdsa.SignASN1", func(b *testing.B) {
		for b.Loop() {
			if _, err := ecdsa.SignASN1(rand.Reader, key, digest[:]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ecdsa.VerifyASN1", func(b *testing.B) {
		for b.Loop() {
			if !ecdsa.VerifyASN1(&key.PublicKey, digest[:], der) {
				b.Fatal("wrong signature")
			}
		}
	})
	b.Run("ed25519.Sign", func(b *testing.B) {
		for b.Loop() {
			ed25519.Sign(private, claims)
		}
	})
	b.Run("ed25519.Verify", func(b *testing.B) {
		for b.Loop() {
			if !ed25519.Verify(public, claims, signature) {
				b.Fatal("wrong signature")
			}
		}
	})
}

func generate(tb testing.TB, alg jose.Alg) *jose.PrivateKey {
	tb.Helper()
	key, err := jose.Generate(alg)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func sign(tb testing.TB, key *jose.PrivateKey, typ string, payload []byte) string {
	tb.Helper()
	token, err := key.Sign(typ, payload)
	if err != nil {
		tb.Fatal(err)
	}
	return token
}
