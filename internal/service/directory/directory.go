// Package directory keeps the people of a realm: their identities, their
// passkeys, and the links with which a passkey is first bound to one of them
// (Web Authentication Level 3, Section 7.1).
//
// What an invitation leaves behind is more than a row: the realm signs that
// this public key belonged to this person from then on, and every piece of
// evidence carries that signature. If this package is wrong, a stranger's
// passkey answers for somebody else.
package directory

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// A Gate decides whether a person may do anything in a realm now.
type Gate interface {
	// Person answers up to when everything of the realm and the person was revoked.
	Person(ctx context.Context, site *model.Site, identity model.Identity) (model.Millis, error)
}

// A Signer signs with a realm's active key of an algorithm and returns a
// compact JWS with that typ header.
type Signer interface {
	Sign(ctx context.Context, site *model.Site, alg, typ string, payload []byte) (string, error)
}

// Sessions makes a session and the cookie that opens it out of its realm,
// identity, passkey, AuthTime and user agent. It stores nothing.
type Sessions interface {
	NewSession(model.Session) (cookie string, session model.Session)
}

// Authenticators finds authenticator configs; model.ErrNotFound otherwise.
type Authenticators interface {
	Config(context.Context, *model.Site, model.AuthenticatorConfigID) (*model.AuthenticatorConfig, error)
}

// Config is what the service works with. Store to Keyring are needed.
type Config struct {
	Store          Store
	Gate           Gate
	Signer         Signer
	Sessions       Sessions
	Keyring        *seal.Keyring
	Authenticators Authenticators   // nil: there are no authenticator configs
	Mails          bool             // somebody sends what is put into the outbox as mail
	Departures     Departures       // nil: nothing hangs on people elsewhere
	Hub            *hub.Hub         // nil: nobody else changes anything
	Trusted        func() bool      // memory may be believed now; nil: always
	Now            func() time.Time // nil: time.Now
	Latest         func() time.Time // by the clock of the server that is furthest ahead; nil: Now
	Log            *slog.Logger     // nil: none
}

// A Service keeps the people of all realms. It is safe for concurrent use.
type Service struct {
	store    Store
	gate     Gate
	signer   Signer
	sessions Sessions
	keyring  *seal.Keyring
	carried  seal.Carried[bindingState]
	clock    func() time.Time
	latest   func() time.Time
	log      *slog.Logger

	authenticators Authenticators
	mails          bool
	recoveries     recoveryLimits
	quotas         quotas
	departures     Departures
	roles          tokenRoles
}

// New returns the service.
func New(c Config) *Service {
	s := &Service{store: c.Store, gate: c.Gate, signer: c.Signer, sessions: c.Sessions, keyring: c.Keyring,
		authenticators: c.Authenticators, mails: c.Mails, recoveries: newRecoveryLimits(), quotas: newQuotas(),
		departures: c.Departures, roles: newTokenRoles(c),
		carried: seal.Carried[bindingState]{Keyring: c.Keyring, Purpose: sealPurpose, Life: bindingLife}, clock: c.Now, latest: c.Latest, log: c.Log}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.latest == nil {
		s.latest = s.clock
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

func (s *Service) now() model.Millis { return model.MillisOf(s.clock()) }

// operator is the actor of what nobody signed in did.
const operator = "operator"

// A deed is who did something in which realm, when.
type deed struct {
	site  *model.Site
	actor string
	at    model.Millis
	// lever is when what it revokes is revoked: by then somebody's clock may have been.
	lever model.Millis
}

func (s *Service) deed(site *model.Site, actor string) deed {
	if actor == "" {
		actor = operator
	}
	return deed{site: site, actor: actor, at: s.now(), lever: model.MillisOf(s.latest())}
}

// event is one line of the audit trail about target. Values that are empty are
// left out.
func (d deed) event(kind, target string, data map[string]string) model.Event {
	for k, v := range data {
		if v == "" {
			delete(data, k)
		}
	}
	var raw json.RawMessage
	if len(data) > 0 {
		raw, _ = json.Marshal(data) // a map of strings always encodes
	}
	return model.Event{ID: model.EventID(ids.New("evt")), RealmID: d.site.Realm.ID, Type: kind,
		Actor: d.actor, Target: target, At: d.at, Data: raw}
}

// identityChange tells every node that what it knows of a person is old.
func (d deed) identityChange(id model.IdentityID) model.Change {
	return model.Change{ID: ids.New("chg"), Topic: model.TopicIdentity, Key: string(d.site.Realm.ID) + "/" + string(id), At: d.at}
}
