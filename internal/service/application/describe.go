package application

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/assent-id/assent/internal/model"
)

// What registrations are made of.
const (
	typeWeb    = "web"
	typeNative = "native"

	responseCode = "code"

	grantCode        = "authorization_code"
	grantRefresh     = "refresh_token"
	grantCredentials = "client_credentials"
	grantDevice      = "urn:ietf:params:oauth:grant-type:device_code"
	grantCIBA        = "urn:openid:params:grant-type:ciba"
	grantExchange    = "urn:ietf:params:oauth:grant-type:token-exchange"
	grantAssertion   = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// Limits on what a client may say of itself.
const (
	maxListed = 20  // members of a list
	maxText   = 512 // bytes of one of them
	maxScope  = 2048
)

// A Described is an application as its metadata describe it.
type Described struct {
	Name     string
	Kind     model.ApplicationKind
	Settings model.ApplicationSettings
	JWKS     []byte // its public keys; nil: none, or they are at its jwks_uri
}

// SettingsFrom turns metadata into settings. Its error is a *Refusal with a code
// of RFC 7591, Section 3.2.2. What a sector_identifier_uri says, and what the
// realm allows, is not looked at here.
func SettingsFrom(m Metadata) (Described, error) {
	m.complete()
	for _, check := range []func(*Metadata) error{(*Metadata).checkGrants, (*Metadata).checkMethod, (*Metadata).checkKeys,
		(*Metadata).checkWords, (*Metadata).checkOffered} {
		if err := check(&m); err != nil {
			return Described{}, err
		}
	}
	d := Described{Name: m.name(), Kind: m.kind(), Settings: m.settings(), JWKS: m.JWKS}
	if err := checkRedirects(d.Kind, m.RedirectURIs); err != nil {
		return Described{}, refused(InvalidRedirectURI, err)
	}
	if len(m.RedirectURIs) == 0 && d.Settings.Allows(grantCode) {
		return Described{}, &Refusal{Code: InvalidRedirectURI, Description: "redirect_uris must hold at least one URI"}
	}
	if err := Apply(d.Settings.Profile, &d.Settings); err != nil {
		return Described{}, refused(InvalidMetadata, err)
	}
	if err := checkSettings(d.Kind, &d.Settings); err != nil {
		return Described{}, refused(InvalidMetadata, err)
	}
	return d, nil
}

// complete fills in the defaults of RFC 7591, Section 2, and drops what is
// empty: clients in the field send empty strings for URIs that they have not.
func (m *Metadata) complete() {
	m.RedirectURIs, m.PostLogoutURIs = filledIn(m.RedirectURIs), filledIn(m.PostLogoutURIs)
	m.Contacts, m.DefaultACRValues = filledIn(m.Contacts), filledIn(m.DefaultACRValues)
	set(&m.AuthMethod, string(model.AuthClientSecretBasic))
	set(&m.IDTokenAlg, defaultIDTokenAlg)
	if m.GrantTypes == nil {
		m.GrantTypes = []string{grantCode}
	}
	if m.ResponseTypes == nil && slices.Contains(m.GrantTypes, grantCode) {
		m.ResponseTypes = []string{responseCode}
	}
	for _, alg := range []*string{&m.AuthAlg, &m.RequestAlg, &m.CIBARequestAlg} {
		if *alg == "Ed25519" { // RFC 9864: the same
			*alg = "EdDSA"
		}
	}
}

// filledIn leaves out what is empty or there already.
func filledIn(list []string) []string {
	var out []string
	for _, v := range list {
		if v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// knownGrants are the grant types that the token endpoint takes.
var knownGrants = []string{grantCode, grantRefresh, grantCredentials, grantDevice, grantCIBA, grantExchange, grantAssertion}

// checkGrants: RFC 7591, Section 2.1: grant types and response types fit.
func (m *Metadata) checkGrants() error {
	has := func(g string) bool { return slices.Contains(m.GrantTypes, g) }
	m.GrantTypes = filledIn(m.GrantTypes)
	for _, g := range m.GrantTypes {
		if !slices.Contains(knownGrants, g) {
			return unfit("grant_types holds one that is not supported", nil)
		}
	}
	for _, t := range m.ResponseTypes {
		if t != responseCode {
			return unfit("response_types may only hold code", nil)
		}
	}
	switch {
	case len(m.GrantTypes) == 0:
		return unfit("grant_types is empty", nil)
	case has(grantCode) != (len(m.ResponseTypes) > 0):
		return unfit("response_types and grant_types contradict each other", nil)
	case has(grantRefresh) && !has(grantCode) && !has(grantDevice) && !has(grantCIBA):
		return unfit("no other grant type gives a refresh token", nil)
	}
	return nil
}

// checkMethod: what a client can do depends on how it proves who it is.
func (m *Metadata) checkMethod() error {
	known := []string{string(model.AuthNone), string(model.AuthClientSecretBasic), string(model.AuthClientSecretPost),
		string(model.AuthPrivateKeyJWT), string(model.AuthTLS), string(model.AuthSelfSignedTLS)}
	if !slices.Contains(known, m.AuthMethod) {
		return unfit("token_endpoint_auth_method is not supported", nil)
	}
	if m.AuthMethod != string(model.AuthNone) {
		return nil
	}
	for _, g := range []string{grantCredentials, grantCIBA, grantExchange, grantAssertion} {
		if slices.Contains(m.GrantTypes, g) {
			return unfit("a public client may not have this grant type: "+g, nil)
		}
	}
	return nil
}

// checkKeys: what has to be verified needs keys to verify it with.
func (m *Metadata) checkKeys() error {
	has := len(m.JWKS) > 0 || m.JWKSURI != ""
	switch {
	case len(m.JWKS) > 0 && m.JWKSURI != "": // RFC 7591, Section 2
		return unfit("jwks and jwks_uri exclude each other", nil)
	case has:
		return nil
	case m.AuthMethod == string(model.AuthPrivateKeyJWT), m.AuthMethod == string(model.AuthSelfSignedTLS):
		return unfit("this token_endpoint_auth_method needs jwks or jwks_uri", nil)
	case m.AuthAlg != "", m.RequestAlg != "", m.CIBARequestAlg != "", m.RequireSigned:
		return unfit("what the client signs needs jwks or jwks_uri", nil)
	}
	return nil
}

// checkWords bounds what is only ever shown, compared or sent back.
func (m *Metadata) checkWords() error {
	for _, list := range [][]string{m.Contacts, m.DefaultACRValues, m.DetailsTypes, {m.SoftwareID, m.Version},
		{m.TLSSubjectDN, m.TLSSanDNS, m.TLSSanURI, m.TLSSanIP, m.TLSSanEmail}} {
		if len(list) > maxListed || slices.ContainsFunc(list, func(v string) bool { return !word(v) }) {
			return unfit("a list has too many members, or one of them is too long or no text", nil)
		}
	}
	switch {
	case !nameText(m.Name) || strings.ContainsFunc(m.Name, turnsText):
		return unfit("client_name must be text of at most 200 bytes without control characters", nil)
	case len(m.Scope) > maxScope || slices.ContainsFunc(strings.Fields(m.Scope), func(s string) bool { return !scopeToken(s) }):
		return unfit("scope must be scope values with spaces between", nil)
	case m.DefaultMaxAge != nil && *m.DefaultMaxAge < 0:
		return unfit("default_max_age must not be negative", nil)
	}
	return nil
}

func word(v string) bool {
	return len(v) <= maxText && utf8.ValidString(v) && !strings.ContainsFunc(v, unicode.IsControl)
}

// turnsText: characters that make text look other than it is (Unicode Standard
// Annex #9), in a name that people are to trust.
func turnsText(r rune) bool { return unicode.Is(unicode.Bidi_Control, r) }

// checkOffered refuses what could be registered elsewhere and not here.
func (m *Metadata) checkOffered() error {
	switch {
	case m.IDTokenEncryption+m.UserinfoEncryption+m.RequestEncryption+m.AuthorizationEncryption+m.IntrospectionEncryption != "":
		return unfit("encryption is not supported", nil)
	case m.UserCode:
		return unfit("backchannel_user_code_parameter is not supported", nil)
	case m.DPoPBound && m.TLSBound:
		return unfit("tokens are bound by DPoP or by mutual TLS, not by both", nil)
	case m.Type != "" && m.Type != typeWeb && m.Type != typeNative:
		return unfit("application_type must be web or native", nil)
	}
	return nil
}

// name is what people are shown; a client that says nothing is named for where
// it lives.
func (m *Metadata) name() string {
	if name := strings.TrimSpace(m.Name); name != "" {
		return name
	}
	for _, uri := range append([]string{m.ClientURI}, m.RedirectURIs...) {
		if u, err := url.Parse(uri); err == nil && u.Hostname() != "" && nameText(u.Hostname()) {
			return u.Hostname()
		}
	}
	return "Application without a name"
}

// kind: an application that is called back on the machine it runs on is a native
// one unless it says otherwise (RFC 8252, Section 7).
func (m *Metadata) kind() model.ApplicationKind {
	native := m.Type == typeNative || m.Type == "" && slices.ContainsFunc(m.RedirectURIs, func(uri string) bool {
		u, err := url.Parse(uri)
		return err == nil && u.Scheme != "https" && (u.Scheme != "http" || loopbackName(u.Hostname()))
	})
	public := m.AuthMethod == string(model.AuthNone)
	switch {
	case native:
		return model.KindNative
	case !slices.Contains(m.GrantTypes, grantCode) && !public:
		return model.KindService
	case public:
		return model.KindSPA
	default:
		return model.KindWeb
	}
}

// dynamicProfile is the profile of a client that registered itself.
func dynamicProfile(m model.ClientAuthMethod) model.Profile {
	if m.Confidential() {
		return model.ProfileOIDC
	}
	return model.ProfileOAuth21
}

func (m *Metadata) settings() model.ApplicationSettings {
	s := model.ApplicationSettings{
		AuthMethod: model.ClientAuthMethod(m.AuthMethod), GrantTypes: m.GrantTypes, Scopes: strings.Fields(m.Scope), AnyScope: true,
		DetailsTypes: m.DetailsTypes, RedirectURIs: m.RedirectURIs, JWKSURI: m.JWKSURI,
		RequirePAR: m.RequirePAR, RequireSigned: m.RequireSigned, RequestAlg: m.RequestAlg, AuthorizationAlg: m.AuthorizationAlg,
		RequireAuthTime: m.RequireAuthTime, DefaultACRValues: m.DefaultACRValues, InitiateLoginURI: m.InitiateLoginURI,
		TLSSubjectDN: m.TLSSubjectDN, TLSSanDNS: m.TLSSanDNS, TLSSanURI: m.TLSSanURI, TLSSanIP: m.TLSSanIP, TLSSanEmail: m.TLSSanEmail,
		TokenAlg: defaultTokenAlg, SubjectType: m.SubjectType, SectorURI: m.SectorURI,
		IDTokenAlg: m.IDTokenAlg, UserinfoAlg: m.UserinfoAlg, IntrospectionAlg: m.IntrospectionAlg,
		DeliveryMode: m.DeliveryMode, NotificationEndpoint: m.NotificationEndpoint, CIBARequestAlg: m.CIBARequestAlg,
		PostLogoutURIs: m.PostLogoutURIs, BackchannelLogout: m.BackchannelLogout, BackchannelSession: m.BackchannelSession,
		FrontchannelLogout: m.FrontchannelLogout, FrontchannelSession: m.FrontchannelSession,
		ClientURI: m.ClientURI, LogoURI: m.LogoURI, PolicyURI: m.PolicyURI, TermsURI: m.TermsURI, Contacts: m.Contacts,
		Origin: model.OriginDynamic, SoftwareID: m.SoftwareID, SoftwareVersion: m.Version,
	}
	s.Profile = dynamicProfile(s.AuthMethod)
	if m.AuthAlg != "" {
		s.AssertionAlgs = []string{m.AuthAlg}
	}
	if m.DefaultMaxAge != nil {
		s.DefaultMaxAge = max(1, *m.DefaultMaxAge) // a second is as good as none
	}
	switch {
	case m.DPoPBound:
		s.Sender = model.SenderDPoP
	case m.TLSBound:
		s.Sender = model.SenderMTLS
	}
	return s
}

// Codes of refusals: RFC 7591, Section 3.2.2; RFC 6750, Section 3.1; RFC 6749,
// Section 4.1.2.1.
const (
	InvalidRedirectURI  = "invalid_redirect_uri"
	InvalidMetadata     = "invalid_client_metadata"
	InvalidStatement    = "invalid_software_statement"
	UnapprovedStatement = "unapproved_software_statement"
	InvalidToken        = "invalid_token"
	AccessDenied        = "access_denied"
	TooManyRequests     = "temporarily_unavailable"
)

// A Refusal is a no to a registration that the client may see. Cause is for the
// log alone.
type Refusal struct {
	Code        string
	Description string
	Cause       error
}

func (r *Refusal) Error() string {
	if r.Cause != nil {
		return r.Code + ": " + r.Cause.Error()
	}
	return r.Code + ": " + r.Description
}

func (r *Refusal) Unwrap() error { return r.Cause }

// unfit refuses metadata.
func unfit(description string, cause error) error {
	return &Refusal{Code: InvalidMetadata, Description: description, Cause: cause}
}

// refused says what is wrong in the words of the rule that was broken.
func refused(code string, err error) error {
	return &Refusal{Code: code, Description: strings.TrimPrefix(err.Error(), ErrInvalid.Error()+": ")}
}
