// Package server turns a Config into a running server. It is the only package
// that knows everyone: it opens the store, makes the services, gives each what
// it asks for, and puts the edge in front.
package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/obs"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/audit"
	"github.com/assent-id/assent/internal/service/authenticator"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/gate"
	"github.com/assent-id/assent/internal/service/keys"
	"github.com/assent-id/assent/internal/service/keyset"
	"github.com/assent-id/assent/internal/service/logout"
	"github.com/assent-id/assent/internal/service/notify"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/revocation"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/standin"
	"github.com/assent-id/assent/internal/store"
)

// A Server is an open database with all services on it. Its services may be
// used directly, as the operator's commands do.
type Server struct {
	cfg   Config
	store *store.Store
	hub   *hub.Hub

	Realms       *realm.Service
	Keys         *keys.Service
	Applications *application.Service
	// Authenticators say where people authenticate to applications.
	Authenticators *authenticator.Service
	Directory      *directory.Service
	SignIn         *signin.Service
	Approvals      *approval.Service
	StandIn        *standin.Service
	Audit          *audit.Service
	engine         *oauth.Engine
	clocks         clocks
	logout         *logout.Service
	feed           *revocation.Feed
	outbox         *notify.Service
	mailbox        *notify.Mailbox
	mail           *notify.Mail
	letters        *notify.Letters
	metrics        *obs.Metrics

	handler  http.Handler    // the whole server
	realms   http.Handler    // what the realms serve, without the log record
	stopping context.Context // ended when the server begins to stop
	stop     context.CancelFunc
}

// Open opens and migrates the database and makes the services. Nothing
// listens yet, and nothing runs in the background.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, hub: &hub.Hub{}, metrics: obs.NewMetrics(cfg.Version)}
	s.clocks.now = s.now
	s.stopping, s.stop = context.WithCancel(context.Background())
	var err error
	s.store, err = store.Open(ctx, store.Config{URL: cfg.Database, Publish: s.publish, Resync: s.hub.Resync,
		Logger: cfg.Logger, MaxConns: cfg.MaxConns})
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := s.assemble(ctx); err != nil {
		return nil, errors.Join(err, s.store.Close())
	}
	return s, nil
}

func (s *Server) assemble(ctx context.Context) error {
	if err := s.settleBaseURL(ctx); err != nil {
		return err
	}
	if err := s.makeServices(); err != nil {
		return err
	}
	if !s.cfg.NoDefaultRealm {
		if err := s.ensureDefault(ctx); err != nil {
			return err
		}
	}
	var err error
	s.handler, err = s.routes()
	return err
}

func (s *Server) ensureDefault(ctx context.Context) error {
	site, created, err := s.Realms.EnsureDefault(ctx, s.cfg.DefaultRealmTitle, s.cfg.DefaultPolicy)
	if err != nil {
		return err
	}
	if created {
		s.cfg.Logger.Info("default realm created", "issuer", site.Issuer)
	}
	return s.prepareRealms(ctx)
}

func (s *Server) makeServices() error {
	cfg, db := s.cfg, s.store
	revoked := revocation.NewMemory(revocation.Config{Store: db, Hub: s.hub, Now: cfg.Now})
	g := gate.New(gate.Config{Store: db, Hub: s.hub, Now: cfg.Now, Fresh: s.feedFreshAt, Revocations: revoked})
	var err error
	if s.Realms, err = realm.New(realm.Config{Store: db, Hub: s.hub, BaseURL: cfg.BaseURL, Trusted: g.Trusted, Now: cfg.Now, Latest: s.clocks.latest, Prepare: s.prepareRealm}); err != nil {
		return err
	}
	s.Keys = keys.New(keys.Config{Store: db, Hub: s.hub, Keyring: cfg.Keyring, Now: cfg.Now})
	out := fetch.New(fetch.Config{Allow: cfg.FetchAllow, Now: cfg.Now, Log: cfg.Logger})
	keySets := keyset.New(keyset.Config{Fetch: out, Now: cfg.Now, Log: cfg.Logger})
	s.Authenticators = authenticator.New(authenticator.Config{Store: db, Hub: s.hub, Now: cfg.Now, Log: cfg.Logger, Trusted: g.Trusted})
	s.Applications = application.New(application.Config{Store: db, Hub: s.hub, Now: cfg.Now, Latest: s.clocks.latest, Trusted: g.Trusted, Fetch: out, KeySets: keySets, Log: cfg.Logger,
		Keyring: cfg.Keyring, Grants: grantsOf{db, cfg.Now}, TLSMethods: cfg.tlsMethods(), Authenticators: s.Authenticators,
		ManagementScopes: manage.ScopeNames()})
	s.SignIn = signin.New(signin.Config{Store: db, Gate: g, Realms: s.Realms, Keyring: cfg.Keyring, Now: cfg.Now, Log: cfg.Logger})
	s.Directory = directory.New(directory.Config{Store: db, Mails: cfg.mails(), Now: cfg.Now, Latest: s.clocks.latest, Gate: g, Signer: s.Keys, Sessions: s.SignIn, Keyring: cfg.Keyring, Authenticators: s.Authenticators, Log: cfg.Logger,
		Departures: departures{s}, Hub: s.hub, Trusted: g.Trusted})
	s.Approvals = approval.New(approval.Config{Store: db, Now: cfg.Now, Signer: s.Keys, Gate: g, Realms: s.Realms, Hub: s.hub, Log: cfg.Logger, MailAfter: cfg.MailAfter})
	s.StandIn = standin.New(standin.Config{Store: db, Directory: s.Directory, Approvals: s.Approvals, Sessions: s.SignIn, Keyring: cfg.Keyring})
	s.Audit = audit.New(db, nil)
	s.engine = oauth.New(oauth.Config{Store: db, Clients: s.Applications, Keys: s.Keys, Gate: g, People: s.Directory, Roles: s.Directory,
		Approvals: s.Approvals, Sessions: s.SignIn, Authenticators: s.Authenticators, IssuerKeys: keySets, Keyring: cfg.Keyring, Hub: s.hub, Log: cfg.Logger, Now: cfg.Now, Latest: s.clocks.latest,
		MaxWait: cfg.MaxWait, MTLSBaseURL: cfg.MTLS.BaseURL, MTLSAuthorities: len(cfg.MTLS.ClientCA) > 0})
	s.feed = revocation.NewFeed(revocation.FeedConfig{Memory: revoked, Names: s.engine, Trusted: g.Trusted, Now: cfg.Now})
	s.logout = logout.New(logout.Config{Store: db, Clients: s.Applications, Engine: s.engine, Sessions: s.SignIn, Fetch: out,
		Keyring: cfg.Keyring, Log: cfg.Logger, Now: cfg.Now})
	if err := s.makeMail(); err != nil {
		return err
	}
	s.outbox = notify.New(notify.Config{Store: db, Realms: s.Realms, Hub: s.hub, Log: cfg.Logger, Now: cfg.Now, Channels: map[string]notify.Channel{
		"mail": s.mail, model.ChannelLogout: s.logout, model.ChannelPing: &notify.Post{Call: s.engine.Ping, Out: out}}})
	return nil
}

// Handler is the whole server as an http.Handler.
func (s *Server) Handler() http.Handler { return s.handler }

// Close closes the database. Run does it by itself.
func (s *Server) Close() error {
	s.stop()
	return s.store.Close()
}

// Site finds a realm by name; "" or "default" is the default one.
func (s *Server) Site(ctx context.Context, name string) (*model.Site, error) {
	if name == "" || name == "default" {
		return s.Realms.Default(ctx)
	}
	return s.Realms.ByName(ctx, name)
}

var _ httpx.Observer = (*obs.Metrics)(nil)
