package application

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// Limits on the URIs of an application.
const (
	maxURI  = 2048 // bytes
	maxURIs = 20
)

// errRedirect: a redirect URI that no answer will be sent to.
var errRedirect = errors.New("redirect URI")

// checkURIs holds every URI of the settings against what it is for.
func checkURIs(kind model.ApplicationKind, s *model.ApplicationSettings) error {
	if err := checkRedirects(kind, s.RedirectURIs); err != nil {
		return err
	}
	if len(s.PostLogoutURIs) > maxURIs {
		return fmt.Errorf("%w: post_logout_redirect_uris has more than %d URIs", ErrInvalid, maxURIs)
	}
	for _, uri := range s.PostLogoutURIs {
		if fault := redirectFault(kind, uri); fault != "" {
			return fmt.Errorf("%w: a URI of post_logout_redirect_uris %s", ErrInvalid, fault)
		}
	}
	for _, u := range []struct{ name, uri string }{
		{"jwks_uri", s.JWKSURI}, {"sector_identifier_uri", s.SectorURI}, {"initiate_login_uri", s.InitiateLoginURI},
		{"backchannel_client_notification_endpoint", s.NotificationEndpoint},
		{"backchannel_logout_uri", s.BackchannelLogout}, {"frontchannel_logout_uri", s.FrontchannelLogout},
		{"client_uri", s.ClientURI}, {"logo_uri", s.LogoURI}, {"policy_uri", s.PolicyURI}, {"tos_uri", s.TermsURI},
	} {
		if u.uri != "" && !webURL(u.uri) {
			return fmt.Errorf("%w: %s must be an http or https URL of at most %d bytes without a fragment", ErrInvalid, u.name, maxURI)
		}
	}
	if s.InitiateLoginURI != "" && !strings.HasPrefix(s.InitiateLoginURI, "https://") { // OpenID Connect Registration 1.0, Section 2
		return fmt.Errorf("%w: initiate_login_uri must be https", ErrInvalid)
	}
	return checkFrontchannel(s)
}

func checkRedirects(kind model.ApplicationKind, uris []string) error {
	if len(uris) > maxURIs {
		return fmt.Errorf("%w: no %w is taken beyond the first %d", ErrInvalid, errRedirect, maxURIs)
	}
	for _, uri := range uris {
		if fault := redirectFault(kind, uri); fault != "" {
			return fmt.Errorf("%w: a %w %s", ErrInvalid, errRedirect, fault)
		}
	}
	return nil
}

// redirectFault says why no browser will be sent to a URI with an answer, or
// nothing. RFC 6749, Section 3.1.2; RFC 9700, Section 2.1; RFC 8252, Section 7.
func redirectFault(kind model.ApplicationKind, uri string) string {
	u, fault := plainURI(uri)
	switch {
	case fault != "":
		return fault
	case strings.Contains(uri, "*"): // it would be compared, not matched
		return "holds a wildcard"
	case u.Scheme == "https" || u.Scheme == "http":
		switch {
		case u.Hostname() == "":
			return "has no host"
		case u.Scheme == "http" && !onLoopback(u.Hostname()):
			return "is plain http and not on loopback"
		}
		return ""
	case foreignScheme(u):
		return "has a scheme that no application may have as its own"
	case kind != model.KindNative:
		return "has a scheme that only a native application may have"
	}
	return ""
}

func plainURI(uri string) (*url.URL, string) {
	u, err := url.Parse(uri)
	switch {
	case len(uri) > maxURI:
		return nil, "is too long"
	case err != nil || !visible(uri) || strings.ContainsAny(uri, notInURLs):
		return nil, "is not a URI"
	case !u.IsAbs():
		return nil, "is not absolute"
	case strings.Contains(uri, "#"):
		return nil, "has a fragment"
	case u.User != nil:
		return nil, "holds a user"
	}
	return u, ""
}

func webURL(uri string) bool {
	u, fault := plainURI(uri)
	return fault == "" && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != ""
}

// onLoopback reports whether a host is this machine, whoever asks: browsers
// resolve every name under localhost to it (RFC 6761, Section 6.3; Secure
// Contexts, Section 3.1).
func onLoopback(host string) bool {
	return loopbackName(host) || strings.HasSuffix(host, ".localhost")
}

// loopbackName: RFC 8252, Sections 7.3 and 8.3.
func loopbackName(host string) bool {
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, host)
}

// checkFrontchannel: OpenID Connect Front-Channel Logout 1.0, Section 2: domain,
// port and scheme are those of a redirect URI.
func checkFrontchannel(s *model.ApplicationSettings) error {
	if s.FrontchannelLogout == "" {
		return nil
	}
	own := originOf(s.FrontchannelLogout)
	if !slices.ContainsFunc(s.RedirectURIs, func(uri string) bool { return originOf(uri) == own }) {
		return fmt.Errorf("%w: frontchannel_logout_uri must have scheme, host and port of a redirect URI", ErrInvalid)
	}
	return nil
}

func originOf(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}
