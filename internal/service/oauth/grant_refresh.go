package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// refreshGrace is how long the last refresh token still gives its successor: an
// answer that was lost, or two calls at once, must not log anybody out.
const refreshGrace = time.Minute

// entitleRefresh: RFC 6749, Section 6, and RFC 9700, Section 4.14.2. A new
// token each time (rotate) or the same one (keep).
func (e *Engine) entitleRefresh(ctx context.Context, x *exchange) (*entitlement, error) {
	raw := x.Params.Get("refresh_token")
	if raw == "" {
		return nil, &Error{Code: InvalidRequest, Description: "refresh_token is missing"}
	}
	ref, err := e.openRefresh(ctx, x.Site, x.client.ID, raw)
	if errors.Is(err, errRefreshToken) {
		return nil, refreshRefused(err)
	}
	if err != nil {
		return nil, err
	}
	g, err := e.cfg.Store.Grant(ctx, x.Site.Realm.ID, ref.Grant)
	if errors.Is(err, model.ErrNotFound) {
		return nil, refreshRefused(err)
	}
	if err != nil {
		return nil, fmt.Errorf("read grant: %w", err)
	}
	if err := refreshAlive(x, g, ref); err != nil {
		return nil, refreshRefused(err)
	}
	if err := refreshBinding(x.client, g.Terms, x.bound); err != nil {
		return nil, err
	}
	return e.refreshed(ctx, x, g, ref)
}

func refreshRefused(cause error) error {
	// Malformed, foreign, old and revoked tokens look the same on purpose.
	return &Error{Code: InvalidGrant, Description: "the refresh token is not valid", Cause: cause}
}

func refreshAlive(x *exchange, g model.Grant, ref refreshRef) error {
	switch {
	case g.ApplicationID != x.client.ID:
		return errors.New("the grant is another application's")
	case g.RevokedAt != 0:
		return errors.New("the grant was revoked")
	case x.now >= g.ExpiresAt:
		return errors.New("the grant is over")
	case g.Refresh == 0 || ref.Number > g.Refresh:
		return errors.New("no such refresh token was given")
	}
	return nil
}

// refreshed entitles the client to what the grant holds, or less of it.
func (e *Engine) refreshed(ctx context.Context, x *exchange, g model.Grant, ref refreshRef) (*entitlement, error) {
	ent := &entitlement{identity: g.IdentityID, grantID: g.ID, subject: g.Terms.Subject, sid: g.Terms.SessionID,
		act: g.Terms.Act, decided: g.CreatedAt, scope: strings.Fields(g.Scope), details: g.Terms.Details}
	if err := narrowTo(x, ent, g); err != nil {
		return nil, err
	}
	if g.Terms.AuthTime != 0 {
		ent.auth = &authentication{at: g.Terms.AuthTime, acr: g.Terms.ACR, amr: g.Terms.AMR}
	}
	if slices.Contains(ent.scope, "openid") {
		ent.idToken = func(*object) {} // OpenID Connect Core 1.0, Section 12.2: no nonce
		if err := ent.askIDClaims(g.Terms.Claims); err != nil {
			return nil, err
		}
	}
	return ent, e.succeed(ctx, x, g, ref, ent)
}

// narrowTo lets the client ask for less than the grant holds: scope (RFC 6749,
// Section 6), resource (RFC 8707, Section 2.2) and details (RFC 9396, Section 7).
func narrowTo(x *exchange, ent *entitlement, g model.Grant) error {
	var err error
	if ent.audience, err = grantedAudience(x, g.Terms.Resources); err != nil {
		return err
	}
	for _, s := range x.scope {
		if !slices.Contains(ent.scope, s) {
			return notGranted(x.Site, ent.audience, s, "a scope was not granted")
		}
	}
	if len(x.scope) > 0 {
		ent.scope = x.scope
	}
	if len(x.details) > 0 {
		ent.details, err = narrowDetails(g.Terms.Details, x.details)
	}
	return err
}

// grantedAudience is whom a token is for: what was granted, and what the client
// names of it now.
func grantedAudience(x *exchange, granted []string) ([]string, error) {
	if len(granted) == 0 {
		granted = []string{x.Site.Issuer}
	}
	for _, asked := range x.resource {
		if !slices.Contains(granted, asked) {
			return nil, &Error{Code: InvalidTarget, Description: "resource was not granted"}
		}
	}
	if len(x.resource) > 0 {
		return x.resource, nil
	}
	return granted, nil
}

// succeed finds out what using this very token means.
func (e *Engine) succeed(ctx context.Context, x *exchange, g model.Grant, ref refreshRef, ent *entitlement) error {
	if x.client.Settings.Refresh == model.RefreshKeep && ref.Number == g.Refresh {
		ent.refresh = x.Params.Get("refresh_token")
		return nil
	}
	inGrace := x.now <= g.RefreshedAt.Add(refreshGrace)
	next := refreshRef{Grant: g.ID, Number: ref.Number + 1}
	switch {
	case ref.Number == g.Refresh:
		ent.commit = func(ctx context.Context) error { return e.rotate(ctx, x, g) }
	case ref.Number == g.Refresh-1 && inGrace:
		// The same successor as the first time.
	default:
		return e.reused(ctx, x, g)
	}
	var err error
	ent.refresh, err = e.refreshToken(ctx, x.Site, x.client.ID, next)
	return err
}

// rotate moves the grant on to its next refresh token. Who comes second while
// the first is at it gets the same successor.
func (e *Engine) rotate(ctx context.Context, x *exchange, g model.Grant) error {
	err := e.cfg.Store.RefreshGrant(ctx, model.Refreshing{RealmID: g.RealmID, ID: g.ID, From: g.Refresh, At: x.now,
		Expires: x.now.Add(x.client.Settings.RefreshLives())}, model.Effects{})
	if err == nil {
		return nil
	}
	if !errors.Is(err, model.ErrConflict) && !errors.Is(err, model.ErrCommitUnknown) {
		return fmt.Errorf("refresh %s: %w", g.ID, err)
	}
	now, readErr := e.cfg.Store.Grant(ctx, g.RealmID, g.ID)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	if now.RevokedAt == 0 && now.Refresh == g.Refresh+1 && x.now <= now.RefreshedAt.Add(refreshGrace) {
		return nil
	}
	if errors.Is(err, model.ErrCommitUnknown) {
		return err
	}
	return refreshRefused(err)
}

// reused ends a grant of which an old refresh token came back: one of two who
// have it is a thief, and nobody can tell which (RFC 9700, Section 4.14.2).
func (e *Engine) reused(ctx context.Context, x *exchange, g model.Grant) error {
	if err := e.revokeGrant(ctx, x, g.ID, "refresh_token.reused"); err != nil {
		return err
	}
	return refreshRefused(errors.New("an old refresh token came back"))
}

// revokeGrant ends a grant with everything that hangs under it, and says why in
// the audit trail.
func (e *Engine) revokeGrant(ctx context.Context, x *exchange, id model.GrantID, why string) error {
	now := model.MillisOf(e.cfg.Now())
	q := GrantQuery{RealmID: x.Site.Realm.ID, ID: id, At: now, Until: e.keptUntil(now)}
	_, err := e.cfg.Store.RevokeGrants(ctx, q, model.Effects{Events: []model.Event{{ID: model.EventID(ids.New("evt")),
		RealmID: x.Site.Realm.ID, Type: why, Actor: string(x.client.ID), Target: string(id), At: now}}})
	if err != nil {
		return fmt.Errorf("revoke grant %s: %w", id, err)
	}
	return nil
}
