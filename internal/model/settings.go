package model

import (
	"slices"
	"time"
)

// A Profile names a bundle of switches, each of which can also be set alone
// (internal/service/application, profile.go).
type Profile string

// The profiles. New applications are oauth21.
const (
	ProfileOIDC         Profile = "oidc"
	ProfileOAuth21      Profile = "oauth21"
	ProfileFAPI2        Profile = "fapi2"
	ProfileFAPI2Signing Profile = "fapi2_message_signing"
	ProfileFAPICIBA     Profile = "fapi_ciba"
	ProfileMCP          Profile = "mcp"
)

// A SenderConstraint says to what an application's access tokens are bound.
type SenderConstraint string

// Bound tokens are of no use to whoever copies them.
const (
	SenderNone SenderConstraint = ""
	SenderDPoP SenderConstraint = "dpop" // RFC 9449
	SenderMTLS SenderConstraint = "mtls" // RFC 8705, Section 3
)

// A RefreshPolicy says what happens to a refresh token when it is used.
type RefreshPolicy string

// Rotate gives a new one each time; keep gives the same one for as long as the
// grant lives (FAPI 2.0 Security Profile, Section 5.3.2.1).
const (
	RefreshNone   RefreshPolicy = ""
	RefreshRotate RefreshPolicy = "rotate"
	RefreshKeep   RefreshPolicy = "keep"
)

// ApplicationSettings are the switches of one application. Stored as JSON:
// members may be added, never renamed. The zero value of a switch is the
// strict one. Names are those of RFC 7591 and OpenID Connect Dynamic Client
// Registration 1.0 where they have one.
type ApplicationSettings struct {
	Profile    Profile          `json:"profile,omitempty"`
	AuthMethod ClientAuthMethod `json:"token_endpoint_auth_method"`
	GrantTypes []string         `json:"grant_types"`

	// What it may ask for.
	Scopes        []string `json:"scopes"`
	DefaultScopes []string `json:"default_scopes,omitempty"`
	AnyScope      bool     `json:"any_scope,omitempty"` // clients that registered themselves: whatever the realm offers
	Resources     []string `json:"resources,omitempty"` // first: the default audience
	DetailsTypes  []string `json:"authorization_details_types,omitempty"`

	// Authorization endpoint.
	RedirectURIs     []string `json:"redirect_uris,omitempty"`
	ResponseModes    []string `json:"response_modes,omitempty"` // empty: query, form_post and, with AuthorizationAlg, the jwt forms
	OptionalPKCE     bool     `json:"optional_pkce,omitempty"`
	RequirePAR       bool     `json:"require_pushed_authorization_requests,omitempty"`
	RequireSigned    bool     `json:"require_signed_request_object,omitempty"`
	RequestAlg       string   `json:"request_object_signing_alg,omitempty"` // empty: as for assertions
	AuthorizationAlg string   `json:"authorization_signed_response_alg,omitempty"`
	DefaultMaxAge    int      `json:"default_max_age,omitempty"` // seconds; 0: none
	RequireAuthTime  bool     `json:"require_auth_time,omitempty"`
	DefaultACRValues []string `json:"default_acr_values,omitempty"`
	FirstParty       bool     `json:"first_party,omitempty"` // the realm's own: nobody is asked for consent
	InitiateLoginURI string   `json:"initiate_login_uri,omitempty"`
	CodeLifetime     int      `json:"code_lifetime,omitempty"` // seconds; 0: 60, which is also the most

	// AuthenticatorConfig says how people authenticate; empty: on the realm's pages.
	AuthenticatorConfig AuthenticatorConfigID `json:"authenticator_config_id,omitempty"`

	// Client authentication.
	AssertionAlgs  []string `json:"assertion_algs,omitempty"`  // empty: ES256, EdDSA, PS256
	StrictAudience bool     `json:"strict_audience,omitempty"` // FAPI: aud of assertions is the issuer alone
	JWKSURI        string   `json:"jwks_uri,omitempty"`
	TLSSubjectDN   string   `json:"tls_client_auth_subject_dn,omitempty"` // RFC 8705, Section 2.1.2: exactly one of these
	TLSSanDNS      string   `json:"tls_client_auth_san_dns,omitempty"`
	TLSSanURI      string   `json:"tls_client_auth_san_uri,omitempty"`
	TLSSanIP       string   `json:"tls_client_auth_san_ip,omitempty"`
	TLSSanEmail    string   `json:"tls_client_auth_san_email,omitempty"`

	// Tokens.
	Sender           SenderConstraint `json:"sender_constraint,omitempty"`
	DPoPNonce        bool             `json:"dpop_nonce,omitempty"` // proofs must hold a nonce of the server
	Refresh          RefreshPolicy    `json:"refresh_policy,omitempty"`
	RefreshLifetime  int              `json:"refresh_token_lifetime,omitempty"` // seconds; 0: 30 days
	TokenAlg         string           `json:"access_token_alg,omitempty"`
	TokenLifetime    int              `json:"access_token_lifetime,omitempty"` // seconds; 0: 300
	OpaqueTokens     bool             `json:"opaque_access_tokens,omitempty"`
	SubjectType      string           `json:"subject_type,omitempty"`      // "pairwise"; empty: public
	Sector           string           `json:"sector_identifier,omitempty"` // host that pairwise subjects are for
	SectorURI        string           `json:"sector_identifier_uri,omitempty"`
	IDTokenAlg       string           `json:"id_token_signed_response_alg,omitempty"`
	UserinfoAlg      string           `json:"userinfo_signed_response_alg,omitempty"`      // empty: JSON
	IntrospectionAlg string           `json:"introspection_signed_response_alg,omitempty"` // empty: JSON unless asked for

	// CIBA Core 1.0, Section 4.
	DeliveryMode         string `json:"backchannel_token_delivery_mode,omitempty"` // "ping"; empty: poll
	NotificationEndpoint string `json:"backchannel_client_notification_endpoint,omitempty"`
	CIBARequestAlg       string `json:"backchannel_authentication_request_signing_alg,omitempty"`
	RequireSignedCIBA    bool   `json:"require_signed_backchannel_request,omitempty"`

	// Token exchange (RFC 8693).
	Exchange ExchangePolicy `json:"token_exchange,omitzero"`

	// Logout.
	PostLogoutURIs      []string `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogout   string   `json:"backchannel_logout_uri,omitempty"`
	BackchannelSession  bool     `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelLogout  string   `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelSession bool     `json:"frontchannel_logout_session_required,omitempty"`

	// Description is for those who manage it. Nobody else is shown it.
	Description string `json:"description,omitempty"`

	// What people are shown, as untrusted text.
	ClientURI string   `json:"client_uri,omitempty"`
	LogoURI   string   `json:"logo_uri,omitempty"`
	PolicyURI string   `json:"policy_uri,omitempty"`
	TermsURI  string   `json:"tos_uri,omitempty"`
	Contacts  []string `json:"contacts,omitempty"`

	// Origin is how the application came to be: "" an operator, "dcr" dynamic
	// registration (RFC 7591), "cimd" a client id metadata document, "file" the
	// operator's file of static applications, "api" the management API, "builtin"
	// every realm has it.
	Origin Origin `json:"origin,omitempty"`
	// Management: its own tokens are good for the management API. Only an operator
	// at the server itself can say so.
	Management bool `json:"management,omitempty"`
	// RegistrationDigest is SHA-256 of the registration access token (RFC 7592,
	// Section 3), base64url; empty: none.
	RegistrationDigest string `json:"registration_token_digest,omitempty"`
	SoftwareID         string `json:"software_id,omitempty"`
	SoftwareVersion    string `json:"software_version,omitempty"`
}

// An Origin is how an application came to be registered.
type Origin string

// The origins other than an operator.
const (
	OriginDynamic  Origin = "dcr"
	OriginDocument Origin = "cimd"
	OriginFile     Origin = "file"
	OriginAPI      Origin = "api"
	OriginBuiltIn  Origin = "builtin"
)

// An ExchangePolicy says what an application may exchange tokens for.
type ExchangePolicy struct {
	// Impersonate: it may get tokens for a subject without an `act` claim that
	// names it.
	Impersonate bool `json:"impersonate,omitempty"`
	// Audiences are the resources and client ids for which it may ask beyond its
	// own resources.
	Audiences []string `json:"audiences,omitempty"`
	// IdentityAssertions: it may get ID-JAGs for these authorization servers
	// (issuer identifiers).
	IdentityAssertions []string `json:"identity_assertions,omitempty"`
	// AssertionClients says by which client id each of them knows the application;
	// one that is not named knows it by the same id as this server.
	AssertionClients map[string]ClientID `json:"identity_assertion_clients,omitempty"`
	// AssertionEmail: its ID-JAGs hold the person's e-mail address, for servers that
	// know people by it.
	AssertionEmail bool `json:"identity_assertion_email,omitempty"`
}

// Allows reports whether the application may use a grant type.
func (s ApplicationSettings) Allows(grantType string) bool {
	return slices.Contains(s.GrantTypes, grantType)
}

// Defaults of lifetimes.
const (
	CodeLifetime    = 60 * time.Second // RFC 9700 and our own rule: at most
	TokenLifetime   = 300 * time.Second
	RefreshLifetime = 30 * 24 * time.Hour
)

// CodeLives is how long an authorization code of the application lives.
func (s ApplicationSettings) CodeLives() time.Duration {
	return min(seconds(s.CodeLifetime, CodeLifetime), CodeLifetime)
}

// TokenLives is how long an access token of the application lives.
func (s ApplicationSettings) TokenLives() time.Duration {
	return seconds(s.TokenLifetime, TokenLifetime)
}

// RefreshLives is how long a grant of the application can be refreshed.
func (s ApplicationSettings) RefreshLives() time.Duration {
	return seconds(s.RefreshLifetime, RefreshLifetime)
}

func seconds(n int, otherwise time.Duration) time.Duration {
	if n <= 0 {
		return otherwise
	}
	return time.Duration(n) * time.Second
}
