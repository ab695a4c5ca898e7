package oauth

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/assent-id/assent/internal/model"
)

// metadata is what the server says of itself: RFC 8414, Section 2, OpenID Connect
// Discovery 1.0, Section 3, and what their extensions add. It advertises what
// works and nothing else: what a realm does not offer is left out.
type metadata struct {
	endpoints
	JWKSURI       string   `json:"jwks_uri"`
	EvidenceKeys  string   `json:"assent_evidence_keys_uri"` // docs/divergences.md
	Feed          string   `json:"revocation_feed_endpoint"` // as above
	GrantTypes    []string `json:"grant_types_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	ResponseModes []string `json:"response_modes_supported"`
	Scopes        []string `json:"scopes_supported"`
	Approvals     []string `json:"approval_scopes_supported,omitempty"` // docs/divergences.md
	SubjectTypes  []string `json:"subject_types_supported"`
	ACRValues     []string `json:"acr_values_supported"`
	Prompts       []string `json:"prompt_values_supported"` // Initiating User Registration 1.0, Section 4
	Displays      []string `json:"display_values_supported"`
	Locales       []string `json:"ui_locales_supported"`

	Claims          []string `json:"claims_supported"`
	ClaimTypes      []string `json:"claim_types_supported"`
	ClaimsParameter bool     `json:"claims_parameter_supported"`

	ISSParameter   bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207, Section 3
	Challenges     []string `json:"code_challenge_methods_supported"`
	RequirePAR     bool     `json:"require_pushed_authorization_requests"` // RFC 9126, Section 5: some applications must
	RequireSigned  bool     `json:"require_signed_request_object"`         // RFC 9101, Section 10.5: as above
	RequestObject  bool     `json:"request_parameter_supported"`
	RequestURI     bool     `json:"request_uri_parameter_supported"` // by reference to a client; ours come from PAR
	RequestAlgs    []string `json:"request_object_signing_alg_values_supported"`
	DetailsTypes   []string `json:"authorization_details_types_supported,omitempty"`
	ClientDocument bool     `json:"client_id_metadata_document_supported"`

	AuthMethods              []string `json:"token_endpoint_auth_methods_supported"`
	AuthAlgs                 []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthAlgs    []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthAlgs       []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`

	IDTokenAlgs       []string `json:"id_token_signing_alg_values_supported"`
	UserinfoAlgs      []string `json:"userinfo_signing_alg_values_supported"`
	AuthorizationAlgs []string `json:"authorization_signing_alg_values_supported"` // JARM, Section 4
	IntrospectionAlgs []string `json:"introspection_signing_alg_values_supported"` // RFC 9701, Section 7
	DPoPAlgs          []string `json:"dpop_signing_alg_values_supported"`          // RFC 9449, Section 5.1

	TLSBound bool       `json:"tls_client_certificate_bound_access_tokens"` // RFC 8705, Section 3.3
	Aliases  *endpoints `json:"mtls_endpoint_aliases,omitempty"`            // RFC 8705, Section 5

	DeliveryModes []string `json:"backchannel_token_delivery_modes_supported"` // CIBA Core 1.0, Section 4
	CIBAAlgs      []string `json:"backchannel_authentication_request_signing_alg_values_supported"`
	UserCode      bool     `json:"backchannel_user_code_parameter_supported"`

	BackchannelLogout   bool `json:"backchannel_logout_supported"`
	BackchannelSession  bool `json:"backchannel_logout_session_supported"`
	FrontchannelLogout  bool `json:"frontchannel_logout_supported"`
	FrontchannelSession bool `json:"frontchannel_logout_session_supported"`

	GrantProfiles []string `json:"authorization_grant_profiles_supported,omitempty"` // ID-JAG, Section 7.2
	Chaining      []string `json:"identity_chaining_requested_token_types_supported"`
	Resources     []string `json:"protected_resources,omitempty"` // RFC 9728, Section 4
}

// endpoints are what clients call.
type endpoints struct {
	Issuer        string `json:"issuer,omitempty"`
	Authorization string `json:"authorization_endpoint,omitempty"`
	Token         string `json:"token_endpoint,omitempty"`
	Userinfo      string `json:"userinfo_endpoint,omitempty"`
	Registration  string `json:"registration_endpoint,omitempty"`
	PAR           string `json:"pushed_authorization_request_endpoint,omitempty"`
	Device        string `json:"device_authorization_endpoint,omitempty"`
	Backchannel   string `json:"backchannel_authentication_endpoint,omitempty"`
	Introspection string `json:"introspection_endpoint,omitempty"`
	Revocation    string `json:"revocation_endpoint,omitempty"`
	EndSession    string `json:"end_session_endpoint,omitempty"`
}

// signingAlgs are what this server signs with, and clients too. Ed25519 (RFC
// 9864) is EdDSA under its own name.
var (
	signingAlgs = []string{"RS256", "ES256", "PS256", "EdDSA"}
	clientAlgs  = []string{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"}
)

// backChannel are the endpoints at which a client certificate means something.
func backChannel(base string) endpoints {
	return endpoints{
		Token: base + token.path(), Userinfo: base + userinfo.path(), PAR: base + par.path(), Device: base + device.path(),
		Backchannel: base + ciba.path(), Introspection: base + introspect.path(), Revocation: base + revoke.path(),
	}
}

func endpointsOf(site *model.Site) endpoints {
	all := backChannel(site.Issuer)
	all.Issuer, all.Authorization, all.EndSession = site.Issuer, site.Issuer+authorize.path(), site.Issuer+"/oauth/logout"
	if site.Realm.Policy.Registration.On() {
		all.Registration = site.Issuer + "/oauth/register"
	}
	return all
}

// Metadata is the discovery document of a realm, as JSON.
func (e *Engine) Metadata(site *model.Site) ([]byte, error) {
	policy := &site.Realm.Policy
	confidential := e.authMethods()
	methods := append([]string{string(model.AuthNone)}, confidential...)
	m := metadata{
		endpoints: endpointsOf(site), JWKSURI: site.Issuer + "/oauth/jwks", EvidenceKeys: site.Issuer + "/v1/evidence/keys",
		Feed:       site.Issuer + "/v1/revocations",
		GrantTypes: grantTypesOf(site), ResponseTypes: []string{"code"}, ResponseModes: ResponseModes(),
		Scopes: scopesOf(site), Approvals: approvalScopesOf(site), SubjectTypes: []string{"public", "pairwise"}, ACRValues: acrValues(site),
		Prompts: []string{"none", "login", "consent", "select_account"}, Displays: []string{"page"}, Locales: []string{"en"},
		Claims: ClaimsSupported(), ClaimTypes: []string{"normal"}, ClaimsParameter: true,
		ISSParameter: true, Challenges: []string{"S256"}, RequestObject: true, RequestAlgs: clientAlgs,
		DetailsTypes: DetailsTypes(site), ClientDocument: policy.TakesDocuments(),
		AuthMethods: methods, AuthAlgs: clientAlgs, IntrospectionAuthMethods: confidential, IntrospectionAuthAlgs: clientAlgs,
		RevocationAuthMethods: methods, RevocationAuthAlgs: clientAlgs,
		IDTokenAlgs: signingAlgs, UserinfoAlgs: signingAlgs, AuthorizationAlgs: signingAlgs, IntrospectionAlgs: signingAlgs,
		DPoPAlgs: ProofAlgs(site), DeliveryModes: []string{"poll", "ping"}, CIBAAlgs: clientAlgs,
		BackchannelLogout: true, BackchannelSession: true, FrontchannelLogout: true, FrontchannelSession: true,
		Chaining: []string{typeIDJAG},
	}
	if base := e.mtlsIssuer(site); base != "" {
		aliases := backChannel(base)
		m.TLSBound, m.Aliases = true, &aliases
	}
	if slices.ContainsFunc(policy.TrustedIssuers, func(t model.TrustedIssuer) bool { return t.IdentityAssertions }) {
		m.GrantProfiles = []string{"urn:ietf:params:oauth:grant-profile:id-jag"}
	}
	for _, r := range policy.Resources {
		m.Resources = append(m.Resources, r.Resource)
	}
	return encodeMetadata(m)
}

func encodeMetadata(m any) ([]byte, error) {
	out, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	return out, nil
}

// authMethods are the ways in which clients prove who they are.
func (e *Engine) authMethods() []string {
	list := []string{string(model.AuthClientSecretBasic), string(model.AuthClientSecretPost), string(model.AuthPrivateKeyJWT)}
	if e.mtlsBase() != "" {
		list = append(list, string(model.AuthSelfSignedTLS))
		if e.cfg.MTLSAuthorities {
			list = append(list, string(model.AuthTLS))
		}
	}
	return list
}

// grantTypesOf: assertions are of use where somebody is trusted to make them.
func grantTypesOf(site *model.Site) []string {
	return slices.DeleteFunc(GrantTypes(), func(g string) bool {
		return g == GrantJWTBearer && len(site.Realm.Policy.TrustedIssuers) == 0
	})
}

// scopesOf are what everybody may ask for: OpenID Connect's and those of the
// realm's resources that need no approval each time.
func scopesOf(site *model.Site) []string {
	list, seen := slices.Clone(personScopes), map[string]bool{}
	for _, s := range list {
		seen[s] = true
	}
	for _, r := range site.Realm.Policy.Resources {
		for _, s := range r.Scopes {
			if !seen[s] && !slices.Contains(r.ApprovalScopes, s) {
				list, seen[s] = append(list, s), true
			}
		}
	}
	return list
}

// approvalScopesOf are what CIBA alone gives, one use at a time.
func approvalScopesOf(site *model.Site) []string {
	var list []string
	seen := map[string]bool{}
	for _, r := range site.Realm.Policy.Resources {
		for _, s := range r.ApprovalScopes {
			if !seen[s] {
				list, seen[s] = append(list, s), true
			}
		}
	}
	return list
}

func acrValues(site *model.Site) []string {
	if site.Realm.Policy.Passwords {
		return []string{passkeyACR, passwordACR}
	}
	return []string{passkeyACR}
}

// ResourceMetadata describes this server as a protected resource, which it is
// for userinfo and its own API (RFC 9728, Section 2).
func (e *Engine) ResourceMetadata(site *model.Site) ([]byte, error) {
	return encodeMetadata(struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Name     string   `json:"resource_name,omitempty"`
		Scopes   []string `json:"scopes_supported"`
		Methods  []string `json:"bearer_methods_supported"`
		Algs     []string `json:"resource_signing_alg_values_supported"`
		JWKSURI  string   `json:"jwks_uri"`
		DPoPAlgs []string `json:"dpop_signing_alg_values_supported"`
		TLSBound bool     `json:"tls_client_certificate_bound_access_tokens"`
	}{site.Issuer, []string{site.Issuer}, site.Realm.DisplayName, personScopes, []string{"header", "body"}, signingAlgs,
		site.Issuer + "/oauth/jwks", ProofAlgs(site), e.mtlsBase() != ""})
}
