package evidence

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// The outcomes of an approval.
const (
	Approved  = "approved"
	Denied    = "denied"
	Expired   = "expired"
	Withdrawn = "withdrawn"
)

// The typ header members of the two signatures of the realm.
const (
	SealHeaderType    = "assent-evidence+jwt"
	BindingHeaderType = "assent-binding+jwt"
)

// SoftwareAAGUID is the AAGUID of the passkey in software that demos and
// tests use. It proves that a program answered, not a person.
const SoftwareAAGUID = "61737365-6e74-7377-8000-736f66747761"

// Bytes are written to JSON as base64url without padding.
type Bytes []byte

// MarshalText returns b in base64url without padding.
func (b Bytes) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}

// UnmarshalText reads base64url without padding, in its one canonical form.
func (b *Bytes) UnmarshalText(text []byte) error {
	decoded, err := decodeBytes(string(text))
	if err != nil {
		return err
	}
	*b = decoded
	return nil
}

// decodeBytes decodes base64url without padding. It refuses stray bits in the
// last character, and line breaks, which the decoder itself would skip.
func decodeBytes(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("not base64url")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errors.New("not base64url")
	}
	return b, nil
}

// A Passkey is the person's signature over a decision, and the key that made
// it.
type Passkey struct {
	CredentialID      Bytes  `json:"credential_id"`
	PublicKey         Bytes  `json:"public_key"` // COSE_Key (RFC 9052, Section 7)
	BackupEligible    bool   `json:"backup_eligible"`
	BackupState       bool   `json:"backup_state"`       // at the time of the signature
	AAGUID            string `json:"aaguid"`             // UUID text, lower case
	AuthenticatorData Bytes  `json:"authenticator_data"` // WebAuthn, Section 6.1
	ClientDataJSON    Bytes  `json:"client_data_json"`   // WebAuthn, Section 5.8.1
	Signature         Bytes  `json:"signature"`
}

// Evidence shows how one approval ended.
type Evidence struct {
	Typ       string          `json:"typ"` // EvidenceType
	Statement json.RawMessage `json:"statement"`
	Outcome   string          `json:"outcome"`
	EndedAt   int64           `json:"ended_at"`           // Unix seconds
	Decision  json.RawMessage `json:"decision,omitempty"` // of approved and denied ones
	Passkey   *Passkey        `json:"passkey,omitempty"`  // of approved ones; may stand in denied ones
	Binding   string          `json:"binding,omitempty"`  // compact JWS of BindingClaims; with Passkey
	Server    string          `json:"server"`             // compact JWS of SealClaims
	Log       json.RawMessage `json:"log,omitempty"`      // reserved
}

// SealClaims are what the realm signs when an approval ends.
type SealClaims struct {
	Typ     string            `json:"typ"` // SealType
	Iss     string            `json:"iss"`
	ID      string            `json:"id"` // of the approval
	Outcome string            `json:"outcome"`
	EndedAt int64             `json:"ended_at"`
	Iat     int64             `json:"iat"`   // Unix seconds
	Parts   map[string]string `json:"parts"` // member of the evidence to its hash
}

// NewSeal returns the payload that the realm signs with header typ
// SealHeaderType, made at iat (Unix seconds), over all other members of e.
func NewSeal(e *Evidence, iat int64) ([]byte, error) {
	statement, err := Canonical(e.Statement)
	if err != nil {
		return nil, fmt.Errorf("seal statement: %w", err)
	}
	if err := anyObject(statement); err != nil {
		return nil, fmt.Errorf("seal statement%w", err)
	}
	var id, iss []byte // quoted
	eachMember(statement, func(name, value []byte) {
		switch string(name) {
		case `"id"`:
			id = value
		case `"iss"`:
			iss = value
		}
	})
	w := writer{out: make([]byte, 0, 640)}
	w.open()
	w.int("ended_at", e.EndedAt)
	w.int("iat", iat)
	w.text("id", unquote(id))
	w.text("iss", unquote(iss))
	w.text("outcome", e.Outcome)
	w.name("parts")
	w.parts(e, statement)
	w.text("typ", SealType)
	w.close()
	return w.result("seal")
}

// parts writes the hash of every member of e that the seal covers.
func (w *writer) parts(e *Evidence, statement []byte) {
	w.open()
	if e.Binding != "" {
		w.text("binding", Hash([]byte(e.Binding)))
	}
	if e.Decision != nil {
		decision, err := Canonical(e.Decision)
		if err != nil {
			w.fail(fmt.Errorf("decision: %w", err))
		}
		w.text("decision", Hash(decision))
	}
	if e.Passkey != nil {
		passkey, err := e.Passkey.canonical()
		if err != nil {
			w.fail(err)
		}
		w.text("passkey", Hash(passkey))
	}
	w.text("statement", Hash(statement))
	w.close()
}

func (p *Passkey) canonical() ([]byte, error) {
	w := writer{out: make([]byte, 0, 1024)}
	w.open()
	w.text("aaguid", p.AAGUID)
	w.bytes("authenticator_data", p.AuthenticatorData)
	w.bool("backup_eligible", p.BackupEligible)
	w.bool("backup_state", p.BackupState)
	w.bytes("client_data_json", p.ClientDataJSON)
	w.bytes("credential_id", p.CredentialID)
	w.bytes("public_key", p.PublicKey)
	w.bytes("signature", p.Signature)
	w.close()
	return w.result("passkey")
}

// AAGUID returns the UUID text of an authenticator's 16-byte AAGUID.
func AAGUID(raw []byte) (string, error) {
	if len(raw) != 16 {
		return "", fmt.Errorf("AAGUID has %d bytes, not 16", len(raw))
	}
	h := hex.EncodeToString(raw)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-"), nil
}
