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
	"github.com/assent-id/assent/internal/service/approval"
)

// Who decided with a passkey was authenticated by it: a phishing-resistant
// credential (acr "phr", OpenID Connect EAP ACR Values 1.0, Section 3), proof of
// possession and a second factor in one (RFC 8176, Section 2).
var passkeyAMR = []string{"pop", "mfa"}

const passkeyACR = "phr"

// grace is how long after the end of an approval its tokens can be fetched: a
// decision in the last second must reach the poll that waits for it.
const grace = time.Minute

// entitleCIBA: CIBA Core 1.0, Section 10.1 and 11. It waits as long as the
// client asked, and answers the moment the decision falls, on whichever node.
func (e *Engine) entitleCIBA(ctx context.Context, x *exchange) (*entitlement, error) {
	id := x.Params.Get("auth_req_id")
	if id == "" {
		return nil, &Error{Code: InvalidRequest, Description: "auth_req_id is missing"}
	}
	req, err := e.openAuthReq(x, id)
	if err != nil {
		// Malformed, foreign and made-up ids look the same on purpose.
		return nil, &Error{Code: InvalidGrant, Description: "auth_req_id is not valid", Cause: err}
	}
	if req.kind == authReqNobody {
		return nil, e.pollNobody(ctx, x, req, id)
	}
	a, err := e.awaitDecision(ctx, x, id)
	if err != nil {
		return nil, err
	}
	if a.State == model.ApprovalPending {
		return nil, e.pending(x, id)
	}
	return e.redeem(x, a, id)
}

// awaitDecision reads the approval, and while it is pending waits for it as
// long as the client asked for.
func (e *Engine) awaitDecision(ctx context.Context, x *exchange, id string) (model.Approval, error) {
	digest := ids.DigestOf(id)
	a, err := e.readApproval(ctx, x, digest)
	if err != nil || a.State != model.ApprovalPending || x.Wait <= 0 {
		return a, err
	}
	give, ok := e.waiting.Take(id)
	if !ok { // as many wait already as one asker needs: answer at once
		return a, nil
	}
	defer give()
	x.held = true
	watch := e.cfg.Approvals.Watch(a.ID)
	defer watch.Stop()
	timer := time.NewTimer(min(x.Wait, e.cfg.MaxWait))
	defer timer.Stop()
	expired := time.NewTimer(a.ExpiresAt.Time().Sub(e.cfg.Now()))
	defer expired.Stop()
	for {
		// Watched first, read second: nothing falls between the two.
		if a, err = e.readApproval(ctx, x, digest); err != nil || a.State != model.ApprovalPending {
			return a, err
		}
		select {
		case <-watch.C:
		case <-expired.C:
		case <-timer.C:
			return a, nil
		case <-ctx.Done():
			return a, nil // the server is stopping, or nobody listens any more
		}
	}
}

func (e *Engine) readApproval(ctx context.Context, x *exchange, digest ids.Digest) (model.Approval, error) {
	// A stopping server answers its waiting polls; it must still be able to read.
	a, err := e.cfg.Approvals.ByRequest(context.WithoutCancel(ctx), x.Site, x.client.ID, digest)
	if errors.Is(err, model.ErrNotFound) {
		return a, &Error{Code: InvalidGrant, Description: "auth_req_id is not valid", Cause: err}
	}
	return a, err
}

// pending answers a poll that came too early, or too often. Nothing is written:
// how often is remembered by this node alone, for politeness.
func (e *Engine) pending(x *exchange, id string) error {
	if !x.held {
		if _, ok := e.polls.Allow(id, x.started); !ok {
			return &Error{Code: SlowDown, Description: "polled more often than the interval allows"}
		}
	}
	return &Error{Code: AuthorizationPending, Description: "the person has not decided yet"}
}

func (e *Engine) pollNobody(ctx context.Context, x *exchange, req authReq, id string) error {
	e.holdForNobody(ctx, x, req, id)
	if model.MillisOf(e.cfg.Now()) >= req.expires {
		return &Error{Code: ExpiredToken, Description: "the request has expired"}
	}
	return e.pending(x, id)
}

// holdForNobody waits as a poll for a person waits.
func (e *Engine) holdForNobody(ctx context.Context, x *exchange, req authReq, id string) {
	left := req.expires.Time().Sub(x.started)
	if left <= 0 || x.Wait <= 0 {
		return
	}
	give, ok := e.waiting.Take(id)
	if !ok {
		return
	}
	defer give()
	x.held = true
	timer := time.NewTimer(min(x.Wait, e.cfg.MaxWait, left))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// redeem turns the end of an approval into an answer.
func (e *Engine) redeem(x *exchange, a model.Approval, id string) (*entitlement, error) {
	switch a.State {
	case model.ApprovalApproved:
	case model.ApprovalDenied:
		return nil, &Error{Code: AccessDenied, Description: "the person said no"}
	case model.ApprovalWithdrawn:
		return nil, &Error{Code: AccessDenied, Description: "the request was withdrawn"}
	case model.ApprovalExpired:
		return nil, &Error{Code: ExpiredToken, Description: "the request has expired"}
	default:
		return nil, &Error{Code: InvalidGrant, Description: "auth_req_id is not valid", Cause: errors.New("redeemed before")}
	}
	now := model.MillisOf(e.cfg.Now())
	if now > max(a.ExpiresAt, a.EndedAt.Add(grace)) {
		return nil, &Error{Code: ExpiredToken, Description: "the request has expired"}
	}
	return e.approvedEntitlement(x, a, id, now)
}

func (e *Engine) approvedEntitlement(x *exchange, a model.Approval, id string, now model.Millis) (*entitlement, error) {
	granted, err := approval.Granted(a)
	if err != nil {
		return nil, err
	}
	g := model.Grant{RealmID: a.RealmID, ID: model.GrantID(ids.New("grt")), Kind: GrantCIBA, IdentityID: a.IdentityID,
		ApplicationID: a.ApplicationID, ApprovalID: a.ID, Scope: granted.Scope, CreatedAt: now}
	g.Terms.Resources = granted.Resource
	ent := &entitlement{
		identity: a.IdentityID, grantID: g.ID,
		scope: strings.Fields(granted.Scope), details: granted.AuthorizationDetails, decided: a.EndedAt,
		auth:     &authentication{at: a.EndedAt.Unix(), acr: passkeyACR, amr: passkeyAMR},
		approval: &approvedAction{id: a.ID, statement: a.StatementHash},
	}
	if ent.audience, err = approvedAudience(x, granted.Resource); err != nil {
		return nil, err
	}
	g.ExpiresAt = now.Add(time.Duration(lifetime(x, ent)) * time.Second)
	if slices.Contains(ent.scope, "openid") {
		// CIBA Core 1.0, Section 7.3: the ID token names the request.
		ent.idToken = func(c *object) { c.text("urn:openid:params:jwt:claim:auth_req_id", id) }
	}
	ent.commit = func(ctx context.Context) error { return e.fulfil(ctx, g) }
	return ent, nil
}

// approvedAudience is whom the token is for: what the person granted, and this
// server where that names nobody. The poll may ask for less (RFC 8707, Section
// 2.2), never for another.
func approvedAudience(x *exchange, granted []string) ([]string, error) {
	audience := granted
	if len(audience) == 0 {
		audience = []string{x.Site.Issuer}
	}
	for _, asked := range x.resource {
		if !slices.Contains(audience, asked) {
			return nil, &Error{Code: InvalidTarget, Description: "resource was not approved"}
		}
	}
	if len(x.resource) > 0 {
		audience = x.resource
	}
	return audience, nil
}

func (e *Engine) fulfil(ctx context.Context, g model.Grant) error {
	err := e.cfg.Approvals.Fulfil(ctx, g)
	if errors.Is(err, model.ErrConflict) {
		return &Error{Code: InvalidGrant, Description: "auth_req_id is not valid", Cause: errors.New("redeemed before")}
	}
	if err != nil {
		return fmt.Errorf("redeem: %w", err)
	}
	return nil
}
