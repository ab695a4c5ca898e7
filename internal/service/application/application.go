// Package application owns registered OAuth clients: what they are, how they
// authenticate, and what they may ask for.
//
// Reads come from memory and are renewed by the change feed; keys are parsed
// once. If this package is wrong, a client gets more than it was registered for.
package application

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// Config is what a Service needs.
type Config struct {
	Store Store
	Hub   *hub.Hub
	Now   func() time.Time
	// Latest is the present by the clock of the server that is furthest ahead: up to
	// then tokens may have been issued. nil: Now.
	Latest func() time.Time
	// Fetch gets client id metadata documents; nil: there are none.
	Fetch Fetcher
	// KeySets finds the keys of clients with a jwks_uri; nil: they have none.
	KeySets KeySets
	Log     *slog.Logger // nil: none
	// Keyring seals initial access tokens; nil: there are none.
	Keyring *seal.Keyring
	// Authenticators finds the authenticator configs that applications name; nil:
	// there are none.
	Authenticators Authenticators
	// Grants ends what people gave to an application that goes; nil: nothing.
	Grants Grants
	// ManagementScopes are those of the management API, for the applications that
	// every realm has.
	ManagementScopes []string
	// TLSMethods are the client authentication methods of RFC 8705 that the
	// server offers.
	TLSMethods []model.ClientAuthMethod
	// Trusted reports whether memory may be believed; nil: always. While it may
	// not, every question goes to the database.
	Trusted func() bool
}

// A Service registers applications and answers for them.
type Service struct {
	cfg       Config
	cache     *hub.Cache[*model.Client]
	documents *documents
	guard     guard
	logos     logos
	uses      *uses
}

// New listens for changes.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Latest == nil {
		cfg.Latest = cfg.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{cfg: cfg, documents: newDocumentsMemory(), guard: newGuard(), uses: newUses()}
	s.cache = hub.NewCache(50_000, s.load)
	if cfg.Hub != nil {
		cfg.Hub.Listen(model.TopicApplication, func(c model.Change) { s.cache.Forget(c.Key) })
		cfg.Hub.OnResync(s.cache.Clear)
	}
	return s
}

// Get finds a client of the realm; model.ErrNotFound. Client ids are global,
// yet the realm is part of the question: one realm's client is unknown to
// another. A client id that is a URL may mean a fetch.
func (s *Service) Get(ctx context.Context, site *model.Site, id model.ClientID) (*model.Client, error) {
	if !wellFormed(id) {
		return nil, fmt.Errorf("client id: %w", model.ErrNotFound)
	}
	if looksLikeURL(id) {
		return s.document(ctx, site, id)
	}
	return s.row(ctx, string(site.Realm.ID)+"/"+string(id))
}

// Known is Get without a fetch: a client id that is a URL is known if its document
// was taken before, and is taken still. It is for whoever has shown nothing yet,
// and for questions that a client whom nobody has used is not in.
func (s *Service) Known(ctx context.Context, site *model.Site, id model.ClientID) (*model.Client, error) {
	if !wellFormed(id) {
		return nil, fmt.Errorf("client id: %w", model.ErrNotFound)
	}
	c, err := s.row(ctx, string(site.Realm.ID)+"/"+string(id))
	if err != nil || c.Settings.Origin != model.OriginDocument || c.Status != model.ApplicationActive {
		return c, err
	}
	if _, err := s.admitDocument(site, id); err != nil {
		return nil, unknownDocument(err)
	}
	return c, nil
}

const maxClientID = 512 // bytes; some are URLs

// wellFormed: RFC 6749, Appendix A.1: visible ASCII. Nothing else is worth a
// question to the database, some of which do not take it as text.
func wellFormed(id model.ClientID) bool {
	if id == "" || len(id) > maxClientID {
		return false
	}
	for i := range len(id) {
		if id[i] < 0x20 || id[i] > 0x7e {
			return false
		}
	}
	return true
}

func (s *Service) load(ctx context.Context, key string) (*model.Client, error) {
	realm, id, _ := strings.Cut(key, "/")
	a, err := s.cfg.Store.Application(ctx, model.RealmID(realm), model.ClientID(id))
	if err != nil {
		return nil, fmt.Errorf("load application: %w", err)
	}
	return model.NewClient(a)
}

// List shows the applications of a realm.
func (s *Service) List(ctx context.Context, site *model.Site) ([]model.Application, error) {
	return s.cfg.Store.Applications(ctx, site.Realm.ID)
}

// Read is an application as it is in the database now: model.ErrNotFound. A client
// id that is a URL is not fetched.
func (s *Service) Read(ctx context.Context, site *model.Site, id model.ClientID) (model.Application, error) {
	if !wellFormed(id) {
		return model.Application{}, fmt.Errorf("client id: %w", model.ErrNotFound)
	}
	return s.cfg.Store.Application(ctx, site.Realm.ID, id)
}

// NewApplication is what an application is created from.
type NewApplication struct {
	Name       string
	Kind       model.ApplicationKind
	AuthMethod model.ClientAuthMethod
	JWKS       []byte           // public keys, for private_key_jwt
	OwnerID    model.IdentityID // required for agents
	Scopes     []string
	GrantTypes []string
	Resources  []string
	TokenAlg   string // ES256 (default), EdDSA or RS256
	// Settings are all other switches. Members that stand above win where they
	// are set.
	Settings model.ApplicationSettings
}

// join puts both halves into Settings.
func (n *NewApplication) join() {
	s := &n.Settings
	if n.AuthMethod == "" {
		n.AuthMethod = s.AuthMethod
	}
	if n.TokenAlg == "" {
		n.TokenAlg = cmp.Or(s.TokenAlg, defaultTokenAlg)
	}
	if n.GrantTypes == nil {
		n.GrantTypes = s.GrantTypes
	}
	if n.Scopes == nil {
		n.Scopes = s.Scopes
	}
	if n.Resources == nil {
		n.Resources = s.Resources
	}
	s.AuthMethod, s.TokenAlg, s.GrantTypes, s.Scopes, s.Resources = n.AuthMethod, n.TokenAlg, n.GrantTypes, n.Scopes, n.Resources
}

// Created is a new application and, where it has one, its secret, which
// nobody can read again.
type Created struct {
	Application model.Application
	Secret      string
}

// ErrInvalid: the metadata contradict themselves. The message says how.
var ErrInvalid = errors.New("invalid application")

// Create registers an application.
func (s *Service) Create(ctx context.Context, site *model.Site, n NewApplication) (Created, error) {
	if err := n.validate(); err != nil {
		return Created{}, err
	}
	if err := s.checkAuthenticator(ctx, site, &n.Settings); err != nil {
		return Created{}, err
	}
	now := model.MillisOf(s.cfg.Now())
	a := model.Application{
		RealmID: site.Realm.ID, ID: model.ClientID(ids.New(prefix(n.Kind))), Kind: n.Kind, Name: n.Name,
		Status: model.ApplicationActive, OwnerID: n.OwnerID, CreatedAt: now, Version: 1,
		Settings: n.Settings,
	}
	out := Created{}
	if n.AuthMethod == model.AuthClientSecretBasic || n.AuthMethod == model.AuthClientSecretPost {
		out.Secret = ids.Secret()
		digest := ids.DigestOf(out.Secret)
		a.Secrets = []model.ClientSecret{{Digest: digest[:], CreatedAt: now}}
	}
	if err := addKeys(&a, n.JWKS, now); err != nil {
		return Created{}, err
	}
	out.Application = a
	if err := s.cfg.Store.CreateApplication(ctx, a, effects(a, "application.created", now)); err != nil {
		return Created{}, fmt.Errorf("create application: %w", err)
	}
	return out, nil
}

func prefix(k model.ApplicationKind) string {
	switch k {
	case model.KindService:
		return "svc"
	case model.KindAgent:
		return "agt"
	default:
		return "app"
	}
}

const maxKID = 512 // bytes

func addKeys(a *model.Application, jwks []byte, now model.Millis) error {
	if len(jwks) == 0 {
		return nil
	}
	keys, err := jose.ParseSet(jwks)
	if err != nil {
		return fmt.Errorf("%w: key set: %w", ErrInvalid, err)
	}
	if len(keys) == 0 {
		return fmt.Errorf("%w: the key set is empty", ErrInvalid)
	}
	seen := map[string]bool{}
	for _, k := range keys {
		kid := k.KID()
		if kid == "" {
			kid = k.Thumbprint()
		}
		if len(kid) > maxKID || !utf8.ValidString(kid) || strings.ContainsFunc(kid, unicode.IsControl) { // not every database takes it
			return fmt.Errorf("%w: a kid is text of at most %d bytes", ErrInvalid, maxKID)
		}
		if seen[kid] {
			return fmt.Errorf("%w: two keys with the kid %q", ErrInvalid, kid)
		}
		seen[kid] = true
		a.Keys = append(a.Keys, model.ClientKey{KID: model.ClientKeyID(kid), JWK: k.JSON(), Status: model.KeyActive, CreatedAt: now})
	}
	return nil
}

func effects(a model.Application, event string, now model.Millis) model.Effects {
	return model.Effects{
		Events:  []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: a.RealmID, Type: event, Actor: "operator", Target: string(a.ID), At: now}},
		Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicApplication, Key: string(a.RealmID) + "/" + string(a.ID), At: now}},
	}
}
