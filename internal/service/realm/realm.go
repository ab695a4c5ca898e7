// Package realm owns tenants and realms: what they are called, which issuer
// they have, and what their operator allows in them.
//
// Every request passes through here to learn its realm, so lookups are
// answered from memory; the change feed renews it. If this package is wrong, a
// request is answered in another realm's name.
package realm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// ErrName: a realm name is 1 to 63 of a-z, 0-9 and inner hyphens, since it is
// a path segment of the issuer.
var ErrName = errors.New("a realm name is 1 to 63 lower-case letters, digits and inner hyphens")

var namePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Config is what a Service needs.
type Config struct {
	Store   Store
	Hub     *hub.Hub
	BaseURL string // scheme://host[:port], no path, no trailing slash
	Now     func() time.Time
	// Latest is the present by the clock of the server that is furthest ahead: up to
	// then tokens may have been issued. nil: Now.
	Latest func() time.Time
	// Trusted reports whether memory may be believed; nil: always. While it may
	// not, every question goes to the database.
	Trusted func() bool
	// Prepare gives a new realm what each has from the start; nil: nothing. It may
	// run again.
	Prepare func(context.Context, *model.Site) error
}

// A Service answers which realm is which.
type Service struct {
	cfg   Config
	base  *url.URL
	mu    sync.Mutex // one load at a time
	sites atomic.Pointer[sites]
	epoch atomic.Uint64
	// changes lets one change of this node at a time at the rows of realms. It only
	// spares them the trouble: what decides is the version of the row.
	changes sync.Mutex
}

type sites struct {
	byName map[string]*model.Site
	byID   map[model.RealmID]*model.Site
	byHost map[string]*model.Site // of those with a host of their own
	deflt  *model.Site
}

// New checks the base URL and listens for changes.
func New(cfg Config) (*Service, error) {
	base, err := ParseBaseURL(cfg.BaseURL)
	if err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Latest == nil {
		cfg.Latest = cfg.Now
	}
	s := &Service{cfg: cfg, base: base}
	if cfg.Hub != nil {
		cfg.Hub.Listen(model.TopicRealm, func(model.Change) { s.forget() })
		cfg.Hub.OnResync(s.forget)
	}
	return s, nil
}

func (s *Service) forget() {
	s.epoch.Add(1)
	s.sites.Store(nil)
}

// Default is the realm whose issuer is the base URL; model.ErrNotFound before
// one was created.
func (s *Service) Default(ctx context.Context) (*model.Site, error) {
	all, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if all.deflt == nil {
		return nil, fmt.Errorf("default realm: %w", model.ErrNotFound)
	}
	return all.deflt, nil
}

// ByName finds a realm by the name in its path.
func (s *Service) ByName(ctx context.Context, name string) (*model.Site, error) {
	all, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if site := all.byName[name]; site != nil {
		return site, nil
	}
	return nil, fmt.Errorf("realm %q: %w", name, model.ErrNotFound)
}

// ByHost finds the realm that has a host of its own; nil: the host is not a
// realm's.
func (s *Service) ByHost(ctx context.Context, host string) (*model.Site, error) {
	all, err := s.load(ctx)
	if err != nil || len(all.byHost) == 0 {
		return nil, err
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return all.byHost[strings.ToLower(host)], nil
}

// ByID finds a realm by its id.
func (s *Service) ByID(ctx context.Context, id model.RealmID) (*model.Site, error) {
	all, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if site := all.byID[id]; site != nil {
		return site, nil
	}
	return nil, fmt.Errorf("realm %s: %w", id, model.ErrNotFound)
}

// All lists every realm, in no order.
func (s *Service) All(ctx context.Context) ([]*model.Site, error) {
	all, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	return slices.Collect(maps.Values(all.byID)), nil
}

func (s *Service) load(ctx context.Context) (*sites, error) {
	if s.cfg.Trusted != nil && !s.cfg.Trusted() {
		return s.fetch(ctx)
	}
	if all := s.sites.Load(); all != nil {
		return all, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if all := s.sites.Load(); all != nil {
		return all, nil
	}
	epoch := s.epoch.Load()
	all, err := s.fetch(ctx)
	if err != nil {
		return nil, err
	}
	s.sites.Store(all)
	if s.epoch.Load() != epoch { // changed while it was loading
		s.sites.Store(nil)
	}
	return all, nil
}

func (s *Service) fetch(ctx context.Context) (*sites, error) {
	realms, err := s.cfg.Store.Realms(ctx)
	if err != nil {
		return nil, fmt.Errorf("load realms: %w", err)
	}
	return s.index(realms), nil
}

func (s *Service) index(realms []model.Realm) *sites {
	all := &sites{byName: map[string]*model.Site{}, byID: map[model.RealmID]*model.Site{}, byHost: map[string]*model.Site{}}
	for _, r := range realms {
		site := s.site(r)
		all.byName[r.Name], all.byID[r.ID] = site, site
		if r.Default {
			all.deflt = site
		}
		if site.OwnHost() {
			all.byHost[r.Policy.Host] = site
		}
	}
	return all
}

func (s *Service) site(r model.Realm) *model.Site {
	site := &model.Site{Realm: r, Origin: s.cfg.BaseURL, Issuer: s.cfg.BaseURL,
		RPID: s.base.Hostname(), Secure: s.base.Scheme == "https"}
	switch {
	case r.Default:
	case r.Policy.Host != "":
		own := *s.base
		own.Host = r.Policy.Host
		if port := s.base.Port(); port != "" {
			own.Host = net.JoinHostPort(r.Policy.Host, port)
		}
		site.Origin, site.Issuer, site.RPID = own.String(), own.String(), r.Policy.Host
	default:
		site.Path = site.NamedPath()
		site.Issuer += site.Path
	}
	if r.Policy.RPID != "" {
		site.RPID = r.Policy.RPID
	}
	return site
}

// NewRealm is what a realm is created from. An empty TenantID is the first tenant,
// which is created when there is none.
type NewRealm struct {
	TenantID    model.TenantID
	Name        string
	DisplayName string
	Default     bool
	Policy      model.RealmPolicy
	Actor       string // empty: an operator at the server itself
}

// Create stores a realm; model.ErrConflict if the name is taken.
func (s *Service) Create(ctx context.Context, n NewRealm) (*model.Site, error) {
	if !namePattern.MatchString(n.Name) {
		return nil, ErrName
	}
	if err := s.checkHost(ctx, n); err != nil {
		return nil, err
	}
	if err := checkPolicy(n.Policy, model.RealmPolicy{}); err != nil {
		return nil, err
	}
	if err := s.checkRPID(&model.Realm{Default: n.Default, Policy: n.Policy}); err != nil {
		return nil, err
	}
	if n.DisplayName == "" {
		n.DisplayName = n.Name
	}
	tenant, err := s.tenant(ctx, n.TenantID)
	if err != nil {
		return nil, err
	}
	now := model.MillisOf(s.cfg.Now())
	r := model.Realm{ID: model.RealmID(ids.New("rlm")), TenantID: tenant, Name: n.Name, DisplayName: n.DisplayName,
		Default: n.Default, Status: model.RealmActive, Policy: n.Policy, CreatedAt: now, UpdatedAt: now, Version: 1}
	if err := s.checkServers(ctx, &r, nil); err != nil {
		return nil, err
	}
	settle(nil, &r.Policy, now)
	fx := effects(r.ID, "realm.created", cmp.Or(n.Actor, "operator"), now)
	if err := s.cfg.Store.CreateRealm(ctx, r, fx); err != nil {
		return nil, fmt.Errorf("create realm %s: %w", n.Name, err)
	}
	s.forget()
	site := s.site(r)
	if s.cfg.Prepare != nil {
		if err := s.cfg.Prepare(ctx, site); err != nil {
			return nil, fmt.Errorf("prepare realm %s: %w", n.Name, err)
		}
	}
	return site, nil
}

func (s *Service) tenant(ctx context.Context, id model.TenantID) (model.TenantID, error) {
	tenants, err := s.cfg.Store.Tenants(ctx)
	if err != nil {
		return "", fmt.Errorf("load tenants: %w", err)
	}
	for _, t := range tenants {
		if id == "" || t.ID == id {
			return t.ID, nil
		}
	}
	if id != "" {
		return "", fmt.Errorf("tenant %s: %w", id, model.ErrNotFound)
	}
	now := model.MillisOf(s.cfg.Now())
	t := model.Tenant{ID: model.TenantID(ids.New("ten")), Name: "default", CreatedAt: now, UpdatedAt: now, Version: 1}
	if err := s.cfg.Store.CreateTenant(ctx, t, model.Effects{}); err != nil {
		if errors.Is(err, model.ErrConflict) { // another node was first
			return s.tenant(ctx, id)
		}
		return "", fmt.Errorf("create tenant: %w", err)
	}
	return t.ID, nil
}

// EnsureDefault finds the default realm or creates it. Of two nodes that
// start at once one creates and both find it.
func (s *Service) EnsureDefault(ctx context.Context, displayName string, policy model.RealmPolicy) (site *model.Site, created bool, err error) {
	site, err = s.Default(ctx)
	if !errors.Is(err, model.ErrNotFound) {
		return site, false, err
	}
	site, err = s.Create(ctx, NewRealm{Name: "default", DisplayName: displayName, Default: true, Policy: policy})
	if errors.Is(err, model.ErrConflict) {
		s.forget()
		site, err = s.Default(ctx)
		return site, false, err
	}
	return site, err == nil, err
}
