package model

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/passkey"
)

// An AuthenticatorConfig says how people authenticate to the applications that
// name it: on the realm's own pages, or within the application.
type AuthenticatorConfig struct {
	RealmID   RealmID
	ID        AuthenticatorConfigID
	Name      string
	Settings  AuthenticatorSettings
	CreatedAt Millis
	UpdatedAt Millis
	Version   int64
}

// AuthenticatorSettings are what an operator may set of one. They are stored as
// JSON: members may be added, never renamed.
type AuthenticatorSettings struct {
	Type       AuthenticatorType `json:"type"`
	Invocation Invocation        `json:"invocation_type,omitempty"` // of embedded ones
	// InvokeURL is the page or the app that runs the ceremony; of embedded ones.
	InvokeURL string `json:"invoke_url,omitempty"`
	// TrustedOrigins may run ceremonies, and people may be sent to them after a
	// binding.
	TrustedOrigins []string `json:"trusted_origins,omitempty"`
	// RPID is the WebAuthn relying party id of its passkeys; empty: the realm's.
	RPID string `json:"rp_id,omitempty"`
}

// An AuthenticatorType says where the ceremony runs.
type AuthenticatorType string

// The types of authenticator config.
const (
	AuthenticatorHosted   AuthenticatorType = "hosted"
	AuthenticatorEmbedded AuthenticatorType = "embedded"
)

// An Invocation says how an application gets the address of a ceremony.
type Invocation string

// Automatic redirects to it, manual answers it as JSON.
const (
	InvokeAutomatic Invocation = "automatic"
	InvokeManual    Invocation = "manual"
)

// Embedded reports whether ceremonies run within the application.
func (c *AuthenticatorConfig) Embedded() bool { return c.Settings.Type == AuthenticatorEmbedded }

// Trusts reports whether the pages of an origin may run its ceremonies. Origins are
// compared as browsers write them, to the letter.
func (c *AuthenticatorConfig) Trusts(origin string) bool {
	return origin != "" && slices.Contains(c.Settings.TrustedOrigins, origin)
}

// RPID is the relying party id of its passkeys.
func (c *AuthenticatorConfig) RPID(site *Site) string { return cmp.Or(c.Settings.RPID, site.RPID) }

// RP is the relying party of its ceremonies. origin is where one runs; empty: at any
// origin that it trusts.
func (c *AuthenticatorConfig) RP(site *Site, origin string) passkey.RP {
	rp := site.RP()
	rp.ID, rp.Origins = c.RPID(site), c.Settings.TrustedOrigins
	if origin != "" {
		rp.Origins = []string{origin}
	}
	return rp
}

// AuthenticateURL is where the application begins a sign-in.
func (c *AuthenticatorConfig) AuthenticateURL(request string) string {
	return c.invoke("assent-authenticate", "request", request)
}

// BindURL is where it begins a binding: link is that of the job.
func (c *AuthenticatorConfig) BindURL(link string) string {
	return c.invoke("assent-bind", "link", link)
}

// invoke adds a path segment and a parameter to the invoke URL, whose own query
// stays in front.
func (c *AuthenticatorConfig) invoke(segment, name, value string) string {
	base, query, _ := strings.Cut(c.Settings.InvokeURL, "?")
	if query != "" {
		query += "&"
	}
	return strings.TrimSuffix(base, "/") + "/" + segment + "?" + query + name + "=" + url.QueryEscape(value)
}
