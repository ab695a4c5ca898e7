package passkey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/metadata"
	"github.com/go-webauthn/webauthn/protocol"
)

// ErrAuthenticator is a passkey of an authenticator that the relying party does
// not take. It is a kind of [ErrRefused].
var ErrAuthenticator = fmt.Errorf("%w: not an authenticator that is taken here", ErrRefused)

// An Attestation says what the relying party wants to know of an authenticator's
// make (Section 6.5). The zero value asks for nothing and throws away what comes.
type Attestation struct {
	// Direct asks for a statement and verifies it. All else needs it.
	Direct bool
	// Require refuses a passkey whose maker does not vouch for it with a certificate.
	Require bool
	// Authenticators are the AAGUIDs that are taken, as the text of UUIDs; empty: all.
	// Without a certificate an AAGUID is the authenticator's own word.
	Authenticators []string
	// Roots are certificates in PEM, to one of which the certificates of a statement
	// must chain; empty: they are not believed, and not refused either.
	Roots []string
}

// Bounds on what a policy may hold.
const (
	maxRoots    = 64
	maxRoot     = 16 << 10 // bytes of PEM
	maxAAGUIDs  = 512
	maxChain    = 5
	maxCertSize = 8 << 10 // bytes of DER
)

// Check says what is wrong with a policy, or nil.
func (p Attestation) Check() error {
	switch {
	case !p.Direct && (p.Require || len(p.Authenticators) > 0 || len(p.Roots) > 0):
		return errors.New("without mode direct no statement is asked for")
	case p.Require && len(p.Roots) == 0:
		return errors.New("require needs roots: a certificate that nobody vouches for proves nothing")
	case len(p.Roots) > maxRoots || len(p.Authenticators) > maxAAGUIDs:
		return fmt.Errorf("at most %d roots and %d authenticators", maxRoots, maxAAGUIDs)
	}
	for _, id := range p.Authenticators {
		if !isAAGUID(id) {
			return errors.New("authenticators are AAGUIDs, written as lower-case UUIDs")
		}
	}
	_, err := p.pool()
	return err
}

func isAAGUID(text string) bool {
	if len(text) != 36 || strings.ContainsFunc(text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef-", r) }) {
		return false
	}
	for i, r := range text {
		if (r == '-') != (i == 8 || i == 13 || i == 18 || i == 23) {
			return false
		}
	}
	return true
}

func (p Attestation) pool() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, text := range p.Roots {
		block, rest := pem.Decode([]byte(text))
		if len(text) > maxRoot || block == nil || block.Type != "CERTIFICATE" || len(bytes.TrimSpace(rest)) > 0 {
			return nil, errors.New("each of roots is one certificate in PEM")
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("each of roots is an X.509 certificate")
		}
		pool.AddCert(cert)
	}
	return pool, nil
}

func (p Attestation) conveyance() string {
	if p.Direct {
		return "direct"
	}
	return "none"
}

// formats are the statements that are verified. A compound one could hold any
// number of others, and SafetyNet has ended.
var formats = []string{"packed", "tpm", "android-key", "apple", "fido-u2f"}

// prepare gets the statement ready for verification: what nobody asked for is
// dropped, and what would be costly is refused before anything parses it further.
func (p Attestation) prepare(o *protocol.AttestationObject) error {
	if !p.Direct {
		dropAttestation(o)
		return nil
	}
	if !slices.Contains(formats, o.Format) {
		o.Format, o.AttStatement, o.SubStatements = "none", nil, nil
		return nil
	}
	_, err := chainOf(o)
	return err
}

// chainOf reads the certificates of a statement, the authenticator's own first;
// none: it has signed with the passkey itself. Hostile ones are held to sizes at
// which every check is quick.
func chainOf(o *protocol.AttestationObject) ([]*x509.Certificate, error) {
	given, there := o.AttStatement["x5c"]
	if !there {
		return nil, nil
	}
	list, ok := given.([]any)
	if !ok || len(list) == 0 || len(list) > maxChain {
		return nil, fmt.Errorf("%w: not 1 to %d certificates", ErrMalformed, maxChain)
	}
	chain := make([]*x509.Certificate, len(list))
	for i, item := range list {
		der, ok := item.([]byte)
		if !ok || len(der) > maxCertSize {
			return nil, fmt.Errorf("%w: a certificate longer than %d bytes", ErrMalformed, maxCertSize)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("%w: a certificate: %w", ErrMalformed, err)
		}
		if !modest(cert) {
			return nil, fmt.Errorf("%w: a certificate with a key of an odd kind or size", ErrRefused)
		}
		chain[i] = cert
	}
	return chain, nil
}

// modest reports whether checking signatures with the certificate's key is quick.
func modest(cert *x509.Certificate) bool {
	switch key := cert.PublicKey.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	case *rsa.PublicKey:
		return key.N.BitLen() <= maxRSABits
	}
	return false
}

// assess says what a verified statement is worth under the policy, in a few words
// to keep, and refuses a passkey that the policy does not take (Section 7.1, steps
// 23 and 24).
func (p Attestation) assess(o *protocol.AttestationObject, aaguid string) (string, error) {
	if !p.Direct {
		return "", nil
	}
	if len(p.Authenticators) > 0 && !slices.Contains(p.Authenticators, aaguid) {
		return "", fmt.Errorf("%w: its AAGUID is not on the list", ErrAuthenticator)
	}
	chain, err := chainOf(o)
	if err != nil {
		return "", err
	}
	if len(chain) == 0 {
		return p.unvouched(o)
	}
	if err := checkAAGUID(chain[0], o.AuthData.AttData.AAGUID); err != nil {
		return "", err
	}
	if len(p.Roots) == 0 {
		return o.Format + " unchecked", nil
	}
	if err := p.trust(o.Format, chain); err != nil {
		return "", err
	}
	return o.Format + " " + kind(o.Type), nil
}

// unvouched is a passkey that comes without a certificate.
func (p Attestation) unvouched(o *protocol.AttestationObject) (string, error) {
	if p.Require {
		return "", fmt.Errorf("%w: its maker does not vouch for it", ErrAuthenticator)
	}
	if o.Format == "none" {
		return "none", nil
	}
	return "self", nil
}

// kind is the attestation type in the words of Section 6.5.3.
func kind(t string) string {
	switch metadata.AuthenticatorAttestationType(t) {
	case metadata.AttCA:
		return "attca"
	case metadata.AnonCA:
		return "anonca"
	}
	return "basic"
}

var (
	oidAAGUID  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4} // id-fido-gen-ce-aaguid
	oidAltName = asn1.ObjectIdentifier{2, 5, 29, 17}
)

// checkAAGUID holds the AAGUID to the one in the certificate, where it has one
// (Section 8.2.1), whatever the format.
func checkAAGUID(cert *x509.Certificate, aaguid []byte) error {
	for _, e := range cert.Extensions {
		if !e.Id.Equal(oidAAGUID) {
			continue
		}
		var named []byte
		if rest, err := asn1.Unmarshal(e.Value, &named); err != nil || len(rest) > 0 || !bytes.Equal(named, aaguid) {
			return fmt.Errorf("%w: its certificate is for another AAGUID", ErrAuthenticator)
		}
	}
	return nil
}

// trust checks that the certificates lead to one of the roots.
func (p Attestation) trust(format string, chain []*x509.Certificate) error {
	roots, err := p.pool()
	if err != nil {
		return fmt.Errorf("passkey: roots of attestation: %w", err)
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	leaf := chain[0]
	if format == "tpm" {
		// Section 8.3.1: its subject is empty and the name is in a critical extension of
		// directory names, which the library has checked and crypto/x509 does not know.
		leaf.UnhandledCriticalExtensions = slices.DeleteFunc(leaf.UnhandledCriticalExtensions, oidAltName.Equal)
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAuthenticator, err)
	}
	return nil
}
