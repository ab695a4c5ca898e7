package application

import (
	"encoding/json"
	"reflect"
	"strings"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/sdk/evidence"
)

// Metadata are what a client says of itself: RFC 7591, Section 2; OpenID Connect
// Dynamic Client Registration 1.0, Section 2; the logout specifications of OpenID
// Connect; CIBA Core 1.0, Section 4; JARM, Section 3; RFC 8705, 9101, 9126, 9396,
// 9449 and 9701. What has another name is nothing to us and ignored.
type Metadata struct {
	RedirectURIs  []string        `json:"redirect_uris,omitempty"`
	AuthMethod    string          `json:"token_endpoint_auth_method,omitempty"`
	AuthAlg       string          `json:"token_endpoint_auth_signing_alg,omitempty"`
	GrantTypes    []string        `json:"grant_types,omitempty"`
	ResponseTypes []string        `json:"response_types,omitempty"`
	Name          string          `json:"client_name,omitempty"`
	ClientURI     string          `json:"client_uri,omitempty"`
	LogoURI       string          `json:"logo_uri,omitempty"`
	PolicyURI     string          `json:"policy_uri,omitempty"`
	TermsURI      string          `json:"tos_uri,omitempty"`
	Scope         string          `json:"scope,omitempty"`
	Contacts      []string        `json:"contacts,omitempty"`
	JWKSURI       string          `json:"jwks_uri,omitempty"`
	JWKS          json.RawMessage `json:"jwks,omitempty"`
	SoftwareID    string          `json:"software_id,omitempty"`
	Version       string          `json:"software_version,omitempty"`

	Type             string   `json:"application_type,omitempty"`
	SectorURI        string   `json:"sector_identifier_uri,omitempty"`
	SubjectType      string   `json:"subject_type,omitempty"`
	IDTokenAlg       string   `json:"id_token_signed_response_alg,omitempty"`
	UserinfoAlg      string   `json:"userinfo_signed_response_alg,omitempty"`
	IntrospectionAlg string   `json:"introspection_signed_response_alg,omitempty"`
	AuthorizationAlg string   `json:"authorization_signed_response_alg,omitempty"`
	RequestAlg       string   `json:"request_object_signing_alg,omitempty"`
	DefaultMaxAge    *int     `json:"default_max_age,omitempty"` // seconds
	RequireAuthTime  bool     `json:"require_auth_time,omitempty"`
	DefaultACRValues []string `json:"default_acr_values,omitempty"`
	InitiateLoginURI string   `json:"initiate_login_uri,omitempty"`
	DetailsTypes     []string `json:"authorization_details_types,omitempty"`

	RequirePAR    bool `json:"require_pushed_authorization_requests,omitempty"`
	RequireSigned bool `json:"require_signed_request_object,omitempty"`
	DPoPBound     bool `json:"dpop_bound_access_tokens,omitempty"`
	TLSBound      bool `json:"tls_client_certificate_bound_access_tokens,omitempty"`

	TLSSubjectDN string `json:"tls_client_auth_subject_dn,omitempty"`
	TLSSanDNS    string `json:"tls_client_auth_san_dns,omitempty"`
	TLSSanURI    string `json:"tls_client_auth_san_uri,omitempty"`
	TLSSanIP     string `json:"tls_client_auth_san_ip,omitempty"`
	TLSSanEmail  string `json:"tls_client_auth_san_email,omitempty"`

	PostLogoutURIs      []string `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogout   string   `json:"backchannel_logout_uri,omitempty"`
	BackchannelSession  bool     `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelLogout  string   `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelSession bool     `json:"frontchannel_logout_session_required,omitempty"`

	DeliveryMode         string `json:"backchannel_token_delivery_mode,omitempty"`
	NotificationEndpoint string `json:"backchannel_client_notification_endpoint,omitempty"`
	CIBARequestAlg       string `json:"backchannel_authentication_request_signing_alg,omitempty"`
	UserCode             bool   `json:"backchannel_user_code_parameter,omitempty"`

	// Nothing is encrypted here: whoever asks for it must hear so.
	IDTokenEncryption       string `json:"id_token_encrypted_response_alg,omitempty"`
	UserinfoEncryption      string `json:"userinfo_encrypted_response_alg,omitempty"`
	RequestEncryption       string `json:"request_object_encryption_alg,omitempty"`
	AuthorizationEncryption string `json:"authorization_encrypted_response_alg,omitempty"`
	IntrospectionEncryption string `json:"introspection_encrypted_response_alg,omitempty"`
}

// Members are the members of a registration as they were sent, by name.
type Members map[string]json.RawMessage

// readMembers reads a registration strictly, so that it has one reading: no
// member twice.
func readMembers(body []byte) (Members, error) {
	canonical, err := evidence.Canonical(body)
	if err != nil {
		return nil, unfit("the registration is not JSON, or holds a member twice", err)
	}
	var m Members
	if err := json.Unmarshal(canonical, &m); err != nil || m == nil {
		return nil, unfit("the registration is not a JSON object", err)
	}
	return m, nil
}

// text is a member that is a string; what is none, or not there, is "".
func (m Members) text(name string) string {
	var s string
	_ = json.Unmarshal(m[name], &s) // none is an answer
	return s
}

// metadataNames are the names that mean something.
var metadataNames = func() map[string]bool {
	names := map[string]bool{}
	for f := range reflect.TypeFor[Metadata]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}()

// metadata takes members by their exact names; the decoder alone would take
// them in any case. A member that is null is not there.
func (m Members) metadata() (Metadata, error) {
	known := Members{}
	for name, value := range m {
		if metadataNames[name] && string(value) != "null" {
			known[name] = value
		}
	}
	var meta Metadata
	text, err := json.Marshal(known)
	if err == nil {
		err = json.Unmarshal(text, &meta)
	}
	if err != nil {
		return meta, unfit("a member of the registration has the wrong type", err)
	}
	return meta, nil
}

// MetadataOf says of an application what it would say of itself.
func MetadataOf(a model.Application) Metadata {
	s := &a.Settings
	m := Metadata{
		RedirectURIs: s.RedirectURIs, AuthMethod: string(s.AuthMethod), GrantTypes: s.GrantTypes, Name: a.Name,
		ClientURI: s.ClientURI, LogoURI: s.LogoURI, PolicyURI: s.PolicyURI, TermsURI: s.TermsURI,
		Scope: strings.Join(s.Scopes, " "), Contacts: s.Contacts, JWKSURI: s.JWKSURI, JWKS: keySetOf(a.Keys),
		SoftwareID: s.SoftwareID, Version: s.SoftwareVersion,
		Type: typeWeb, SectorURI: s.SectorURI, SubjectType: s.SubjectType, IDTokenAlg: s.IDTokenAlg, UserinfoAlg: s.UserinfoAlg,
		IntrospectionAlg: s.IntrospectionAlg, AuthorizationAlg: s.AuthorizationAlg, RequestAlg: s.RequestAlg,
		RequireAuthTime: s.RequireAuthTime, DefaultACRValues: s.DefaultACRValues, InitiateLoginURI: s.InitiateLoginURI,
		DetailsTypes: s.DetailsTypes,
		RequirePAR:   s.RequirePAR, RequireSigned: s.RequireSigned,
		DPoPBound: s.Sender == model.SenderDPoP, TLSBound: s.Sender == model.SenderMTLS,
		TLSSubjectDN: s.TLSSubjectDN, TLSSanDNS: s.TLSSanDNS, TLSSanURI: s.TLSSanURI, TLSSanIP: s.TLSSanIP, TLSSanEmail: s.TLSSanEmail,
		PostLogoutURIs: s.PostLogoutURIs, BackchannelLogout: s.BackchannelLogout, BackchannelSession: s.BackchannelSession,
		FrontchannelLogout: s.FrontchannelLogout, FrontchannelSession: s.FrontchannelSession,
		DeliveryMode: s.DeliveryMode, NotificationEndpoint: s.NotificationEndpoint, CIBARequestAlg: s.CIBARequestAlg,
	}
	if m.SubjectType == "" {
		m.SubjectType = "public"
	}
	if a.Kind == model.KindNative {
		m.Type = typeNative
	}
	if s.Allows(grantCode) {
		m.ResponseTypes = []string{responseCode}
	}
	if s.DefaultMaxAge > 0 {
		m.DefaultMaxAge = &s.DefaultMaxAge
	}
	if len(s.AssertionAlgs) == 1 {
		m.AuthAlg = s.AssertionAlgs[0]
	}
	return m
}

// keySetOf is the JWK Set of an application's keys, or nothing.
func keySetOf(keys []model.ClientKey) json.RawMessage {
	if len(keys) == 0 {
		return nil
	}
	list := make([]string, len(keys))
	for i, k := range keys {
		list[i] = string(k.JWK)
	}
	return json.RawMessage(`{"keys":[` + strings.Join(list, ",") + `]}`)
}

// defaultIDTokenAlg: OpenID Connect Dynamic Client Registration 1.0, Section 2.
const defaultIDTokenAlg = string(jose.RS256)
