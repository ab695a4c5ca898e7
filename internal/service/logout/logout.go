// Package logout ends sessions at the word of a person or of an application, and
// tells the applications that were used in them: OpenID Connect RP-Initiated
// Logout 1.0, Back-Channel Logout 1.0 and Front-Channel Logout 1.0.
//
// If this package is wrong, a person believes to be signed out and is not, or a
// stranger's link signs them out and leads them away.
package logout

import (
	"context"
	"log/slog"
	"time"

	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Store is what this service needs of the database.
type Store interface {
	// SessionApplications lists the applications that were given something in a
	// session.
	SessionApplications(context.Context, model.RealmID, model.SessionID) ([]model.ClientID, error)
	// Sessions lists the sessions of an identity that have not reached the end that
	// they had from the start; those that ended before are among them.
	Sessions(ctx context.Context, realm model.RealmID, id model.IdentityID, now model.Millis) ([]model.Session, error)
	// Record writes effects that no change of state causes.
	Record(context.Context, model.Effects) error
}

// Clients finds applications; model.ErrNotFound.
type Clients interface {
	Get(ctx context.Context, site *model.Site, id model.ClientID) (*model.Client, error)
	// Known is Get that asks nobody outside.
	Known(ctx context.Context, site *model.Site, id model.ClientID) (*model.Client, error)
}

// Engine knows what the tokens of applications say.
type Engine interface {
	// Hint reads an ID token of ours, of whatever age.
	Hint(ctx context.Context, site *model.Site, raw string) (oauth.IDTokenHint, error)
	// Subject is the `sub` under which an application knows an identity.
	Subject(ctx context.Context, site *model.Site, s *model.ApplicationSettings, id model.IdentityID) (string, error)
	// SessionName is the `sid` under which an application knows a session.
	SessionName(ctx context.Context, site *model.Site, s *model.ApplicationSettings, id model.SessionID) (string, error)
	// SignLogout signs as the application's ID tokens are signed.
	SignLogout(ctx context.Context, site *model.Site, s *model.ApplicationSettings, claims []byte) (string, error)
	// EndGrants revokes what was given to last as long as a session.
	EndGrants(ctx context.Context, site *model.Site, id model.SessionID) error
}

// Sessions ends sessions, once.
type Sessions interface {
	End(ctx context.Context, site *model.Site, session model.Session, actor string) error
}

// Fetcher posts to the addresses of applications.
type Fetcher interface {
	Post(ctx context.Context, target string, m fetch.Message, limits fetch.Limits) (*fetch.Response, error)
}

// Config is what a Service needs. Log and Now have defaults.
type Config struct {
	Store    Store
	Clients  Clients
	Engine   Engine
	Sessions Sessions
	Fetch    Fetcher
	Keyring  *seal.Keyring
	Log      *slog.Logger
	Now      func() time.Time
}

// A Service ends sessions.
type Service struct {
	cfg       Config
	intents   seal.Carried[Intent]
	questions seal.Carried[Intent]
}

// How long a request may be on its way to our page, and how long that page may
// stay open.
const (
	intentLife   = 5 * time.Minute
	questionLife = time.Hour
)

// New fills in defaults.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg,
		intents:   seal.Carried[Intent]{Keyring: cfg.Keyring, Purpose: "logout-intent", Life: intentLife},
		questions: seal.Carried[Intent]{Keyring: cfg.Keyring, Purpose: "logout-question", Life: questionLife}}
}
