// Package resource is for APIs that take access tokens: protected resources, MCP
// servers among them.
//
// A [Server] verifies the tokens of one API by itself (RFC 9068), whoever they are
// bound to (RFC 9449, RFC 8705), and follows the issuer's revocation feed, so that
// a token that was revoked is refused within a second although nobody asks about
// each. [Server.Require] and [Server.Protect] wrap handlers of net/http, and
// [Server.Verify] is for whatever else carries tokens.
//
//	api, err := resource.New(ctx, resource.Config{
//		Issuer:   "https://id.example",
//		Resource: "https://notes.example",
//		ClientID: "svc_01jd3v0000000000000000000", // the service client that acts for the API
//		Key:      key,                             // its private JWK
//	})
//	if err != nil {
//		return err
//	}
//	defer api.Close()
//	mux.Handle("GET /notes", api.Require(list, "notes:read"))
//
// It fails closed: what cannot be verified is refused, and while nobody tells what
// was revoked, tokens are introspected or refused, as configured.
//
// A client that knows nothing but the address of an API learns from it who gives
// tokens for it: the API refuses a request without one and points to its metadata
// (RFC 9728, Section 5.1), which name the authorization servers. [Metadata]
// describes the API, [Metadata.Handler] serves that description, and
// [Metadata.Refuse] answers the requests that may not pass.
//
//	api := resource.Metadata{Resource: "https://notes.example/mcp", AuthorizationServers: []string{"https://id.example"}}
//	h, err := api.Handler()
//	mux.Handle(api.Path(), h)
//
// If this package is wrong, an API acts for strangers, or for people who took that
// back; or clients ask the wrong server for tokens, or none.
//
// RFC 9068: https://www.rfc-editor.org/rfc/rfc9068
// RFC 6750: https://www.rfc-editor.org/rfc/rfc6750
// RFC 9449: https://www.rfc-editor.org/rfc/rfc9449
// RFC 8705: https://www.rfc-editor.org/rfc/rfc8705
// RFC 9728: https://www.rfc-editor.org/rfc/rfc9728
package resource

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// wellKnown is inserted between the host of a resource and its path (RFC 9728,
// Section 3).
const wellKnown = "/.well-known/oauth-protected-resource"

// Metadata describe a protected resource: RFC 9728, Section 2. Only Resource is
// required. What is empty is left out.
type Metadata struct {
	// Resource is the identifier of the API: its URL without a fragment, which is
	// the audience of the tokens that it takes (RFC 8707).
	Resource string `json:"resource"`
	// AuthorizationServers are the issuers whose tokens it takes.
	AuthorizationServers []string `json:"authorization_servers,omitempty"`
	// Scopes are those that clients may ask for. One that needs an approval each time
	// is not among them: clients ask for all that is named here, and are refused all of
	// it without a person.
	Scopes []string `json:"scopes_supported,omitempty"`
	// BearerMethods say where a token may be: "header", "body", "query".
	BearerMethods []string `json:"bearer_methods_supported,omitempty"`
	// JWKSURI holds the keys with which the API signs its answers.
	JWKSURI       string   `json:"jwks_uri,omitempty"`
	SigningAlgs   []string `json:"resource_signing_alg_values_supported,omitempty"`
	Name          string   `json:"resource_name,omitempty"` // for people
	Documentation string   `json:"resource_documentation,omitempty"`
	PolicyURI     string   `json:"resource_policy_uri,omitempty"`
	TermsURI      string   `json:"resource_tos_uri,omitempty"`
	// CertificateBound: it takes tokens that are bound to certificates (RFC 8705).
	CertificateBound bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	DetailsTypes     []string `json:"authorization_details_types_supported,omitempty"` // RFC 9396
	DPoPAlgs         []string `json:"dpop_signing_alg_values_supported,omitempty"`     // RFC 9449
	// DPoPRequired: it takes no other tokens than those that are bound by DPoP.
	DPoPRequired bool `json:"dpop_bound_access_tokens_required,omitempty"`
}

// ErrMetadata: the metadata describe no resource that a client could use. The
// message says why.
var ErrMetadata = errors.New("resource: metadata")

// Validate reports what is wrong: the identifiers must be https URLs, or http
// ones on loopback, without a fragment (RFC 9728, Sections 1.2 and 2; RFC 8414,
// Section 2).
func (m Metadata) Validate() error {
	if _, err := identifier(m.Resource); err != nil {
		return fmt.Errorf("%w: resource %q: %w", ErrMetadata, m.Resource, err)
	}
	for _, issuer := range m.AuthorizationServers {
		u, err := identifier(issuer)
		if err == nil && u.RawQuery != "" {
			err = errors.New("an issuer has no query")
		}
		if err != nil {
			return fmt.Errorf("%w: authorization server %q: %w", ErrMetadata, issuer, err)
		}
	}
	return nil
}

func identifier(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, err
	case u.Host == "" || u.User != nil || strings.Contains(text, "#"):
		return nil, errors.New("not an absolute URL without user and fragment")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	default:
		return nil, errors.New("not https")
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// URL is where clients look for the metadata: the well-known part stands between
// the host and the path of the resource, whose slash falls away where nothing
// follows it (RFC 9728, Section 3.1). It is "" if the resource is no URL.
func (m Metadata) URL() string {
	u, err := identifier(m.Resource)
	if err != nil {
		return ""
	}
	at := u.Scheme + "://" + u.Host + wellKnown + strings.TrimSuffix(u.EscapedPath(), "/")
	if path := u.EscapedPath(); path != "/" && strings.HasSuffix(path, "/") {
		at += "/"
	}
	if u.RawQuery != "" {
		at += "?" + u.RawQuery
	}
	return at
}

// Path is the path of [Metadata.URL], for a mux.
func (m Metadata) Path() string {
	u, err := url.Parse(m.URL())
	if err != nil {
		return wellKnown
	}
	return u.Path
}

// Handler serves the metadata, to scripts of any origin too. It fails with
// [ErrMetadata].
func (m Metadata) Handler() (http.Handler, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMetadata, err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			h.Set("Content-Type", "application/json")
			h.Set("Cache-Control", "public, max-age=300")
			_, _ = w.Write(body) // whoever asked has gone
		case http.MethodOptions: // MCP clients send a header of their own
			h.Set("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS")
			h.Set("Access-Control-Allow-Headers", "MCP-Protocol-Version, Authorization, DPoP, Content-Type, Accept")
			w.WriteHeader(http.StatusNoContent)
		default:
			h.Set("Allow", "GET, HEAD, OPTIONS")
			w.WriteHeader(http.StatusMethodNotAllowed)
		}
	}), nil
}
