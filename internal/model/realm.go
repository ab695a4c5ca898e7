package model

import (
	"encoding/json"

	"github.com/assent-id/assent/internal/format/passkey"
)

// A Tenant is an organisation on this server.
type Tenant struct {
	ID        TenantID
	Name      string // unique, for people
	CreatedAt Millis
	UpdatedAt Millis
	Version   int64
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
	Theme       Theme
	// TokensInvalidBefore refuses every token of the realm issued before it.
	TokensInvalidBefore Millis
	CreatedAt           Millis
	UpdatedAt           Millis
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
	// Host is the realm's own host name, which makes its issuer; empty: it has the
	// server's, and a path. The default realm has none of its own. It must not
	// change: issuers, passkeys and evidence name it.
	Host string `json:"host,omitempty"`
	// RelatedOrigins are other origins that may use the realm's passkeys (Web
	// Authentication Level 3, Section 5.11).
	RelatedOrigins []string `json:"related_origins,omitempty"`
	// Attestation says which authenticators new passkeys may come from.
	Attestation AttestationPolicy `json:"attestation,omitzero"`
	// SubjectDIDs makes public subjects did:web identifiers (did:web:host:idn_...)
	// instead of plain identity ids.
	SubjectDIDs bool `json:"subject_dids,omitempty"`
	// Passwords switches the optional password method on.
	Passwords bool `json:"passwords,omitempty"`
	// DPoPNonce asks every DPoP proof for a nonce of the server (RFC 9449,
	// Section 8).
	DPoPNonce bool `json:"dpop_nonce,omitempty"`
	// DPoPAlgs are what DPoP proofs may be signed with; empty: ES256, EdDSA, PS256.
	DPoPAlgs []string `json:"dpop_algs,omitempty"`
	// Registration says who may register applications (RFC 7591).
	Registration RegistrationPolicy `json:"registration,omitzero"`
	// CIMD says which client id metadata documents are taken.
	CIMD DocumentPolicy `json:"cimd,omitzero"`
	// Resources are the resource servers of the realm.
	Resources []ResourcePolicy `json:"resources,omitempty"`
	// TrustedIssuers may vouch for subjects (RFC 7523, Section 2.1).
	TrustedIssuers []TrustedIssuer `json:"trusted_issuers,omitempty"`
	// DetailsTypes are the registered authorization_details types beside those of
	// approvals, each with its JSON Schema (RFC 9396, Section 11).
	DetailsTypes map[string]json.RawMessage `json:"authorization_details_types,omitempty"`
}

// AttestationDirect asks authenticators for a statement of their make.
const AttestationDirect = "direct"

// An AttestationPolicy is what a realm wants to know of the make of authenticators
// when a passkey is bound (Web Authentication Level 3, Section 6.5). The zero value
// asks for nothing.
type AttestationPolicy struct {
	Mode string `json:"mode,omitempty"` // AttestationDirect, or empty
	// Require refuses passkeys that no certificate under Roots vouches for.
	Require bool `json:"require,omitempty"`
	// Authenticators are the AAGUIDs that are taken, as UUIDs; empty: all.
	Authenticators []string `json:"authenticators,omitempty"`
	// Roots are certificates in PEM to one of which a statement's must chain.
	Roots []string `json:"roots,omitempty"`
}

// Rules are the policy as ceremonies heed it.
func (p AttestationPolicy) Rules() passkey.Attestation {
	return passkey.Attestation{Direct: p.Mode == AttestationDirect, Require: p.Require,
		Authenticators: p.Authenticators, Roots: p.Roots}
}

// A RegistrationMode says who may register applications.
type RegistrationMode string

// The zero value lets nobody.
const (
	RegistrationOff   RegistrationMode = ""
	RegistrationToken RegistrationMode = "token" // with an initial access token (RFC 7591, Section 3)
	RegistrationOpen  RegistrationMode = "open"
)

// A RegistrationPolicy is how applications may register themselves.
type RegistrationPolicy struct {
	Mode RegistrationMode `json:"mode,omitempty"`
	// SoftwareStatements: issuers (of TrustedIssuers) whose software statements
	// (RFC 7591, Section 2.3) are believed.
	SoftwareStatements []string `json:"software_statements,omitempty"`
	// RequireStatement refuses whoever brings none.
	RequireStatement bool `json:"require_software_statement,omitempty"`
}

// On reports whether anybody may register at all.
func (p RegistrationPolicy) On() bool {
	return p.Mode == RegistrationToken || p.Mode == RegistrationOpen
}

// A DocumentPolicy says whose client id metadata documents are taken. Hosts are
// exact names or "*.example.com".
type DocumentPolicy struct {
	Enabled bool     `json:"enabled,omitempty"`
	Allow   []string `json:"allow,omitempty"` // empty: every host that is not denied
	Deny    []string `json:"deny,omitempty"`
}

// A TokenFormat is how access tokens are written.
type TokenFormat string

// The formats. The zero value leaves it to the application.
const (
	TokenJWT    TokenFormat = "jwt"    // RFC 9068
	TokenOpaque TokenFormat = "opaque" // a reference, which the server explains (RFC 7662)
)

// A ResourcePolicy is a resource server of the realm, as far as tokens for it
// are concerned (RFC 8707).
type ResourcePolicy struct {
	// ID names it at the management API, and Version counts its changes. Both are
	// the server's: one that comes without is given them.
	ID            ResourceServerID `json:"id,omitempty"`
	Version       int64            `json:"version,omitempty"`
	CreatedAt     Millis           `json:"created_at,omitempty"`
	UpdatedAt     Millis           `json:"updated_at,omitempty"`
	Resource      string           `json:"resource"` // its identifier, the audience
	Name          string           `json:"name,omitempty"`
	Scopes        []string         `json:"scopes,omitempty"`
	DefaultScopes []string         `json:"default_scopes,omitempty"` // for clients that ask for none
	// ScopeTexts say to people what a scope lets an application do. They are shown as
	// they are, in every language.
	ScopeTexts map[string]string `json:"scope_texts,omitempty"`
	// ApprovalScopes, of Scopes, are given by an approval alone (CIBA), for the one
	// action that the person approved.
	ApprovalScopes []string `json:"approval_scopes,omitempty"`
	// TokenFormat and TokenLifetime, in seconds, of access tokens for it; empty and
	// 0: those of the application.
	TokenFormat   TokenFormat `json:"access_token_format,omitempty"`
	TokenLifetime int         `json:"access_token_lifetime,omitempty"`
	// Clients are the applications that act for it: they may introspect the tokens
	// that are for it and follow the revocation feed.
	Clients []ClientID `json:"clients,omitempty"`
}

// A TrustedIssuer vouches for subjects by signed assertions.
type TrustedIssuer struct {
	Issuer  string          `json:"issuer"`
	JWKSURI string          `json:"jwks_uri,omitempty"` // one of the two
	JWKS    json.RawMessage `json:"jwks,omitempty"`
	Algs    []string        `json:"algs,omitempty"` // empty: ES256, EdDSA, PS256, RS256
	// Audiences are what its assertions may be addressed to beside this issuer
	// and the token endpoint.
	Audiences []string `json:"audiences,omitempty"`
	// Subjects maps what its assertions call a subject to what it is here. A
	// subject that no rule matches is refused.
	Subjects []SubjectRule `json:"subjects,omitempty"`
	// IdentityAssertions: it may issue ID-JAGs for this server.
	IdentityAssertions bool `json:"identity_assertions,omitempty"`
	// MaxLifetime of its assertions, in seconds; 0: 3600.
	MaxLifetime int `json:"max_lifetime,omitempty"`
	// Reusable: an assertion with a jti may be presented again until it expires, as
	// a token that is mounted into a workload is. ID-JAGs never may.
	Reusable bool `json:"reusable,omitempty"`
	// TrustEmails: an e-mail address counts as a login although its assertions do
	// not say, in email_verified, whether somebody verified it.
	TrustEmails bool `json:"trust_emails,omitempty"`
}

// A SubjectRule lets subjects of a trusted issuer in.
type SubjectRule struct {
	// Subject is the exact `sub`, or a prefix that ends with "*".
	Subject string `json:"subject"`
	// Claims must be there with these very values. A name that starts with "/" is
	// a JSON Pointer (RFC 6901), such as "/kubernetes.io/namespace".
	Claims map[string]string `json:"claims,omitempty"`
	// Identity is whom the tokens are for: an identity id, or "login:{claim}" for
	// the identity that has that claim's value as its login. Empty: the tokens are
	// for the workload itself, under the name that the issuer gives it.
	Identity string `json:"identity,omitempty"`
	// Prefix is put before the name of a workload, to tell apart those of issuers
	// that name alike, such as two clusters.
	Prefix string `json:"prefix,omitempty"`
	// Clients may present it; empty: every confidential client with the grant type.
	Clients []ClientID `json:"clients,omitempty"`
	Scopes  []string   `json:"scopes,omitempty"` // at most these; empty: the client's
}
