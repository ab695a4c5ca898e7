package oauth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
)

// Revoke takes a token of the client back (RFC 7009): an access token with the
// tokens that were derived from it, a refresh token with its whole grant. An
// auth_req_id is taken back too: its pending approval is withdrawn, so that the
// person is not asked any more. Unknown, foreign and dead tokens are answered
// like live ones (Section 2.2): the client has what it wants.
func (e *Engine) Revoke(ctx context.Context, r Request) (model.ClientID, error) {
	x := e.begin(revoke, r)
	if err := e.run(ctx, x); err != nil {
		return x.clientID(), err
	}
	raw := x.Params.Get("token")
	switch {
	case raw == "":
		return x.client.ID, &Error{Code: InvalidRequest, Description: "token is missing"}
	case x.Params.Get("token_type_hint") == "auth_req_id":
		return x.client.ID, e.withdraw(ctx, x, raw)
	case isRefresh(raw):
		return x.client.ID, e.revokeRefresh(ctx, x, raw)
	}
	// The token is read and not asked of the gate: one that something else stops
	// for now must not come back later.
	t, err := e.readToken(ctx, x.Site, raw)
	if refused := unusable(err); err != nil && AsError(refused).Code != InvalidGrant {
		return x.client.ID, err
	}
	if err != nil { // not an access token; perhaps the hint was left out
		return x.client.ID, e.withdraw(ctx, x, raw)
	}
	if t.ClientID != x.client.ID || t.ExpiresAt <= x.now.Unix() {
		return x.client.ID, nil
	}
	return x.client.ID, e.revokeToken(ctx, x, t)
}

// isRefresh tells a refresh token from an access token.
func isRefresh(raw string) bool { return strings.HasPrefix(raw, refreshPrefix) }

// revokeRefresh ends the grant of a refresh token with all that hangs under it
// (RFC 7009, Section 2.1), also by a token that was used before: who has it is
// the client.
func (e *Engine) revokeRefresh(ctx context.Context, x *exchange, raw string) error {
	ref, err := e.openRefresh(ctx, x.Site, x.client.ID, raw)
	if errors.Is(err, errRefreshToken) {
		return nil
	}
	if err != nil {
		return err
	}
	return e.revokeGrant(ctx, x, ref.Grant, "grant.revoked")
}

func (e *Engine) revokeToken(ctx context.Context, x *exchange, t AccessToken) error {
	rev := model.Revocation{RealmID: x.Site.Realm.ID, Kind: model.RevokeToken, Key: t.JTI, Before: x.now,
		ExpiresAt: model.Millis(t.ExpiresAt * 1000).Add(time.Minute), At: x.now}
	fx := model.Effects{
		Events: []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: rev.RealmID, Type: "token.revoked",
			Actor: string(x.client.ID), Target: t.JTI, At: x.now}},
		Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicRevocation, Key: t.JTI, At: x.now}},
	}
	if err := e.cfg.Store.Revoke(ctx, rev, fx); err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	return nil
}

func (e *Engine) withdraw(ctx context.Context, x *exchange, raw string) error {
	if _, err := e.openAuthReq(x, raw); err != nil {
		return nil //nolint:nilerr // not one of ours: RFC 7009, Section 2.2 answers 200
	}
	a, err := e.cfg.Approvals.ByRequest(ctx, x.Site, x.client.ID, ids.DigestOf(raw))
	if errors.Is(err, model.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = e.cfg.Approvals.Withdraw(ctx, x.Site, a)
	if _, ended := errors.AsType[*approval.EndedError](err); ended || errors.Is(err, approval.ErrExpired) {
		return nil
	}
	return err
}
