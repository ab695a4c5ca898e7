package realm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

var (
	// ErrIdentifierTaken: the realm has a resource server with this identifier.
	ErrIdentifierTaken = errors.New("the realm has a resource server with this identifier")
	// ErrHasRoles: people are something at the resource server.
	ErrHasRoles = errors.New("the resource server has roles")
	// ErrHasClients: a scope would not need an approval each time any more, and who is
	// registered for it would get it without one. The message says who.
	ErrHasClients = errors.New("applications are registered for a scope that needs an approval each time")
)

// A ResourceError says what is wrong with a resource server. It is an [ErrPolicy].
type ResourceError struct {
	Part   string // as the management API calls it, such as "scopes[3].name"
	Reason string
}

func (e *ResourceError) Error() string { return ErrPolicy.Error() + ": " + e.Reason }

// Unwrap makes it an ErrPolicy.
func (e *ResourceError) Unwrap() error { return ErrPolicy }

// A ResourceRef is a resource server that somebody means to change.
type ResourceRef struct {
	ID      model.ResourceServerID
	Version int64 // that it must have; 0: any
	Actor   string
}

// ResourceServers are those of a realm as they are in the database now, ordered
// by id.
func (s *Service) ResourceServers(ctx context.Context, id model.RealmID) ([]model.ResourcePolicy, error) {
	r, err := s.read(ctx, id)
	if err != nil {
		return nil, err
	}
	list := r.Policy.Resources
	slices.SortFunc(list, func(a, b model.ResourcePolicy) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list, nil
}

// ResourceServer is one of them: model.ErrNotFound.
func (s *Service) ResourceServer(ctx context.Context, realm model.RealmID, id model.ResourceServerID) (model.ResourcePolicy, error) {
	r, err := s.read(ctx, realm)
	if err != nil {
		return model.ResourcePolicy{}, err
	}
	at, err := resourceAt(&r, ResourceRef{ID: id})
	if err != nil {
		return model.ResourcePolicy{}, err
	}
	return r.Policy.Resources[at], nil
}

// resourceAt finds the version that is meant: model.ErrNotFound, ErrChanged.
func resourceAt(r *model.Realm, ref ResourceRef) (int, error) {
	at := slices.IndexFunc(r.Policy.Resources, func(p model.ResourcePolicy) bool { return ref.ID != "" && p.ID == ref.ID })
	if at < 0 {
		return 0, fmt.Errorf("resource server %s: %w", ref.ID, model.ErrNotFound)
	}
	if have := r.Policy.Resources[at].Version; ref.Version != 0 && have != ref.Version {
		return 0, ErrChanged
	}
	return at, nil
}

// CreateResourceServer adds a resource server and returns it as it is then:
// [*ResourceError], ErrIdentifierTaken.
func (s *Service) CreateResourceServer(ctx context.Context, realm model.RealmID, n model.ResourcePolicy, actor string) (model.ResourcePolicy, error) {
	n.ID, n.Version = model.ResourceServerID(ids.New("rsv")), 1
	err := s.changeResources(ctx, realm, func(r *model.Realm, now model.Millis) (model.Effects, error) {
		n.CreatedAt, n.UpdatedAt = now, now
		list := r.Policy.Resources
		if slices.ContainsFunc(list, func(o model.ResourcePolicy) bool { return model.SameResource(o.Resource, n.Resource) }) {
			return model.Effects{}, ErrIdentifierTaken
		}
		r.Policy.Resources = append(slices.Clone(list), n)
		if err := s.checkServers(ctx, r, list); err != nil {
			return model.Effects{}, err
		}
		return resourceEffects(realm, "resource_server.created", actor, &n)
	})
	return n, err
}

// UpdateResourceServer changes one as edit says, which may be called more than
// once, and returns it as it is then. Another change of the realm meanwhile does not
// stand against it, one of this resource server does: ErrChanged. Also what edit
// returns, [*ResourceError], ErrHasClients, model.ErrNotFound.
func (s *Service) UpdateResourceServer(ctx context.Context, realm model.RealmID, ref ResourceRef,
	edit func(*model.ResourcePolicy) error) (after model.ResourcePolicy, err error) {
	err = s.changeResources(ctx, realm, func(r *model.Realm, now model.Millis) (model.Effects, error) {
		at, err := resourceAt(r, ref)
		if err != nil {
			return model.Effects{}, err
		}
		was := slices.Clone(r.Policy.Resources)
		after = cloneResource(was[at])
		if err := edit(&after); err != nil {
			return model.Effects{}, err
		}
		if after.Resource != was[at].Resource { // tokens that are about name it
			return model.Effects{}, &ResourceError{"identifier", "the identifier of a resource server is settled when it is created"}
		}
		keepNames(&after, &was[at], now)
		if after.Version == was[at].Version {
			return model.Effects{}, nil
		}
		r.Policy.Resources[at] = after
		if err := s.checkServers(ctx, r, was); err != nil {
			return model.Effects{}, err
		}
		if err := s.checkApprovals(ctx, r, was); err != nil {
			return model.Effects{}, err
		}
		return resourceEffects(realm, "resource_server.updated", ref.Actor, &after)
	})
	return after, err
}

// DeleteResourceServer removes one that has no roles: ErrHasRoles, ErrHasClients,
// ErrChanged, model.ErrNotFound. Applications that are registered for it stay so.
func (s *Service) DeleteResourceServer(ctx context.Context, realm model.RealmID, ref ResourceRef) error {
	return s.changeResources(ctx, realm, func(r *model.Realm, _ model.Millis) (model.Effects, error) {
		at, err := resourceAt(r, ref)
		if err != nil {
			return model.Effects{}, err
		}
		gone := r.Policy.Resources[at]
		withRoles, err := s.cfg.Store.ResourcesWithRoles(ctx, realm)
		if err != nil {
			return model.Effects{}, fmt.Errorf("find resource servers with roles: %w", err)
		}
		if slices.Contains(withRoles, gone.Resource) {
			return model.Effects{}, ErrHasRoles
		}
		was := slices.Clone(r.Policy.Resources)
		r.Policy.Resources = slices.Delete(r.Policy.Resources, at, at+1)
		if err := s.checkApprovals(ctx, r, was); err != nil {
			return model.Effects{}, err
		}
		return resourceEffects(realm, "resource_server.deleted", ref.Actor, &gone)
	})
}

// changeResources writes what change did to the row. It is tried anew where another
// part of the realm was changed meanwhile.
func (s *Service) changeResources(ctx context.Context, realm model.RealmID, change func(*model.Realm, model.Millis) (model.Effects, error)) error {
	var refused error
	err := s.update(ctx, realm, func(r *model.Realm, now model.Millis) model.Effects {
		var fx model.Effects
		if fx, refused = change(r, now); refused != nil {
			return model.Effects{}
		}
		if len(fx.Events) > 0 {
			fx.Events[0].At, fx.Changes[0].At = now, now
		}
		return fx
	})
	if refused != nil {
		return refused
	}
	return err
}

func resourceEffects(realm model.RealmID, event, actor string, p *model.ResourcePolicy) (model.Effects, error) {
	fx := effects(realm, event, actor, 0)
	data, err := json.Marshal(map[string]string{"identifier": p.Resource})
	if err != nil {
		return fx, fmt.Errorf("encode an event: %w", err)
	}
	fx.Events[0].Target, fx.Events[0].Data = string(p.ID), data
	return fx, nil
}

// NameResources gives the resource servers of a realm ids, where an earlier version
// of this program wrote them without.
func (s *Service) NameResources(ctx context.Context, site *model.Site) error {
	if !unnamed(&site.Realm.Policy) {
		return nil
	}
	return s.update(ctx, site.Realm.ID, func(r *model.Realm, now model.Millis) model.Effects {
		if !unnamed(&r.Policy) { // another node was first
			return model.Effects{}
		}
		settle(r.Policy.Resources, &r.Policy, now)
		return effects(r.ID, "realm.policy_changed", "server", now)
	})
}

func unnamed(p *model.RealmPolicy) bool {
	return slices.ContainsFunc(p.Resources, func(r model.ResourcePolicy) bool { return r.ID == "" })
}

// settle gives the resource servers of a policy their ids, times and versions. Those
// are the server's, whatever came with the policy: one has them for as long as the
// policy has its identifier. was is the list before.
func settle(was []model.ResourcePolicy, p *model.RealmPolicy, now model.Millis) {
	left := slices.Clone(was)
	list := slices.Clone(p.Resources) // whose it is, others may read
	for i := range list {
		at := slices.IndexFunc(left, func(o model.ResourcePolicy) bool { return o.ID != "" && o.Resource == list[i].Resource })
		if at < 0 {
			list[i].ID, list[i].Version, list[i].CreatedAt, list[i].UpdatedAt = model.ResourceServerID(ids.New("rsv")), 1, now, now
			continue
		}
		keepNames(&list[i], &left[at], now)
		left = slices.Delete(left, at, at+1)
	}
	p.Resources = list
}

// keepNames: what is the server's stays, and the version grows if anything else did
// not.
func keepNames(p, was *model.ResourcePolicy, now model.Millis) {
	p.ID, p.Version, p.CreatedAt, p.UpdatedAt = was.ID, was.Version, was.CreatedAt, was.UpdatedAt
	if !sameContent(p, was) {
		p.Version++
		p.UpdatedAt = now
	}
}

// sameContent compares what an operator says of two resource servers.
func sameContent(a, b *model.ResourcePolicy) bool {
	return contentOf(*a) == contentOf(*b)
}

// contentOf is the text that is stored, without what is the server's.
func contentOf(p model.ResourcePolicy) string {
	p.ID, p.Version, p.CreatedAt, p.UpdatedAt = "", 0, 0, 0
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // texts and numbers always marshal
	}
	return string(text)
}

// cloneResource shares nothing with the other.
func cloneResource(p model.ResourcePolicy) model.ResourcePolicy {
	p.Scopes, p.DefaultScopes, p.ApprovalScopes = slices.Clone(p.Scopes), slices.Clone(p.DefaultScopes), slices.Clone(p.ApprovalScopes)
	p.Clients = slices.Clone(p.Clients)
	if p.ScopeTexts != nil {
		texts := make(map[string]string, len(p.ScopeTexts))
		for scope, text := range p.ScopeTexts {
			texts[scope] = text
		}
		p.ScopeTexts = texts
	}
	return p
}

func cloneResources(list []model.ResourcePolicy) []model.ResourcePolicy {
	out := make([]model.ResourcePolicy, len(list))
	for i := range list {
		out[i] = cloneResource(list[i])
	}
	return out
}
