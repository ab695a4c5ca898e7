package model

import (
	"cmp"
	"slices"
	"strings"

	"github.com/assent-id/assent/sdk/evidence"
)

// IdentityStatus says whether a person may do anything.
type IdentityStatus string

// A suspended identity can neither sign in nor decide, and its tokens are dead.
const (
	IdentityActive    IdentityStatus = "active"
	IdentitySuspended IdentityStatus = "suspended"
)

// An Identity is a person in a realm.
type Identity struct {
	RealmID             RealmID
	ID                  IdentityID
	DisplayName         string
	Status              IdentityStatus
	Traits              Traits
	TokensInvalidBefore Millis
	AdminSince          Millis // may manage the realm since then; 0: may not
	CreatedAt           Millis
	UpdatedAt           Millis
	Version             int64
}

// Traits are what is known of a person. Stored as JSON: members may be added,
// never renamed. They are told as the standard claims of OpenID Connect Core 1.0,
// Section 5.1.
type Traits struct {
	Type                string `json:"type"` // "traits_v0"
	Username            string `json:"username"`
	PrimaryEmailAddress string `json:"primary_email_address,omitempty"`
	EmailVerified       bool   `json:"primary_email_verified,omitempty"` // somebody saw that it is the person's
	GivenName           string `json:"given_name,omitempty"`
	FamilyName          string `json:"family_name,omitempty"`
	MiddleName          string `json:"middle_name,omitempty"`
	Nickname            string `json:"nickname,omitempty"`
	PrimaryPhone        string `json:"primary_phone,omitempty"` // E.164
	PhoneVerified       bool   `json:"primary_phone_verified,omitempty"`
	Locale              string `json:"locale,omitempty"`   // RFC 5646
	Zoneinfo            string `json:"zoneinfo,omitempty"` // "Europe/Paris"
	Gender              string `json:"gender,omitempty"`
	Birthdate           string `json:"birthdate,omitempty"` // YYYY-MM-DD, 0000-MM-DD or YYYY
	Profile             string `json:"profile,omitempty"`   // http or https URLs
	Picture             string `json:"picture,omitempty"`
	Website             string `json:"website,omitempty"`
	ExternalID          string `json:"external_id,omitempty"`
}

// FoldName is the form in which user names and e-mail addresses are compared:
// they are unique ignoring case.
func FoldName(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// A Passkey is a WebAuthn credential of an identity. A revoked one stays as a
// row, because evidence that it signed stays valid.
type Passkey struct {
	RealmID        RealmID
	ID             PasskeyID
	IdentityID     IdentityID
	Name           string
	CredentialID   []byte
	PublicKey      []byte // COSE
	AAGUID         []byte // 16 bytes
	SignCount      uint32
	BackupEligible bool
	BackupState    bool
	Transports     []string
	// RPID is the relying party that it was made for; empty: the realm's own. One of
	// another is good for applications whose authenticator config names that alone.
	RPID string
	// Attestation is what is known of the authenticator's make; empty: nothing.
	Attestation string
	// Binding is the realm's JWS that this public key belongs to this identity
	// from then on; evidence carries it (sdk/evidence, BindingClaims).
	Binding    string
	CreatedAt  Millis
	LastUsedAt Millis
	RevokedAt  Millis
}

// For reports whether the passkey was made for the relying party rpID, where
// realmRPID is the realm's own. A browser offers it there and nowhere else (Web
// Authentication Level 3, Section 13.4.4), so nobody else may list it either.
func (p Passkey) For(rpID, realmRPID string) bool {
	return cmp.Or(p.RPID, realmRPID) == rpID
}

// Software reports whether the passkey lives in a program rather than with a
// person. Only development realms take such passkeys.
func (p Passkey) Software() bool {
	aaguid, err := evidence.AAGUID(p.AAGUID)
	return err == nil && aaguid == evidence.SoftwareAAGUID
}

// A PasskeyHome says where a passkey is, and nothing more of it.
type PasskeyHome struct {
	RealmID RealmID
	RPID    string // as in Passkey
}

// BindingState is the life of a binding job.
type BindingState string

// The states of a binding job. COMPLETE, EXPIRED and REVOKED are final.
const (
	BindingLinkSent   BindingState = "LINK_SENT"
	BindingLinkOpened BindingState = "LINK_OPENED"
	BindingComplete   BindingState = "COMPLETE"
	BindingExpired    BindingState = "EXPIRED"
	BindingRevoked    BindingState = "REVOKED"
	BindingSendFailed BindingState = "FAILED_TO_SEND"
)

// How the link of a binding job reaches its person.
const (
	DeliverReturn = "RETURN" // in the answer to who asked
	DeliverEmail  = "EMAIL"
	DeliverSelf   = "SELF" // the person made it, to add a passkey or to recover
)

// A BindingJob is a one-time, expiring invitation to bind a passkey to an
// identity. The token of its link is stored as a digest only.
type BindingJob struct {
	RealmID        RealmID
	ID             BindingJobID
	IdentityID     IdentityID
	TokenDigest    []byte // 32 bytes
	DeliveryMethod string // DeliverReturn, DeliverEmail or DeliverSelf
	State          BindingState
	RedirectURI    string
	ConfigID       AuthenticatorConfigID // where the link leads; empty: a page of the realm
	Proof          string                // ProofRecovery, or empty
	CreatedBy      string                // id of who asked for it
	Failure        string                // why it could not be sent, in a few words
	CreatedAt      Millis
	UpdatedAt      Millis
	ExpiresAt      Millis
}

// StateAt is the state as it is seen at an instant: an unused job past its
// time is expired, whether or not anybody has written that down.
func (j BindingJob) StateAt(now Millis) BindingState {
	open := j.State == BindingLinkSent || j.State == BindingLinkOpened
	if open && now >= j.ExpiresAt {
		return BindingExpired
	}
	return j.State
}

// A Session is a person signed in in one browser.
type Session struct {
	RealmID    RealmID
	ID         SessionID // `sid` in tokens
	Digest     []byte    // of the cookie's 256 random bits
	IdentityID IdentityID
	PasskeyID  PasskeyID // that opened it; empty: a password did
	AuthTime   Millis
	LastSeenAt Millis
	ExpiresAt  Millis // absolute
	IdleUntil  Millis // moves with use
	EndedAt    Millis
	UserAgent  string
	// Earlier are what opened it before, where the person signed in again since.
	Earlier []PasskeyID
}

// OpenedBy reports whether the session is the work of a passkey, or, where none is
// named, of a password: then it ends with it.
func (s Session) OpenedBy(id PasskeyID) bool {
	return s.PasskeyID == id || slices.Contains(s.Earlier, id)
}

// Alive reports whether the session counts at an instant.
func (s Session) Alive(now Millis) bool {
	return s.EndedAt == 0 && now < s.ExpiresAt && now < s.IdleUntil
}
