package model

// A Tenant is an organisation on this server.
type Tenant struct {
	ID        TenantID
	Name      string // unique, for people
	CreatedAt Millis
}

// RealmStatus says whether a realm works at all.
type RealmStatus string

// A disabled realm answers discovery and nothing else.
const (
	RealmActive   RealmStatus = "active"
	RealmDisabled RealmStatus = "disabled"
)

// A Realm is a directory of identities with its own applications, keys,
// policies and issuer.
type Realm struct {
	ID          RealmID
	TenantID    TenantID
	Name        string // unique, [a-z0-9-]{1,63}: the path segment of its issuer
	DisplayName string
	Default     bool // its issuer is the server's base URL
	Status      RealmStatus
	Policy      RealmPolicy
	// TokensInvalidBefore refuses every token of the realm issued before it.
	TokensInvalidBefore Millis
	CreatedAt           Millis
	Version             int64 // grows by one with each change; the ETag
}

// RealmPolicy is what an operator may set per realm. The zero value is safe.
// It is stored as JSON: members may be added, never renamed.
type RealmPolicy struct {
	// Development realms may use software passkeys and demo endpoints.
	Development bool `json:"development,omitempty"`
	// AskAnyone lets every application of the realm ask every identity of it.
	// Off, an application may only ask its owner or a person who consented.
	AskAnyone bool `json:"ask_anyone,omitempty"`
	// RevealUnknownUsers answers `unknown_user_id` for strangers (CIBA Core
	// 1.0, Section 13); off, strangers get the same answer as everybody.
	RevealUnknownUsers bool `json:"reveal_unknown_users,omitempty"`
	// RPID is the WebAuthn relying party id; empty: the issuer's host name.
	RPID string `json:"rp_id,omitempty"`
}
