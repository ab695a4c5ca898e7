package evidence

import (
	"bytes"
	"fmt"
)

// The functions here are for a realm: they hold a passkey and its answer
// against the very rules by which Verify will, before the realm relies on
// them. A realm that accepts an answer which Verify refuses has used up an
// approval that it can show nobody.

// CheckPublicKey tells why the COSE_Key of a passkey would not do in evidence:
// it is no key for ES256, EdDSA or RS256, or is encoded otherwise than Verify
// demands. A realm asks before it binds the passkey.
func CheckPublicKey(cose []byte) error {
	if len(cose) > maxPublicKey {
		return fmt.Errorf("longer than %d bytes", maxPublicKey)
	}
	_, err := parseCOSEKey(cose)
	return err
}

// CheckPasskey tells why Verify would not take p for the answer that the
// passkey bound by b gave to the decision with this canonical form. Any error
// is a *PartError that names the part as Verify does. Not looked at, because
// the statement tells: whether b.Iss and b.Sub are those who ask and answer,
// and what CheckDecision checks.
func CheckPasskey(p Passkey, b BindingClaims, decisionCanonical []byte) error {
	return checkAnswer(p, b, decisionCanonical, true)
}

// CheckAssertion is CheckPasskey without the verification of the signature
// itself, for a realm that has just done that. The caller must have verified
// p.Signature over p.AuthenticatorData and the SHA-256 of p.ClientDataJSON
// (WebAuthn, Section 7.2, step 21) with p.PublicKey and no more laxly than
// crypto/ecdsa.VerifyASN1, crypto/ed25519.Verify and crypto/rsa.VerifyPKCS1v15
// do. Without that, its nil proves nothing at all.
func CheckAssertion(p Passkey, b BindingClaims, decisionCanonical []byte) error {
	return checkAnswer(p, b, decisionCanonical, false)
}

// checkAnswer checks what Verify has checked of the parts by the time it comes
// to the passkey, and then the passkey.
func checkAnswer(p Passkey, b BindingClaims, decision []byte, verify bool) error {
	raw, err := p.canonical()
	if err != nil {
		return &PartError{"passkey.aaguid", err.Error()} // its only text
	}
	if err := passkeyShape(raw); err != nil {
		return err
	}
	canonical, err := Canonical(decision)
	if err != nil {
		return &PartError{"decision", err.Error()}
	}
	if !bytes.Equal(canonical, decision) {
		return &PartError{"decision", "is not in canonical form"}
	}
	var d Decision
	if err := parseDecision(canonical, &d); err != nil {
		return &PartError{"decision", err.Error()}
	}
	if err := b.check(&d); err != nil {
		return &PartError{"binding", err.Error()}
	}
	if fault := p.fault(b, decision, verify); fault != nil {
		return fault
	}
	return nil
}
