// Package authenticator keeps authenticator configs: where people authenticate to
// an application, on the realm's own pages or within the application, and which
// origins may run ceremonies for the realm there (Web Authentication Level 3,
// Sections 5.11 and 13.4.9).
//
// Reads come from memory and are renewed by the change feed. If this package is
// wrong, a stranger's page uses people's passkeys, or gets what they lead to.
package authenticator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	// AuthenticatorConfigs lists those of a realm, ordered by id.
	AuthenticatorConfigs(context.Context, model.RealmID) ([]model.AuthenticatorConfig, error)
	AuthenticatorConfig(context.Context, model.RealmID, model.AuthenticatorConfigID) (model.AuthenticatorConfig, error) // ErrNotFound
	CreateAuthenticatorConfig(context.Context, model.AuthenticatorConfig, model.Effects) error
	// UpdateAuthenticatorConfig writes it if the stored version is c.Version and
	// makes it c.Version+1; ErrConflict otherwise. Where it moved, the open binding
	// jobs that name it are REVOKED in the same transaction.
	UpdateAuthenticatorConfig(ctx context.Context, c model.AuthenticatorConfig, moved bool, fx model.Effects) error
	// DeleteAuthenticatorConfig removes it: ErrNotFound if there is none of that
	// version (0: any), ErrConflict while an application or an open binding job
	// names it.
	DeleteAuthenticatorConfig(ctx context.Context, c model.AuthenticatorConfig, at model.Millis, fx model.Effects) error
}

// Config is what a Service needs.
type Config struct {
	Store Store
	Hub   *hub.Hub
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: none
	// Trusted reports whether memory may be believed; nil: always. While it may
	// not, every question goes to the database.
	Trusted func() bool
}

// A Service keeps the configs of all realms. It is safe for concurrent use.
type Service struct {
	cfg   Config
	cache *hub.Cache[*known]
}

// known is what a realm has. It is shared and never changed in place.
type known struct {
	configs map[model.AuthenticatorConfigID]*model.AuthenticatorConfig
	origins []string // that any embedded one trusts, sorted
}

// maxConfigs bounds what a realm has: all of them are in memory together.
const maxConfigs = 1000

var (
	// ErrInvalid: the settings contradict themselves. The message says how.
	ErrInvalid = errors.New("invalid authenticator config")
	// ErrInUse: an application or an open binding job names the config.
	ErrInUse = errors.New("the authenticator config is in use")
	// ErrChanged: the config is not the version that was meant.
	ErrChanged = errors.New("the authenticator config was changed meanwhile")
)

// New listens for changes.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg}
	s.cache = hub.NewCache(10_000, s.load)
	if cfg.Hub != nil {
		cfg.Hub.Listen(model.TopicAuthenticator, func(c model.Change) { s.cache.Forget(c.Key) })
		cfg.Hub.OnResync(s.cache.Clear)
	}
	return s
}

func (s *Service) of(ctx context.Context, site *model.Site) (*known, error) {
	if s.cfg.Trusted != nil && !s.cfg.Trusted() {
		return s.load(ctx, string(site.Realm.ID))
	}
	return s.cache.Get(ctx, string(site.Realm.ID))
}

func (s *Service) load(ctx context.Context, realm string) (*known, error) {
	list, err := s.cfg.Store.AuthenticatorConfigs(ctx, model.RealmID(realm))
	if err != nil {
		return nil, fmt.Errorf("load authenticator configs: %w", err)
	}
	k := &known{configs: make(map[model.AuthenticatorConfigID]*model.AuthenticatorConfig, len(list))}
	for i := range list {
		c := &list[i]
		k.configs[c.ID] = c
		if c.Embedded() {
			k.origins = append(k.origins, c.Settings.TrustedOrigins...)
		}
	}
	k.origins = sorted(k.origins)
	return k, nil
}

func sorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// Config finds one of the realm; model.ErrNotFound. It is shared: read it only.
func (s *Service) Config(ctx context.Context, site *model.Site, id model.AuthenticatorConfigID) (*model.AuthenticatorConfig, error) {
	k, err := s.of(ctx, site)
	if err != nil {
		return nil, err
	}
	if c := k.configs[id]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("authenticator config: %w", model.ErrNotFound)
}

// For is the config that a client names; nil if it names none: people
// authenticate to it on the realm's pages.
func (s *Service) For(ctx context.Context, site *model.Site, c *model.Client) (*model.AuthenticatorConfig, error) {
	if c.Settings.AuthenticatorConfig == "" {
		return nil, nil //nolint:nilnil // none is an answer
	}
	return s.Config(ctx, site, c.Settings.AuthenticatorConfig)
}

// TrustedOrigins are those that any embedded config of the realm trusts, sorted.
// It is empty where that cannot be found out now: then nobody is trusted.
func (s *Service) TrustedOrigins(ctx context.Context, site *model.Site) []string {
	k, err := s.of(ctx, site)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "read trusted origins", slog.String("realm", string(site.Realm.ID)), slog.Any("error", err))
		return nil
	}
	return k.origins
}

// RelatedOrigins are those beyond the realm's own that use passkeys of the realm's
// relying party id: browsers ask for them at the host of that name (Web
// Authentication Level 3, Section 5.11.1).
func (s *Service) RelatedOrigins(ctx context.Context, site *model.Site) ([]string, error) {
	k, err := s.of(ctx, site)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, c := range k.configs {
		if c.Embedded() && c.RPID(site) == site.RPID {
			list = append(list, c.Settings.TrustedOrigins...)
		}
	}
	return sorted(list), nil
}

// A Query says which configs to list.
type Query struct {
	Name  string // exactly; empty: any
	After string // id; empty: from the first one on
	Limit int
}

// List shows the configs of a realm that a query asks for, ordered by id.
func (s *Service) List(ctx context.Context, site *model.Site, q Query) ([]model.AuthenticatorConfig, error) {
	all, err := s.cfg.Store.AuthenticatorConfigs(ctx, site.Realm.ID)
	if err != nil {
		return nil, fmt.Errorf("list authenticator configs: %w", err)
	}
	all = slices.DeleteFunc(all, func(c model.AuthenticatorConfig) bool {
		return string(c.ID) <= q.After || q.Name != "" && c.Name != q.Name
	})
	return all[:min(q.Limit, len(all))], nil
}

// Read finds one in the database, with its version as it is now; model.ErrNotFound.
func (s *Service) Read(ctx context.Context, site *model.Site, id model.AuthenticatorConfigID) (model.AuthenticatorConfig, error) {
	if !ids.Valid("acf", string(id)) {
		return model.AuthenticatorConfig{}, fmt.Errorf("authenticator config: %w", model.ErrNotFound)
	}
	return s.cfg.Store.AuthenticatorConfig(ctx, site.Realm.ID, id)
}
