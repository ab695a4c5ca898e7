// Package passkey runs the two ceremonies of Web Authentication level 3
// (https://www.w3.org/TR/webauthn-3/): registration (Section 7.1) and
// authentication (Section 7.2), in their JSON forms (Section 5.1). It wraps
// go-webauthn, which nothing else imports.
//
// The caller gives the challenge and keeps it: for a sign-in [SignInChallenge] of
// random bytes, for an approval the hash of the decision. Nothing here holds a
// session or reads a clock, save to see whether the certificates of an attestation
// are in their time. User presence, user verification, type, origin, RP id hash and
// the backup flags are always checked, and no caller can switch a check off.
// Attestation is verified where the relying party asks for it ([Attestation]);
// elsewhere it is thrown away, and an AAGUID is what the passkey says of itself.
//
// If this package is wrong, somebody else's passkey, or an answer to another
// question, counts as this person's yes.
package passkey

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
)

// ErrMalformed is a response that cannot be read. ErrRefused is one that can be
// read and fails a check. Every error about a response wraps one of them and says
// which step failed; none holds a challenge or key.
var (
	ErrMalformed = errors.New("passkey: malformed response")
	ErrRefused   = errors.New("passkey: refused")
)

// An RP is the relying party: a realm as browsers see it.
type RP struct {
	ID      string   // a host name, the scope of its passkeys
	Name    string   // shown by the browser when a passkey is made
	Origins []string // where ceremonies may run, each exactly as the browser writes it
	// Attestation is what it wants to know of authenticators.
	Attestation Attestation
}

// A User is the identity for which a passkey is made.
type User struct {
	Handle      []byte // 1 to 64 bytes, opaque, says nothing about the person
	Name        string // tells accounts apart, such as a user name
	DisplayName string
}

// A Credential is what the server keeps of a passkey.
type Credential struct {
	ID             []byte
	PublicKey      []byte // COSE_Key (RFC 9052) in canonical CBOR
	AAGUID         []byte // 16 bytes; the model of authenticator, by its own word
	SignCount      uint32 // 0: does not count
	BackupEligible bool   // may be synchronised between devices; never changes
	BackupState    bool   // is at present
	Transports     []string
	// Attestation is what a verified statement says of the authenticator, such as
	// "packed basic"; empty: nobody asked.
	Attestation string
}

// NewChallenge returns 32 random bytes.
func NewChallenge() []byte {
	challenge := make([]byte, 32)
	_, _ = rand.Read(challenge) // never fails: crypto/rand ends the program instead
	return challenge
}

// AAGUIDText returns the AAGUID in the text form of a UUID, or "" if it does not
// have 16 bytes.
func (c Credential) AAGUIDText() string {
	if len(c.AAGUID) != 16 {
		return ""
	}
	h := hex.EncodeToString(c.AAGUID)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// IsSoftware reports whether the passkey says that it is a [Software] passkey.
func (c Credential) IsSoftware() bool { return c.AAGUIDText() == SoftwareAAGUID }
