package oauth

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// A GrantList means grants of a realm: those of a person, of an application, of
// both, or all. Those that ended a while ago are gone.
type GrantList struct {
	RealmID       model.RealmID // set by [Engine.Grants]
	IdentityID    model.IdentityID
	ApplicationID model.ClientID
	After         model.GrantID    // that the list begins after; empty: at its beginning
	AfterIdentity model.IdentityID // of After
	Limit         int
}

// Grants lists what people and applications were given: the newest first, those of
// an application person by person.
func (e *Engine) Grants(ctx context.Context, site *model.Site, q GrantList) ([]model.Grant, error) {
	q.RealmID = site.Realm.ID
	list, err := e.cfg.Store.ListGrants(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("list grants: %w", err)
	}
	return list, nil
}

// GrantOf finds a grant of the realm: model.ErrNotFound.
func (e *Engine) GrantOf(ctx context.Context, site *model.Site, id model.GrantID) (model.Grant, error) {
	return e.cfg.Store.Grant(ctx, site.Realm.ID, id)
}

// RevokeGrant ends a grant with everything that descends from it, on every node:
// model.ErrNotFound. One that was revoked before stays as it is. actor is who does
// it.
func (e *Engine) RevokeGrant(ctx context.Context, site *model.Site, id model.GrantID, actor string) error {
	if _, err := e.cfg.Store.Grant(ctx, site.Realm.ID, id); err != nil {
		return err
	}
	now := model.MillisOf(e.cfg.Now())
	q := GrantQuery{RealmID: site.Realm.ID, ID: id, At: now, Until: e.keptUntil(now)}
	_, err := e.cfg.Store.RevokeGrants(ctx, q, model.Effects{Events: []model.Event{{ID: model.EventID(ids.New("evt")),
		RealmID: site.Realm.ID, Type: "grant.revoked", Actor: actor, Target: string(id), At: now}}})
	if err != nil {
		return fmt.Errorf("revoke grant %s: %w", id, err)
	}
	return nil
}

// keptUntil is how long what is revoked as a whole at an instant is remembered: no
// token that exists then lives longer. Tokens are dated ahead of the present, by the
// clock of the server that is furthest ahead or, where something was revoked a moment
// ago, after that, which was dated by another such clock.
func (e *Engine) keptUntil(at model.Millis) model.Millis {
	return max(at, model.MillisOf(e.cfg.Latest())).Add(model.LongestToken + model.MaxAhead)
}

// RevokeGrantTokens makes every access token of a grant that there is by now
// invalid, with what was exchanged for one, on every node and at once, and answers
// up to when: model.ErrNotFound. The grant lives, and its refresh token gives
// access tokens that are valid. actor is who does it.
func (e *Engine) RevokeGrantTokens(ctx context.Context, site *model.Site, id model.GrantID, actor string) (model.Millis, error) {
	before, err := e.raiseGrantTokens(ctx, site, id, actor)
	if err != nil {
		return 0, fmt.Errorf("revoke the access tokens of grant %s: %w", id, err)
	}
	// Nothing is opened for what is revoked by now. If this fails, the caller does it
	// all again.
	q := GrantQuery{RealmID: site.Realm.ID, ParentID: id, OpenedBy: before, At: model.MillisOf(e.cfg.Now())}
	q.Until = e.keptUntil(max(q.At, before))
	if _, err := e.cfg.Store.RevokeGrants(ctx, q, model.Effects{}); err != nil {
		return 0, fmt.Errorf("revoke what hangs under the access tokens of grant %s: %w", id, err)
	}
	return before, nil
}

// raiseTries bounds how often the mark is raised anew because somebody else did.
const raiseTries = 10

func (e *Engine) raiseGrantTokens(ctx context.Context, site *model.Site, id model.GrantID, actor string) (model.Millis, error) {
	for try := 1; ; try++ {
		old, err := e.cfg.Store.Revoked(ctx, site.Realm.ID, model.RevokeGrantTokens, string(id))
		if err != nil {
			return 0, err
		}
		now := model.MillisOf(e.cfg.Latest())
		rev := model.Revocation{RealmID: site.Realm.ID, Kind: model.RevokeGrantTokens, Key: string(id), Before: max(old+1, now), At: now}
		rev.ExpiresAt = rev.Before.Add(model.LongestToken)
		err = e.cfg.Store.RevokeGrantTokens(ctx, rev, model.Effects{Events: []model.Event{{ID: model.EventID(ids.New("evt")),
			RealmID: rev.RealmID, Type: "grant.tokens_revoked", Actor: actor, Target: string(id), At: now}}})
		if !errors.Is(err, model.ErrConflict) || try == raiseTries {
			return rev.Before, err
		}
	}
}

// RevokeToken refuses one access token from now on, on every node, with those that
// were exchanged for it. Which tokens there are is not kept, so one that never was
// is revoked all the same; what is not the id of a token is model.ErrNotFound.
func (e *Engine) RevokeToken(ctx context.Context, site *model.Site, jti, actor string) error {
	if !ids.Valid("tok", jti) {
		return fmt.Errorf("token: %w", model.ErrNotFound)
	}
	now := model.MillisOf(e.cfg.Now())
	rev := model.Revocation{RealmID: site.Realm.ID, Kind: model.RevokeToken, Key: jti, Before: now, ExpiresAt: e.keptUntil(now), At: now}
	fx := model.Effects{
		Events:  []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: rev.RealmID, Type: "token.revoked", Actor: actor, Target: jti, At: now}},
		Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicRevocation, Key: jti, At: now}},
	}
	if err := e.cfg.Store.Revoke(ctx, rev, fx); err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	return nil
}
