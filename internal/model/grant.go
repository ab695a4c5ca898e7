package model

import "encoding/json"

// A Grant is what a person or client was given; every token hangs under one
// grant and dies with it. One row for its whole life: using a refresh token
// moves a number in it.
type Grant struct {
	RealmID       RealmID
	ID            GrantID
	Kind          string // grant type it came from
	IdentityID    IdentityID
	ApplicationID ClientID
	ApprovalID    ApprovalID
	SessionID     SessionID // that it ends with; empty: it outlives the session (offline_access)
	ParentID      GrantID   // whose end is its end too (RFC 8693)
	Scope         string
	Terms         GrantTerms
	// Refresh is the number of the refresh token that counts now; 0: there is
	// none. RefreshedAt is since when.
	Refresh     int64
	RefreshedAt Millis
	CreatedAt   Millis
	ExpiresAt   Millis
	RevokedAt   Millis
}

// GrantTerms are what a grant was given for, beside its scope. Stored as JSON:
// members may be added, never renamed.
type GrantTerms struct {
	Resources []string          `json:"resource,omitempty"`
	Details   []json.RawMessage `json:"authorization_details,omitempty"`
	Claims    json.RawMessage   `json:"claims,omitempty"`    // of the request (OpenID Connect Core 1.0, Section 5.5)
	AuthTime  int64             `json:"auth_time,omitempty"` // Unix seconds
	ACR       string            `json:"acr,omitempty"`
	AMR       []string          `json:"amr,omitempty"`
	SessionID SessionID         `json:"sid,omitempty"`
	JKT       string            `json:"jkt,omitempty"` // key that the refresh token is bound to (RFC 9449, Section 5)
	X5T       string            `json:"x5t,omitempty"` // certificate that it is bound to (RFC 8705, Section 4)
	Act       json.RawMessage   `json:"act,omitempty"` // RFC 8693, Section 4.1
	Subject   string            `json:"sub,omitempty"` // of tokens that are for no identity of the realm
}

// A Refreshing moves a grant from one refresh token to the next.
type Refreshing struct {
	RealmID RealmID
	ID      GrantID
	From    int64 // the number that must count now; it becomes From + 1
	At      Millis
	Expires Millis // new end of the grant
}

// A Parked is state that is too large for a client to carry, or that must be
// here: pushed authorization requests and long authorization codes.
type Parked struct {
	RealmID   RealmID
	Digest    [32]byte // of the reference that the client carries
	Sealed    []byte
	ExpiresAt Millis
}

// DeviceState is the life of a device authorization request (RFC 8628).
type DeviceState string

// The states of a device request. Only one transition out of pending wins.
const (
	DevicePending  DeviceState = "pending"
	DeviceApproved DeviceState = "approved"
	DeviceDenied   DeviceState = "denied"
	DeviceRedeemed DeviceState = "redeemed"
)

// A DeviceRequest is a device that waits for a person (RFC 8628, Section 3.1).
type DeviceRequest struct {
	RealmID       RealmID
	Digest        [32]byte // of the device code
	UserCode      string   // upper case, without separators
	ApplicationID ClientID
	State         DeviceState
	Scope         string
	Terms         GrantTerms
	IdentityID    IdentityID // who decided
	UserAgent     string     // of the device
	Address       string     // network address that the device asked from
	CreatedAt     Millis
	DecidedAt     Millis
	ExpiresAt     Millis
}

// A Consent is what a person agreed that an application may have. Items are
// single scopes, details and resources, so that agreeing to more only adds.
type Consent struct {
	RealmID       RealmID
	IdentityID    IdentityID
	ApplicationID ClientID
	Item          string // "scope email", "resource https://...", "details <hash>"
	At            Millis
}

// An Allowance is an application that was given something of a person's.
type Allowance struct {
	RealmID       RealmID
	IdentityID    IdentityID
	ApplicationID ClientID
	UsedAt        Millis // when it was last given a grant; 0: never
	// DisallowedAt is when the person last took back what it had; 0: never. What was
	// decided by then gives no grant.
	DisallowedAt Millis
}

// An OpaqueToken is an access token that is a reference to its claims.
type OpaqueToken struct {
	RealmID   RealmID
	Digest    [32]byte
	Claims    []byte // JSON, as a JWT would hold
	ExpiresAt Millis
}
