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
	// Disabled lets pass what a disabled realm alone stands in the way of, for who may
	// still hear that it is: see the revocation feed. It opens nothing else.
	Disabled bool
}

// Config is what a Gate needs.
type Config struct {
	Store Store
	Hub   *hub.Hub
	Now   func() time.Time
	// Revocations are those of single tokens and grants; nil: the database is
	// asked each time.
	Revocations Revocations
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
}

// New listens for changes.
func New(cfg Config) *Gate {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxStale == 0 {
		cfg.MaxStale = 3 * time.Second
	}
	g := &Gate{cfg: cfg}
	g.realms = newMemory(10_000, g.loadRealm)
	g.applications = newMemory(50_000, g.loadApplication)
	g.identities = newMemory(100_000, g.loadIdentity)
	if cfg.Hub != nil {
		g.realms.listen(cfg.Hub, model.TopicRealm)
		g.applications.listen(cfg.Hub, model.TopicApplication)
		g.identities.listen(cfg.Hub, model.TopicIdentity)
	}
	return g
}

// Check lets pass, or answers a *Refusal, or another error when it cannot
// tell; callers treat that as closed too.
func (g *Gate) Check(ctx context.Context, u Use) error {
	_, err := g.Pass(ctx, u)
	return err
}

// Pass is [Gate.Check] for those who make something by what passes. It answers
// the latest instant up to which everything of one of them was revoked; 0: none
// ever was. What is made now must be dated later than that: it is if time has
// gone on since, and where it has not, or this node's clock is behind that of who
// revoked, it would be dead before anybody gets it.
func (g *Gate) Pass(ctx context.Context, u Use) (model.Millis, error) {
	realm, err := g.realm(ctx, u)
	if err != nil {
		return 0, err
	}
	application, err := g.application(ctx, u)
	if err != nil {
		return 0, err
	}
	person, err := g.person(ctx, u)
	if err != nil {
		return 0, err
	}
	tokens, err := g.live(ctx, u)
	return max(realm, application, person, tokens), err
}

// After is [model.Millis.After] for the finer time that ids are made of.
func After(now time.Time, revoked model.Millis) time.Time {
	if model.MillisOf(now) > revoked {
		return now
	}
	return (revoked + 1).Time()
}

func (g *Gate) realm(ctx context.Context, u Use) (model.Millis, error) {
	now, err := g.realms.get(ctx, string(u.Site.Realm.ID), g.Trusted())
	if errors.Is(err, model.ErrNotFound) {
		return 0, &Refusal{RealmDisabled}
	}
	if err != nil {
		return 0, fmt.Errorf("gate: read realm: %w", err)
	}
	if now.Status != model.RealmActive || u.Site.Realm.Status != model.RealmActive {
		if u.Disabled { // all that it had was revoked when it was disabled
			return now.TokensInvalidBefore, nil
		}
		return 0, &Refusal{RealmDisabled}
	}
	return since(u, now.TokensInvalidBefore)
}

func (g *Gate) application(ctx context.Context, u Use) (model.Millis, error) {
	if u.Application == nil {
		return 0, nil
	}
	now, err := g.applications.get(ctx, inRealm(u.Site.Realm.ID, u.Application.ID), g.Trusted())
	if errors.Is(err, model.ErrNotFound) {
		return 0, &Refusal{ApplicationNotActive}
	}
	if err != nil {
		return 0, fmt.Errorf("gate: read application: %w", err)
	}
	if now.Status != model.ApplicationActive || u.Application.Status != model.ApplicationActive {
		return 0, &Refusal{ApplicationNotActive}
	}
	return since(u, now.TokensInvalidBefore)
}

// since refuses what was given before everything of its kind was revoked. What
// was given in the very millisecond of the revocation counts as given before:
// what is given after it has a later date.
func since(u Use, revoked model.Millis) (model.Millis, error) {
	if u.IssuedAt != 0 && u.IssuedAt <= revoked {
		return 0, &Refusal{IssuedBefore}
	}
	return revoked, nil
}

func (g *Gate) person(ctx context.Context, u Use) (model.Millis, error) {
	if u.Identity == "" {
		return 0, nil
	}
	idn, err := g.identities.get(ctx, inRealm(u.Site.Realm.ID, u.Identity), g.Trusted())
	if errors.Is(err, model.ErrNotFound) {
		return 0, &Refusal{IdentityUnknown}
	}
	if err != nil {
		return 0, fmt.Errorf("gate: read identity: %w", err)
	}
	if idn.Status != model.IdentityActive {
		return 0, &Refusal{IdentityNotActive}
	}
	return since(u, idn.TokensInvalidBefore)
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

// live checks single revocations of the token and of its grant, and answers up to
// when the access tokens of the grant were revoked while it lives.
func (g *Gate) live(ctx context.Context, u Use) (model.Millis, error) {
	if u.JTI != "" {
		at, err := g.revoked(ctx, u, model.RevokeToken, u.JTI)
		if err == nil && at != 0 {
			err = &Refusal{TokenRevoked}
		}
		if err != nil {
			return 0, err
		}
	}
	if u.Grant == "" {
		return 0, nil
	}
	at, err := g.revoked(ctx, u, model.RevokeGrant, string(u.Grant))
	if err == nil && at != 0 {
		err = &Refusal{GrantRevoked}
	}
	if err != nil {
		return 0, err
	}
	at, err = g.revoked(ctx, u, model.RevokeGrantTokens, string(u.Grant))
	if err != nil || u.JTI == "" { // the grant itself is used, which lives
		return at, err
	}
	return since(u, at)
}

func (g *Gate) revoked(ctx context.Context, u Use, kind model.RevocationKind, key string) (at model.Millis, err error) {
	if g.cfg.Revocations != nil && g.Trusted() {
		at, err = g.cfg.Revocations.Before(ctx, u.Site.Realm.ID, kind, key)
	} else {
		at, err = g.cfg.Store.Revoked(ctx, u.Site.Realm.ID, kind, key)
	}
	if err != nil {
		return 0, fmt.Errorf("gate: read revocations: %w", err)
	}
	return at, nil
}

// Person lets an identity sign in, stay signed in and decide. It answers up to
// when everything of the realm and of the person was revoked: a sign-in is dated
// later.
func (g *Gate) Person(ctx context.Context, site *model.Site, id model.Identity) (model.Millis, error) {
	realm, err := g.realm(ctx, Use{Site: site})
	if err != nil {
		return 0, err
	}
	if id.RealmID != site.Realm.ID {
		return 0, &Refusal{IdentityUnknown}
	}
	if id.Status != model.IdentityActive {
		return 0, &Refusal{IdentityNotActive}
	}
	return max(realm, id.TokensInvalidBefore), nil
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
