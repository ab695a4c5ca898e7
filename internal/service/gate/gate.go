// Package gate is the one decision: may this realm, application, identity and
// grant get or use a token now?
//
// Every path on which a token is given or accepted asks here, so that a check
// cannot be forgotten on one of many siblings. If this package is wrong,
// somebody who was stopped goes on.
package gate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// A Reason says what stands in the way.
type Reason string

// The reasons to refuse. Callers map them to their wire's error; what a client
// may learn of them is the caller's rule.
const (
	RealmDisabled        Reason = "realm disabled"
	ApplicationNotActive Reason = "application not active"
	IdentityNotActive    Reason = "identity not active"
	IdentityUnknown      Reason = "identity unknown"
	IssuedBefore         Reason = "issued before everything was revoked"
	TokenRevoked         Reason = "token revoked"
	GrantRevoked         Reason = "grant revoked"
	NoRelation           Reason = "the application has no relation to this person"
)

// A Refusal is a closed gate.
type Refusal struct{ Reason Reason }

func (r *Refusal) Error() string { return "gate: " + string(r.Reason) }

// Refused finds the reason in an error; false if the gate could not decide.
func Refused(err error) (Reason, bool) {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r.Reason, true
	}
	return "", false
}

// A Use is what wants to pass. Site is required, the rest where it applies.
// The caller may have held Site and Application while it waited, so the gate
// finds out how they stand now; they pass if they passed then and do now.
type Use struct {
	Site        *model.Site
	Application *model.Application
	Identity    model.IdentityID
	Grant       model.GrantID
	JTI         string // of an access token that is being used
	// IssuedAt is when the right that is being used was given: a token's issue,
	// or the decision that a token is made for. 0: it is being given now.
	IssuedAt model.Millis
}

// Config is what a Gate needs.
type Config struct {
	Store Store
	Hub   *hub.Hub
	Now   func() time.Time
	// Fresh is the last instant at which the change feed was complete. When it
	// is older than MaxStale, memory is not trusted and the database is asked.
	Fresh    func() time.Time
	MaxStale time.Duration // default 3 s
}

// A Gate decides.
type Gate struct {
	cfg          Config
	realms       memory[model.Realm]
	applications memory[model.Application]
	identities   memory[model.Identity]
	revoked      *revocations
}

// New listens for changes.
func New(cfg Config) *Gate {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxStale == 0 {
		cfg.MaxStale = 3 * time.Second
	}
	g := &Gate{cfg: cfg, revoked: newRevocations(cfg.Store, cfg.Now)}
	g.realms = newMemory(10_000, g.loadRealm)
	g.applications = newMemory(50_000, g.loadApplication)
	g.identities = newMemory(100_000, g.loadIdentity)
	if cfg.Hub != nil {
		g.realms.listen(cfg.Hub, model.TopicRealm)
		g.applications.listen(cfg.Hub, model.TopicApplication)
		g.identities.listen(cfg.Hub, model.TopicIdentity)
		cfg.Hub.Listen(model.TopicRevocation, func(c model.Change) { g.revoked.stale(c.At) })
		cfg.Hub.OnResync(g.revoked.reset)
	}
	return g
}

// Check lets pass, or answers a *Refusal, or another error when it cannot
// tell; callers treat that as closed too.
func (g *Gate) Check(ctx context.Context, u Use) error {
	if err := g.realm(ctx, u); err != nil {
		return err
	}
	if err := g.application(ctx, u); err != nil {
		return err
	}
	if err := g.person(ctx, u); err != nil {
		return err
	}
	return g.live(ctx, u)
}

func (g *Gate) realm(ctx context.Context, u Use) error {
	now, err := g.realms.get(ctx, string(u.Site.Realm.ID), g.Trusted())
	if errors.Is(err, model.ErrNotFound) {
		return &Refusal{RealmDisabled}
	}
	if err != nil {
		return fmt.Errorf("gate: read realm: %w", err)
	}
	if now.Status != model.RealmActive || u.Site.Realm.Status != model.RealmActive {
		return &Refusal{RealmDisabled}
	}
	if before(u, now.TokensInvalidBefore) {
		return &Refusal{IssuedBefore}
	}
	return nil
}

func (g *Gate) application(ctx context.Context, u Use) error {
	if u.Application == nil {
		return nil
	}
	now, err := g.applications.get(ctx, inRealm(u.Site.Realm.ID, u.Application.ID), g.Trusted())
	if errors.Is(err, model.ErrNotFound) {
		return &Refusal{ApplicationNotActive}
	}
	if err != nil {
		return fmt.Errorf("gate: read application: %w", err)
	}
	if now.Status != model.ApplicationActive || u.Application.Status != model.ApplicationActive {
		return &Refusal{ApplicationNotActive}
	}
	if before(u, now.TokensInvalidBefore) {
		return &Refusal{IssuedBefore}
	}
	return nil
}

// before reports whether what is being used was given before everything of its
// kind was revoked. What was given in the very millisecond of the revocation
// counts as given before: it may have been, and a new one is a request away.
func before(u Use, invalidBefore model.Millis) bool {
	return u.IssuedAt != 0 && u.IssuedAt <= invalidBefore
}

func (g *Gate) person(ctx context.Context, u Use) error {
	if u.Identity == "" {
		return nil
	}
	idn, err := g.identities.get(ctx, inRealm(u.Site.Realm.ID, u.Identity), g.Trusted())
	if errors.Is(err, model.ErrNotFound) {
		return &Refusal{IdentityUnknown}
	}
	if err != nil {
		return fmt.Errorf("gate: read identity: %w", err)
	}
	if idn.Status != model.IdentityActive {
		return &Refusal{IdentityNotActive}
	}
	if before(u, idn.TokensInvalidBefore) {
		return &Refusal{IssuedBefore}
	}
	return nil
}

// Trusted reports whether memory may be believed now, here and in the caches of
// other services. A feed that was complete in
// the future was complete before the clock jumped back, which says nothing.
func (g *Gate) Trusted() bool {
	if g.cfg.Fresh == nil {
		return true
	}
	age := g.cfg.Now().Sub(g.cfg.Fresh())
	return -g.cfg.MaxStale <= age && age <= g.cfg.MaxStale
}

// live checks single revocations of the token and of its grant.
func (g *Gate) live(ctx context.Context, u Use) error {
	if u.JTI == "" && u.Grant == "" {
		return nil
	}
	look := g.revoked.before
	if !g.Trusted() {
		look = g.cfg.Store.Revoked
	}
	realm := u.Site.Realm.ID
	for _, c := range [...]struct {
		kind   model.RevocationKind
		key    string
		reason Reason
	}{{model.RevokeToken, u.JTI, TokenRevoked}, {model.RevokeGrant, string(u.Grant), GrantRevoked}} {
		if c.key == "" {
			continue
		}
		at, err := look(ctx, realm, c.kind, c.key)
		if err != nil {
			return fmt.Errorf("gate: read revocations: %w", err)
		}
		if at != 0 {
			return &Refusal{c.reason}
		}
	}
	return nil
}

// Person lets an identity sign in, stay signed in and decide.
func (g *Gate) Person(ctx context.Context, site *model.Site, id model.Identity) error {
	if err := g.realm(ctx, Use{Site: site}); err != nil {
		return err
	}
	if id.RealmID != site.Realm.ID {
		return &Refusal{IdentityUnknown}
	}
	if id.Status != model.IdentityActive {
		return &Refusal{IdentityNotActive}
	}
	return nil
}

// MayAsk decides whether an application may ask a person to decide: it acts
// for that person, or the realm lets every application ask (approvals.md).
func (g *Gate) MayAsk(ctx context.Context, u Use) error {
	if err := g.Check(ctx, u); err != nil {
		return err
	}
	if u.Identity != "" && (u.Application.OwnerID == u.Identity || u.Site.Realm.Policy.AskAnyone) {
		return nil
	}
	return &Refusal{NoRelation}
}

// IssuedAt is when a token was made, to the millisecond: our `jti`s are
// time-ordered ids, `iat` has whole seconds only.
func IssuedAt(jti string, iat int64) model.Millis {
	if t, ok := ids.Time(jti); ok && t.Unix() == iat {
		return model.MillisOf(t)
	}
	return model.Millis(iat * 1000)
}
