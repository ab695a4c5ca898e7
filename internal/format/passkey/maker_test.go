package passkey_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/pem"
	"math/big"
	"testing"
	"time"
)

// A maker of authenticators: its root, and a certificate for one model.
type maker struct {
	root    *x509.Certificate
	rootKey *ecdsa.PrivateKey
	model   []byte // DER
	key     crypto.Signer
}

// modelOf is a certificate that fits Section 8.2.1.
func modelOf(aaguid []byte) *x509.Certificate {
	value, err := asn1.Marshal(aaguid)
	if err != nil {
		panic(err)
	}
	return &x509.Certificate{SerialNumber: big.NewInt(2),
		Subject: pkix.Name{Country: []string{"SE"}, Organization: []string{"Maker"},
			OrganizationalUnit: []string{"Authenticator Attestation"}, CommonName: "Model 1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}, Value: value}}}
}

func newMaker(tb testing.TB, model *x509.Certificate) *maker {
	tb.Helper()
	m := &maker{rootKey: newKey(tb), key: newKey(tb)}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Maker root"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, root, root, &m.rootKey.PublicKey, m.rootKey)
	if err != nil {
		tb.Fatal(err)
	}
	if m.root, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	m.issue(tb, model)
	return m
}

// issue makes the certificate of the model anew, for the maker's key.
func (m *maker) issue(tb testing.TB, model *x509.Certificate) {
	tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, model, m.root, m.key.Public(), m.rootKey)
	if err != nil {
		tb.Fatal(err)
	}
	m.model = der
}

// authority is another one of the maker, which its root vouches for.
func (m *maker) authority(tb testing.TB) *maker {
	tb.Helper()
	between := &x509.Certificate{SerialNumber: big.NewInt(3), Subject: pkix.Name{CommonName: "Maker factory"}, IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: m.root.NotBefore, NotAfter: m.root.NotAfter}
	factory := &maker{rootKey: newKey(tb), key: newKey(tb)}
	der, err := x509.CreateCertificate(rand.Reader, between, m.root, &factory.rootKey.PublicKey, m.rootKey)
	if err != nil {
		tb.Fatal(err)
	}
	if factory.root, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	factory.issue(tb, modelOf(modelAAGUID[:]))
	return factory
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// A vast key says that it is RSA of 8192 bits, which takes too long to make.
type vast struct{ crypto.Signer }

func (vast) Public() crypto.PublicKey {
	n := new(big.Int).Lsh(big.NewInt(1), 8191)
	return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: 65537}
}

func (m *maker) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.root.Raw}))
}

// packed is a statement of the format "packed" over what is signed (Section 8.2).
func (m *maker) packed(tb testing.TB, signed []byte, more ...[]byte) string {
	tb.Helper()
	digest := sha256.Sum256(signed)
	signature, err := m.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	return packedStatement(signature, append([][]byte{m.model}, more...))
}

// packedStatement is {"alg": -7, "sig": signature, "x5c": chain}.
func packedStatement(signature []byte, chain [][]byte) string {
	out := []byte("\x63fmt\x66packed\x67attStmt\xa3\x63alg\x26\x63sig")
	out = append(cborBytes(out, signature), "\x63x5c\x98"...)
	out = append(out, byte(len(chain)))
	for _, der := range chain {
		out = cborBytes(out, der)
	}
	return string(out)
}

// selfStatement is {"alg": -7, "sig": signature}.
func selfStatement(signature []byte) string {
	return string(cborBytes([]byte("\x63fmt\x66packed\x67attStmt\xa2\x63alg\x26\x63sig"), signature))
}

func cborBytes(out, data []byte) []byte {
	return append(binary.BigEndian.AppendUint16(append(out, 0x59), uint16(len(data))), data...)
}
