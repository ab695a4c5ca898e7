package application

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/assent-id/assent/internal/model"
)

var kinds = []model.ApplicationKind{model.KindWeb, model.KindSPA, model.KindNative, model.KindService, model.KindAgent}

func (n *NewApplication) validate() error {
	n.Name = strings.TrimSpace(n.Name)
	n.join()
	switch {
	case n.Name == "" || len(n.Name) > maxName:
		return fmt.Errorf("%w: the name must have 1 to 200 bytes", ErrInvalid)
	case !nameText(n.Name):
		return fmt.Errorf("%w: the name must be text without control characters", ErrInvalid)
	case !slices.Contains(kinds, n.Kind):
		return fmt.Errorf("%w: unknown kind %q", ErrInvalid, n.Kind)
	case n.Kind == model.KindAgent && n.OwnerID == "":
		return fmt.Errorf("%w: an agent needs an owner", ErrInvalid)
	case len(n.JWKS) > 0 && n.Settings.JWKSURI != "": // RFC 7591, Section 2
		return fmt.Errorf("%w: a key set and jwks_uri exclude each other", ErrInvalid)
	case n.needsKeys() && len(n.JWKS) == 0 && n.Settings.JWKSURI == "":
		return fmt.Errorf("%w: %s needs a public key set", ErrInvalid, n.AuthMethod)
	case !slices.Contains(algorithms, n.TokenAlg):
		return fmt.Errorf("%w: access tokens are signed with ES256, EdDSA, PS256 or RS256", ErrInvalid)
	}
	if err := n.validateReach(); err != nil {
		return err
	}
	if err := n.validateMethod(); err != nil {
		return err
	}
	return settle(n.Kind, &n.Settings)
}

// needsKeys: RFC 7523, Section 2.2; RFC 8705, Section 2.2.
func (n *NewApplication) needsKeys() bool {
	return n.AuthMethod == model.AuthPrivateKeyJWT || n.AuthMethod == model.AuthSelfSignedTLS
}

const maxName = 200 // bytes

func nameText(name string) bool { return len(name) <= maxName && plainText(name) }

func plainText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// validateReach checks what the application may ask for.
func (n *NewApplication) validateReach() error {
	for _, s := range n.Scopes {
		if !scopeToken(s) {
			return fmt.Errorf("%w: a scope is a word of visible ASCII without quotes and backslashes", ErrInvalid)
		}
	}
	for _, g := range n.GrantTypes {
		if !slices.Contains(knownGrants, g) {
			return fmt.Errorf("%w: unknown grant type %q", ErrInvalid, g)
		}
	}
	for _, r := range n.Resources { // RFC 8707, Section 2: no fragment
		if u, err := url.Parse(r); err != nil || !visible(r) || u.Fragment != "" || strings.HasSuffix(r, "#") {
			return fmt.Errorf("%w: a resource is a URI without a fragment, or a client id", ErrInvalid)
		}
	}
	return nil
}

// scopeToken: RFC 6749, Section 3.3.
func scopeToken(s string) bool { return visible(s) && !strings.ContainsAny(s, `"\`) }

// visible reports whether s is a word of visible ASCII.
func visible(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= 0x20 || r > 0x7e })
}

func (n *NewApplication) validateMethod() error {
	switch n.AuthMethod {
	case model.AuthClientSecretBasic, model.AuthClientSecretPost, model.AuthPrivateKeyJWT, model.AuthTLS, model.AuthSelfSignedTLS:
		return nil
	case model.AuthNone:
		// A public client proves nothing about itself, so it may neither act
		// in its own name (RFC 6749, Section 4.4) nor ask people (CIBA Core 1.0,
		// Section 4: confidential clients only).
		for _, g := range n.GrantTypes {
			if g == "client_credentials" || strings.HasSuffix(g, ":ciba") {
				return fmt.Errorf("%w: %s needs a client that authenticates", ErrInvalid, g)
			}
		}
		return nil
	default:
		return fmt.Errorf("%w: unknown authentication method %q", ErrInvalid, n.AuthMethod)
	}
}
