package passkey_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"
)

// A forger is an authenticator and a browser that lie as told. Whatever a case
// changes, the signature is valid over the change, so that only the check in
// question can refuse it.
type forger struct {
	id   []byte
	cose []byte
	sign func(message []byte) []byte
	ceremony
}

type ceremony struct {
	typ, origin string
	challenge   []byte
	rpID        string
	flags       byte
	counter     uint32
	aaguid      [16]byte
	extra       string // further members of the client data, with a leading comma
	tail        []byte // after the authenticator data
	rawID       []byte // what the client says the id is
	format      string // of the attestation, with its statement, in CBOR
	// attest, if there is one, makes the format of what is signed.
	attest func(signed []byte) string
}

const (
	up, uv, be, bs, at, ed = 0x01, 0x04, 0x08, 0x10, 0x40, 0x80
)

func newForger(tb testing.TB) *forger {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	return &forger{
		id:   []byte("credential-of-the-forger"),
		cose: ec2(0x26, point[1:33], point[33:]),
		sign: func(message []byte) []byte {
			digest := sha256.Sum256(message)
			signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
			if err != nil {
				tb.Fatal(err)
			}
			return signature
		},
	}
}

func newEd25519Forger(tb testing.TB) *forger {
	tb.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	// {1: 1, 3: -8, -1: 6, -2: x}
	cose := append([]byte{0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 32}, public...)
	return &forger{id: []byte("ed25519"), cose: cose, sign: func(message []byte) []byte { return ed25519.Sign(private, message) }}
}

// ec2 is {1: 2, 3: alg, -1: 1, -2: x, -3: y}.
func ec2(alg byte, x, y []byte) []byte {
	out := append([]byte{0xa5, 0x01, 0x02, 0x03, alg, 0x20, 0x01, 0x21, 0x58, byte(len(x))}, x...)
	return append(append(out, 0x22, 0x58, byte(len(y))), y...)
}

func (f *forger) clientData() []byte {
	return []byte(`{"type":"` + f.typ + `","challenge":"` + b64(f.challenge) + `","origin":"` + f.origin + `"` + f.extra + `}`)
}

func (f *forger) authData() []byte {
	hash := sha256.Sum256([]byte(f.rpID))
	return binary.BigEndian.AppendUint32(append(hash[:], f.flags), f.counter)
}

// assert answers the challenge honestly, except for what change does.
func (f *forger) assert(tb testing.TB, challenge []byte, change func(*forger)) []byte {
	tb.Helper()
	g := *f
	g.ceremony = ceremony{typ: "webauthn.get", origin: origin, challenge: challenge, rpID: rp.ID, flags: up | uv, rawID: f.id}
	if change != nil {
		change(&g)
	}
	clientData, authData := g.clientData(), append(g.authData(), g.tail...)
	hash := sha256.Sum256(clientData)
	return encode(tb, g.rawID, map[string]any{
		"clientDataJSON": b64(clientData), "authenticatorData": b64(authData),
		"signature": b64(g.sign(slices.Concat(authData, hash[:]))), "userHandle": b64(user.Handle),
	})
}

// create answers honestly with attestation "none", except for what change does.
func (f *forger) create(tb testing.TB, challenge []byte, change func(*forger)) []byte {
	tb.Helper()
	g := *f
	g.ceremony = ceremony{typ: "webauthn.create", origin: origin, challenge: challenge, rpID: rp.ID,
		flags: up | uv | at, rawID: f.id, format: "\x63fmt\x64none\x67attStmt\xa0"}
	if change != nil {
		change(&g)
	}
	authData := append(g.authData(), g.aaguid[:]...)
	authData = append(binary.BigEndian.AppendUint16(authData, uint16(len(g.id))), g.id...)
	authData = append(append(authData, g.cose...), g.tail...)
	if g.attest != nil {
		hash := sha256.Sum256(g.clientData())
		g.format = g.attest(slices.Concat(authData, hash[:]))
	}
	object := append([]byte("\xa3"+g.format+"\x68authData\x59"), byte(len(authData)>>8), byte(len(authData)))
	return encode(tb, g.rawID, map[string]any{
		"clientDataJSON": b64(g.clientData()), "attestationObject": b64(append(object, authData...)),
		"transports": []string{"usb", "nfc"},
	})
}

func encode(tb testing.TB, id []byte, response map[string]any) []byte {
	tb.Helper()
	data, err := json.Marshal(map[string]any{"id": b64(id), "rawId": b64(id), "type": "public-key",
		"clientExtensionResults": map[string]any{}, "response": response})
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }
