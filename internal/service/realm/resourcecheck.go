package realm

import (
	"context"
	"errors"
	"fmt"
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

// identifierFault says what is wrong with an identifier; empty: nothing.
func identifierFault(id string) string {
	fault := model.ResourceFault(id)
	if fault == "" {
		return ""
	}
	return "the identifier of a resource server " + fault
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

// checkApprovals refuses a change after which an application that is registered for a
// scope gets it without the approval that it needs by now: ErrHasClients. The API may
// still run, and would take that.
func (s *Service) checkApprovals(ctx context.Context, r *model.Realm, was []model.ResourcePolicy) error {
	freed := freedScopes(r.Policy.Resources, was)
	if len(freed) == 0 {
		return nil
	}
	all, err := s.cfg.Store.Applications(ctx, r.ID)
	if err != nil {
		return fmt.Errorf("find who is registered for a scope: %w", err)
	}
	for i := range all {
		for _, f := range freed {
			if mayHave(&all[i].Settings, f) {
				return fmt.Errorf("%w: %s for %s at %s", ErrHasClients, all[i].ID, f.scope, f.resource)
			}
		}
	}
	return nil
}

type freedScope struct{ resource, scope string }

// freedScopes are those that needed an approval before and do not any more.
func freedScopes(list, was []model.ResourcePolicy) []freedScope {
	var freed []freedScope
	for i := range was {
		at := slices.IndexFunc(list, func(p model.ResourcePolicy) bool { return model.SameResource(p.Resource, was[i].Resource) })
		for _, scope := range was[i].ApprovalScopes {
			if at < 0 || !slices.Contains(list[at].ApprovalScopes, scope) {
				freed = append(freed, freedScope{was[i].Resource, scope})
			}
		}
	}
	return freed
}

// mayHave reports whether an operator registered an application for both. Who
// registered itself for whatever there is gets the scopes of resource servers of the
// realm alone, and never such a one by CIBA.
func mayHave(a *model.ApplicationSettings, f freedScope) bool {
	if a.AnyScope || !slices.Contains(a.Scopes, f.scope) && !slices.Contains(a.DefaultScopes, f.scope) {
		return false
	}
	same := func(resource string) bool { return model.SameResource(resource, f.resource) }
	return slices.ContainsFunc(a.Resources, same) || slices.ContainsFunc(a.Exchange.Audiences, same)
}
