package model

import "slices"

// ApplicationKind says what an application is for.
type ApplicationKind string

// The kinds of application. Services and agents have no user in front of them.
const (
	KindWeb     ApplicationKind = "web"
	KindSPA     ApplicationKind = "spa"
	KindNative  ApplicationKind = "native"
	KindService ApplicationKind = "service"
	KindAgent   ApplicationKind = "agent"
)

// ApplicationStatus says whether an application may get or use tokens.
type ApplicationStatus string

// A frozen application is one that a person or admin stopped for now.
const (
	ApplicationActive   ApplicationStatus = "active"
	ApplicationFrozen   ApplicationStatus = "frozen"
	ApplicationDisabled ApplicationStatus = "disabled"
)

// ClientAuthMethod is a token endpoint authentication method (RFC 7591,
// Section 2; OpenID Connect Core 1.0, Section 9).
type ClientAuthMethod string

// The client authentication methods that exist so far.
const (
	AuthNone              ClientAuthMethod = "none"
	AuthClientSecretBasic ClientAuthMethod = "client_secret_basic"
	AuthClientSecretPost  ClientAuthMethod = "client_secret_post"
	AuthPrivateKeyJWT     ClientAuthMethod = "private_key_jwt"
)

// An Application is a registered OAuth client.
type Application struct {
	RealmID             RealmID
	ID                  ClientID
	Kind                ApplicationKind
	Name                string
	Status              ApplicationStatus
	OwnerID             IdentityID // of an agent; empty otherwise
	Settings            ApplicationSettings
	Keys                []ClientKey
	Secrets             []ClientSecret
	TokensInvalidBefore Millis
	CreatedAt           Millis
	Version             int64
}

// ApplicationSettings are the switches of one application. Stored as JSON:
// members may be added, never renamed. The zero value of a switch is the
// strict one.
type ApplicationSettings struct {
	AuthMethod     ClientAuthMethod `json:"token_endpoint_auth_method"`
	GrantTypes     []string         `json:"grant_types"`
	Scopes         []string         `json:"scopes"`
	DefaultScopes  []string         `json:"default_scopes,omitempty"`
	Resources      []string         `json:"resources,omitempty"` // first: the default audience
	TokenAlg       string           `json:"access_token_alg,omitempty"`
	TokenLifetime  int              `json:"access_token_lifetime,omitempty"` // seconds; 0: 300
	AssertionAlgs  []string         `json:"assertion_algs,omitempty"`        // empty: ES256, EdDSA, PS256
	StrictAudience bool             `json:"strict_audience,omitempty"`       // FAPI: aud of assertions is the issuer alone
	IDTokenAlg     string           `json:"id_token_signed_response_alg,omitempty"`
}

// Allows reports whether the application may use a grant type.
func (s ApplicationSettings) Allows(grantType string) bool {
	return slices.Contains(s.GrantTypes, grantType)
}

// KeyStatus is the life of a client's key.
type KeyStatus string

// Retiring keys still work until RetireAt.
const (
	KeyActive   KeyStatus = "active"
	KeyRetiring KeyStatus = "retiring"
	KeyRetired  KeyStatus = "retired"
)

// A ClientKey is a public key with which an application authenticates.
type ClientKey struct {
	KID        ClientKeyID
	JWK        []byte // public JWK, JSON
	Status     KeyStatus
	CreatedAt  Millis
	RetireAt   Millis // of a retiring key: the instant from which it is refused
	LastUsedAt Millis
}

// UsableAt reports whether the key may authenticate at an instant.
func (k ClientKey) UsableAt(now Millis) bool {
	switch k.Status {
	case KeyActive:
		return true
	case KeyRetiring:
		return now < k.RetireAt
	default:
		return false
	}
}

// A ClientSecret is stored as SHA-256: it holds 256 random bits, so a slow
// password hash would add cost and no safety.
type ClientSecret struct {
	Digest    []byte
	CreatedAt Millis
	ExpiresAt Millis // 0: never
}
