package evidence_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/assent-id/assent/sdk/evidence"
)

const (
	testIssuer = "https://id.example.com"
	testRPID   = "id.example.com"
	testOrigin = "https://id.example.com"
	testIat    = 1794000000
	testExp    = testIat + 300
)

// must ends the test when building a fixture goes wrong.
func must[T any](tb testing.TB) func(T, error) T {
	return func(v T, err error) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// seed makes 32 bytes that are the same in every run.
func seed(label string) []byte {
	sum := sha256.Sum256([]byte("assent vectors: " + label))
	return sum[:]
}

func newKey(tb testing.TB, alg, label string) crypto.Signer {
	tb.Helper()
	switch alg {
	case "EdDSA", "Ed25519":
		return ed25519.NewKeyFromSeed(seed(label))
	case "ES256":
		return must[*ecdsa.PrivateKey](tb)(ecdsa.ParseRawPrivateKey(elliptic.P256(), seed(label)))
	default:
		return must[*rsa.PrivateKey](tb)(rsa.GenerateKey(rand.Reader, 2048))
	}
}

// A realmSigner is a signing key of a realm.
type realmSigner struct {
	alg, kid string
	key      crypto.Signer
}

func newRealmSigner(tb testing.TB, alg, kid string) realmSigner {
	tb.Helper()
	return realmSigner{alg: alg, kid: kid, key: newKey(tb, alg, "realm "+kid)}
}

func (r realmSigner) jwk() map[string]any {
	jwk := map[string]any{"kid": r.kid, "use": "sig", "alg": r.alg}
	switch pub := r.key.Public().(type) {
	case ed25519.PublicKey:
		jwk["kty"], jwk["crv"], jwk["x"] = "OKP", "Ed25519", b64(pub)
	case *ecdsa.PublicKey:
		x, y := coordinates(pub)
		jwk["kty"], jwk["crv"], jwk["x"], jwk["y"] = "EC", "P-256", b64(x), b64(y)
	case *rsa.PublicKey:
		jwk["kty"], jwk["n"], jwk["e"] = "RSA", b64(pub.N.Bytes()), b64(big.NewInt(int64(pub.E)).Bytes())
	}
	return jwk
}

func coordinates(pub *ecdsa.PublicKey) (x, y []byte) {
	point, err := pub.Bytes()
	if err != nil {
		panic(err)
	}
	return point[1:33], point[33:]
}

// sign makes a compact JWS with exactly this header.
func (r realmSigner) sign(tb testing.TB, header, payload string) string {
	tb.Helper()
	signed := b64([]byte(header)) + "." + b64([]byte(payload))
	sig := r.signature(tb, []byte(signed))
	return signed + "." + b64(sig)
}

func (r realmSigner) signature(tb testing.TB, signed []byte) []byte {
	tb.Helper()
	digest := sha256.Sum256(signed)
	switch key := r.key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, signed)
	case *ecdsa.PrivateKey:
		x, y, err := ecdsa.Sign(rand.Reader, key, digest[:])
		if err != nil {
			tb.Fatal(err)
		}
		return append(x.FillBytes(make([]byte, 32)), y.FillBytes(make([]byte, 32))...)
	case *rsa.PrivateKey:
		if r.alg == "PS256" {
			return must[[]byte](tb)(rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:],
				&rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
		}
		return must[[]byte](tb)(rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:]))
	}
	tb.Fatalf("no signature with %T", r.key)
	return nil
}

func (r realmSigner) header(typ string) string {
	return `{"alg":"` + r.alg + `","kid":"` + r.kid + `","typ":"` + typ + `"}`
}

func keySet(tb testing.TB, signers ...realmSigner) json.RawMessage {
	tb.Helper()
	keys := make([]map[string]any, len(signers))
	for i, s := range signers {
		keys[i] = s.jwk()
	}
	return must[[]byte](tb)(evidence.CanonicalValue(map[string]any{"keys": keys}))
}

// An authenticator answers challenges as a passkey does.
type authenticator struct {
	id     []byte
	aaguid string
	key    crypto.Signer
	cose   []byte
	flags  byte
	tail   []byte // after the fixed 37 bytes
	origin string
	rpID   string
}

const (
	flagUP, flagUV, flagBE, flagBS, flagAT, flagED = 1, 4, 8, 16, 64, 128
)

func newAuthenticator(tb testing.TB, alg, label string) *authenticator {
	tb.Helper()
	a := &authenticator{
		id:     seed("credential " + label)[:20],
		aaguid: "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4",
		key:    newKey(tb, alg, "passkey "+label),
		flags:  flagUP | flagUV | flagBE | flagBS,
		origin: testOrigin, rpID: testRPID,
	}
	a.cose = coseKey(a.key.Public())
	return a
}

// assert signs the challenge; edit may change the client data beforehand.
func (a *authenticator) assert(tb testing.TB, challenge [32]byte, edit func(map[string]any)) *evidence.Passkey {
	tb.Helper()
	client := map[string]any{
		"type": "webauthn.get", "challenge": b64(challenge[:]), "origin": a.origin, "crossOrigin": false,
	}
	if edit != nil {
		edit(client)
	}
	clientJSON := must[[]byte](tb)(json.Marshal(client))
	rpIDHash := sha256.Sum256([]byte(a.rpID))
	data := append(rpIDHash[:], a.flags, 0, 0, 0, 7)
	data = append(data, a.tail...)
	return &evidence.Passkey{
		CredentialID: a.id, PublicKey: a.cose, AAGUID: a.aaguid,
		BackupEligible: a.flags&flagBE != 0, BackupState: a.flags&flagBS != 0,
		AuthenticatorData: data, ClientDataJSON: clientJSON,
		Signature: a.sign(tb, data, clientJSON),
	}
}

func (a *authenticator) sign(tb testing.TB, data, clientJSON []byte) []byte {
	tb.Helper()
	client := sha256.Sum256(clientJSON)
	signed := append(append([]byte{}, data...), client[:]...)
	digest := sha256.Sum256(signed)
	if key, ok := a.key.(ed25519.PrivateKey); ok {
		return ed25519.Sign(key, signed)
	}
	return must[[]byte](tb)(a.key.Sign(rand.Reader, digest[:], crypto.SHA256))
}

// coseKey encodes a public key as a COSE_Key.
func coseKey(pub crypto.PublicKey) []byte {
	switch pub := pub.(type) {
	case ed25519.PublicKey:
		return cborMap(1, 1, 3, -8, -1, 6, -2, []byte(pub))
	case *ecdsa.PublicKey:
		x, y := coordinates(pub)
		return cborMap(1, 2, 3, -7, -1, 1, -2, x, -3, y)
	case *rsa.PublicKey:
		return cborMap(1, 3, 3, -257, -1, pub.N.Bytes(), -2, []byte{1, 0, 1})
	}
	panic("no COSE key for this kind")
}

// cborMap encodes pairs of integer labels and integers or byte strings.
func cborMap(pairs ...any) []byte {
	out := cborHead(5, len(pairs)/2)
	for _, v := range pairs {
		switch v := v.(type) {
		case int:
			if v < 0 {
				out = append(out, cborHead(1, -1-v)...)
			} else {
				out = append(out, cborHead(0, v)...)
			}
		case []byte:
			out = append(append(out, cborHead(2, len(v))...), v...)
		}
	}
	return out
}

func cborHead(major byte, n int) []byte {
	switch {
	case n < 24:
		return []byte{major<<5 | byte(n)}
	case n < 256:
		return []byte{major<<5 | 24, byte(n)}
	default:
		return binary.BigEndian.AppendUint16([]byte{major<<5 | 25}, uint16(n))
	}
}

// attested is attested credential data as some authenticators repeat it.
func (a *authenticator) attested(tb testing.TB) []byte {
	tb.Helper()
	out := must[[]byte](tb)(hex.DecodeString(strings.ReplaceAll(a.aaguid, "-", "")))
	out = binary.BigEndian.AppendUint16(out, uint16(len(a.id)))
	return append(append(out, a.id...), a.cose...)
}
