package realm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assent-id/assent/internal/model"
)

// Limits of resource servers. They are all in the row of the realm, which every node
// holds in memory.
const (
	maxResources     = 500 // of a realm
	maxScopes        = 200 // of a resource server
	maxActing        = 100 // applications that act for one
	maxScopeName     = 128 // bytes
	maxIdentifier    = 512 // bytes
	maxScopeText     = 120 // characters: what people read of a scope
	maxTokenLifetime = int(model.LongestToken / time.Second)
	minTokenLifetime = 10 // seconds: clocks differ
)

// personScopes are OpenID Connect's, and mean the same everywhere.
var personScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// checkResources holds the resource servers of a policy against the rules, as far as
// they are new or different: a rule that came later does not stand against other
// changes.
func checkResources(list, was []model.ResourcePolicy) error {
	fresh := freshResources(list, was)
	if len(fresh) > 0 && len(list) > maxResources {
		return &ResourceError{"identifier", fmt.Sprintf("a realm has at most %d resource servers", maxResources)}
	}
	for _, i := range fresh {
		for j := range list {
			if i != j && model.SameResource(list[i].Resource, list[j].Resource) {
				return &ResourceError{"identifier", "two resource servers have the same identifier"}
			}
		}
		if err := checkResource(&list[i]); err != nil {
			return err
		}
	}
	return nil
}

// freshResources are the indexes of those that are new or different.
func freshResources(list, was []model.ResourcePolicy) []int {
	known := make(map[string][]string, len(was))
	for i := range was {
		known[was[i].Resource] = append(known[was[i].Resource], contentOf(was[i]))
	}
	var fresh []int
	for i := range list {
		before := known[list[i].Resource]
		at := slices.Index(before, contentOf(list[i]))
		if at < 0 {
			fresh = append(fresh, i)
			continue
		}
		known[list[i].Resource] = slices.Delete(before, at, at+1)
	}
	return fresh
}

func checkResource(r *model.ResourcePolicy) error {
	if reason := identifierFault(r.Resource); reason != "" {
		return &ResourceError{"identifier", reason}
	}
	if r.Name != "" && (strings.TrimSpace(r.Name) != r.Name || model.Printable(r.Name, maxLabel) != r.Name) {
		return &ResourceError{"display_name", fmt.Sprintf("the name of a resource server is at most %d characters that can be seen, with no space at either end", maxLabel)}
	}
	if err := checkScopes(r); err != nil {
		return err
	}
	switch r.TokenFormat {
	case "", model.TokenJWT, model.TokenOpaque:
	default:
		return &ResourceError{"access_token_format", "access_token_format is jwt, opaque, or left out"}
	}
	if l := r.TokenLifetime; l != 0 && (l < minTokenLifetime || l > maxTokenLifetime) {
		return &ResourceError{"access_token_lifetime", fmt.Sprintf("access_token_lifetime is %d to %d seconds, or left out", minTokenLifetime, maxTokenLifetime)}
	}
	if len(r.Clients) > maxActing {
		return &ResourceError{"clients", fmt.Sprintf("at most %d applications act for a resource server", maxActing)}
	}
	return nil
}

// identifierFault says what is wrong with an identifier; empty: nothing. RFC 8707,
// Section 2, wants an absolute URI without a fragment; ours is one of those that
// somebody can own.
func identifierFault(id string) string {
	u, err := url.Parse(id)
	switch {
	case len(id) > maxIdentifier:
		return fmt.Sprintf("the identifier of a resource server has at most %d bytes", maxIdentifier)
	case err != nil || !u.IsAbs() || strings.Contains(id, "#") || strings.ContainsFunc(id, notInURI):
		return "the identifier of a resource server is an absolute URI without a fragment"
	case u.User != nil:
		return "the identifier of a resource server names no user"
	case strings.HasPrefix(id, "https://") && u.Hostname() != "":
		return ""
	case strings.HasPrefix(id, "http://") && loopbackHost(u.Hostname()):
		return ""
	case strings.HasPrefix(id, "urn:") && wellFormedURN(u.Opaque):
		return ""
	default:
		return "the identifier of a resource server is an https URI, an http URI of this machine, or a urn"
	}
}

// notInURI: RFC 3986, Section 2.
func notInURI(r rune) bool {
	return r <= 0x20 || r > 0x7e || strings.ContainsRune("\"<>\\^`{|}", r)
}

func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// wellFormedURN: a namespace and a name in it (RFC 8141, Section 2).
func wellFormedURN(rest string) bool {
	space, name, ok := strings.Cut(rest, ":")
	return ok && len(space) >= 2 && name != ""
}

func checkScopes(r *model.ResourcePolicy) error {
	if len(r.Scopes) > maxScopes {
		return &ResourceError{"scopes", fmt.Sprintf("a resource server has at most %d scopes", maxScopes)}
	}
	for i, scope := range r.Scopes {
		part := fmt.Sprintf("scopes[%d].name", i)
		switch {
		case !scopeToken(scope):
			return &ResourceError{part, fmt.Sprintf("a scope is 1 to %d visible ASCII characters without quotes and backslashes", maxScopeName)}
		case slices.Contains(personScopes, scope):
			return &ResourceError{part, "this scope is OpenID Connect's, and means the same everywhere"}
		case slices.Contains(r.Scopes[:i], scope):
			return &ResourceError{part, "a scope is there twice"}
		}
	}
	for _, scope := range r.ApprovalScopes {
		if !slices.Contains(r.Scopes, scope) {
			return &ResourceError{"scopes", "approval_scopes are of the scopes of the resource"}
		}
		if slices.Contains(r.DefaultScopes, scope) {
			return &ResourceError{fmt.Sprintf("scopes[%d].default", slices.Index(r.Scopes, scope)), "what needs an approval each time is never given by default"}
		}
	}
	for scope, text := range r.ScopeTexts {
		at := slices.Index(r.Scopes, scope)
		if at < 0 {
			return &ResourceError{"scopes", "scope_texts are for the scopes of the resource"}
		}
		if n := utf8.RuneCountInString(text); n == 0 || n > maxScopeText || text != strings.TrimSpace(model.Printable(text, len(text)+1)) {
			return &ResourceError{fmt.Sprintf("scopes[%d].description", at),
				fmt.Sprintf("what people read of a scope has 1 to %d characters that can be seen, and no space at either end", maxScopeText)}
		}
	}
	return nil
}

// scopeToken: RFC 6749, Section 3.3.
func scopeToken(s string) bool {
	return s != "" && len(s) <= maxScopeName && !strings.ContainsFunc(s, func(r rune) bool { return r <= 0x20 || r > 0x7e || r == '"' || r == '\\' })
}

// checkServers holds the resource servers of a realm that are new or different
// against the rules, its issuer and its applications.
func (s *Service) checkServers(ctx context.Context, r *model.Realm, was []model.ResourcePolicy) error {
	if err := checkResources(r.Policy.Resources, was); err != nil {
		return err
	}
	issuer := s.site(*r).Issuer
	for _, i := range freshResources(r.Policy.Resources, was) {
		p := &r.Policy.Resources[i]
		if model.SameResource(p.Resource, issuer) {
			return &ResourceError{"identifier", "the issuer is no resource server: tokens for it are for this server itself"}
		}
		if err := s.checkClients(ctx, r.ID, p, was); err != nil {
			return err
		}
	}
	return nil
}

// checkClients: who is named now must be there. One that was named before may have
// been deleted since, and means nobody.
func (s *Service) checkClients(ctx context.Context, realm model.RealmID, p *model.ResourcePolicy, was []model.ResourcePolicy) error {
	var before []model.ClientID
	if at := slices.IndexFunc(was, func(o model.ResourcePolicy) bool { return o.Resource == p.Resource }); at >= 0 {
		before = was[at].Clients
	}
	for i, id := range p.Clients {
		part := fmt.Sprintf("clients[%d]", i)
		if slices.Contains(p.Clients[:i], id) {
			return &ResourceError{part, "a client is there twice"}
		}
		if slices.Contains(before, id) {
			continue
		}
		_, err := s.cfg.Store.Application(ctx, realm, id)
		if errors.Is(err, model.ErrNotFound) {
			return &ResourceError{part, "clients are applications of the realm"}
		}
		if err != nil {
			return fmt.Errorf("find application %s: %w", id, err)
		}
	}
	return nil
}
