package application

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// looksLikeURL reports whether a client id is to be taken for the URL of a
// metadata document: none of the ids that we give begins like that.
func looksLikeURL(id model.ClientID) bool {
	return strings.HasPrefix(string(id), "https://") || strings.HasPrefix(string(id), "http://")
}

// notInURLs are visible characters that no URL holds as they are (RFC 3986,
// Appendix A), although net/url lets them pass in queries.
const notInURLs = "\"<>\\^`{|}"

// documentHost checks the form of a client identifier URL (OAuth Client ID
// Metadata Document, Section 3) and returns its host. Whether its scheme and
// host may be fetched from is the fetcher's to say.
func documentHost(id model.ClientID) (string, error) {
	refused := func(why string) (string, error) { return "", fmt.Errorf("%w: the client id %s", ErrInvalid, why) }
	u, err := url.Parse(string(id))
	switch {
	case err != nil || u.Hostname() == "" || u.String() != string(id) || !visible(string(id)) || strings.ContainsAny(string(id), notInURLs):
		// Spelled otherwise it would be another URL for us than for others.
		return refused("is not a URL in its usual spelling")
	case u.User != nil:
		return refused("holds a user")
	case strings.Contains(string(id), "#"):
		return refused("has a fragment")
	case !strings.HasPrefix(u.Path, "/"):
		return refused("has no path")
	}
	for segment := range strings.SplitSeq(u.Path, "/") { // decoded: %2e is a dot, too
		if segment == "." || segment == ".." {
			return refused("has dot segments")
		}
	}
	return u.Hostname(), nil
}

// A document is what a client publishes of itself.
type document struct {
	Described
	keys []model.ClientKey
}

// parseDocument reads a metadata document (Section 4). allows reports whether
// a URL inside it may be fetched from.
func parseDocument(r documentRequest, body []byte, allows func(string) bool) (document, error) {
	members, err := readMembers(body)
	if err != nil {
		return document{}, err
	}
	// Section 4: by simple string comparison. The URL is that which was fetched.
	if members.text("client_id") != string(r.id) {
		return document{}, unfit("client_id in the document is not the URL of the document", nil)
	}
	for _, name := range []string{"client_secret", "client_secret_expires_at"} { // Section 4.1
		if _, ok := members[name]; ok {
			return document{}, unfit("a document that everybody can read holds "+name, nil)
		}
	}
	meta, err := members.metadata()
	if err != nil {
		return document{}, err
	}
	if err := meta.published(r.host, allows); err != nil {
		return document{}, err
	}
	d, err := meta.describePublished()
	if err != nil {
		return document{}, err
	}
	var a model.Application
	if err := addKeys(&a, d.JWKS, r.at); err != nil { // Section 4.1: no private ones
		return document{}, err
	}
	return document{d, a.Keys}, nil
}

// published brings metadata to what a document can be taken for: a client that
// has no secret, asks for codes, and may get whatever the resource grants.
func (m *Metadata) published(host string, allows func(string) bool) error {
	if m.AuthMethod == "" {
		// RFC 7591, Section 2 has client_secret_basic here, which cannot be meant.
		m.AuthMethod = string(model.AuthNone)
	}
	if m.AuthMethod != string(model.AuthNone) && m.AuthMethod != string(model.AuthPrivateKeyJWT) { // Section 4.1
		return unfit("token_endpoint_auth_method must be none or private_key_jwt", nil)
	}
	if m.JWKSURI != "" && !allows(m.JWKSURI) {
		return unfit("jwks_uri must be an https URL", nil)
	}
	if m.GrantTypes != nil {
		m.GrantTypes = slices.DeleteFunc(slices.Clone(m.GrantTypes), func(g string) bool { return g != grantCode && g != grantRefresh })
	}
	if m.ResponseTypes != nil {
		m.ResponseTypes = slices.DeleteFunc(slices.Clone(m.ResponseTypes), func(t string) bool { return t != responseCode })
	}
	m.Scope = ""
	if strings.TrimSpace(m.Name) == "" {
		m.Name = host
	}
	// Any port of loopback will do for whoever listens there (RFC 8252, Section
	// 7.3), whatever it calls itself.
	if slices.ContainsFunc(m.RedirectURIs, func(uri string) bool { return !strings.HasPrefix(uri, "https:") }) {
		m.Type = typeNative
	}
	for _, uri := range []*string{&m.ClientURI, &m.LogoURI, &m.PolicyURI, &m.TermsURI} { // only shown: not worth a refusal
		if !allows(*uri) {
			*uri = ""
		}
	}
	return nil
}

// describePublished maps the metadata as those of dynamic registration, under
// the profile of MCP clients.
func (m *Metadata) describePublished() (Described, error) {
	d, err := SettingsFrom(*m)
	if err != nil {
		return d, err
	}
	s := &d.Settings
	s.Origin, s.OptionalPKCE, s.AnyScope = model.OriginDocument, false, true
	if m.AuthAlg == "" {
		s.AssertionAlgs = nil
	}
	if !s.Allows(grantCode) {
		return d, unfit("the document must allow the authorization code flow", nil)
	}
	if err := Apply(model.ProfileMCP, s); err != nil {
		return d, err
	}
	return d, checkSettings(d.Kind, s)
}
