package assent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/sdk/evidence"
)

// An Approval is a person's verified yes to exactly one action.
type Approval struct {
	ID       string
	Action   Action             // what was approved
	Verified *evidence.Verified // who, what exactly, when, with which passkey
	Evidence []byte             // the evidence as JSON; anybody can verify it
	// Token is the access token that the approval gave. It is a secret until it
	// expires or the approval is redeemed.
	Token          string
	TokenExpiresAt time.Time
	RedeemedAt     time.Time // zero until then
}

// Approve asks the person, waits, verifies and redeems. It returns an approval
// only if all of this holds: the person's passkey signed exactly this action,
// the realm vouches for that passkey and that person, the token belongs to
// the same approval, and nobody had used the approval before. If ctx ends
// first, the request is withdrawn and the error is that of ctx.
func (c *Client) Approve(ctx context.Context, action Action) (*Approval, error) {
	req, err := c.Start(ctx, action)
	if err != nil {
		return nil, err
	}
	if c.onAsked != nil {
		c.onAsked(*req)
	}
	approval, err := c.Wait(ctx, req)
	if err != nil {
		if ctx.Err() != nil {
			c.withdrawLate(ctx, req)
		}
		return nil, err
	}
	if err := c.redeem(ctx, approval); err != nil {
		return nil, about(req.ID, err)
	}
	return approval, nil
}

// withdrawLate takes a request back when its context has ended already. It is
// a courtesy to the person: the answer would not count anyway.
func (c *Client) withdrawLate(ctx context.Context, req *Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	_ = c.Withdraw(ctx, req)
}

// VerifyApproval is for the API that acts: it verifies the token of an
// approval that some client of the realm presents, and that the approval is of
// exactly this action, and redeems it. Of all calls with one token, on all
// machines together, one succeeds. action.Person is compared where it is an
// identity id ("idn_...") and is otherwise left to the caller, who finds who
// approved in Verified.Statement.Sub.
//
// A token that is no JWT is introspected, which takes credentials of an application
// that acts for the API.
//
// An API sets [Config.Audience], so that it takes tokens for itself alone, and
// calls this function even if it introspects tokens (RFC 7662): an
// introspection tells that a token is active, any number of times, and uses
// nothing up. It does not replace redeeming, and an API that relies on it acts
// as often as the token is presented.
func (c *Client) VerifyApproval(ctx context.Context, token string, action Action) (*Approval, error) {
	if err := action.checkText(); err != nil {
		return nil, invalid("no approval is of this action", err)
	}
	approval, err := c.check(ctx, token, expected{action: action, audience: c.audience})
	if err != nil {
		return nil, err
	}
	if err := c.redeem(ctx, approval); err != nil {
		return nil, about(approval.ID, err)
	}
	return approval, nil
}

// redeem uses the approval up. It never tries again once a request may have
// arrived: a second one would be told that it was used, by us or by a stranger.
func (c *Client) redeem(ctx context.Context, a *Approval) error {
	answer, err := c.do(ctx, call{method: http.MethodPost, url: c.approvalURL(a.ID, "redeem"), bearer: a.Token})
	if err != nil {
		return err
	}
	if answer.status == http.StatusConflict {
		return invalid("the approval was used before", answer.refusal())
	}
	if answer.away() {
		return &Error{Kind: ErrUnreachable, Reason: "redeem the approval", Err: answer.refusal()}
	}
	if err := answer.refusal(); err != nil {
		return invalid("redeem the approval", err)
	}
	var body struct {
		ID         string    `json:"id"`
		RedeemedAt time.Time `json:"redeemed_at"`
	}
	if err := json.Unmarshal(answer.body, &body); err != nil || body.ID != a.ID || body.RedeemedAt.IsZero() {
		return invalid("redeem the approval: the answer is of another kind", err)
	}
	a.RedeemedAt = body.RedeemedAt
	return nil
}

func (c *Client) approvalURL(id, what string) string {
	return c.issuer + "/v1/approvals/" + url.PathEscape(id) + "/" + what
}

// expected is what a token and its evidence must be of. Empty members are not
// known beforehand.
type expected struct {
	action        Action
	approvalID    string
	statementHash string
	clientID      string
	audience      string
}

// check verifies a token, fetches and verifies the evidence of its approval,
// and compares both with what is expected.
func (c *Client) check(ctx context.Context, token string, want expected) (*Approval, error) {
	deadline := time.Now().Add(callTimeout)
	cl, err := c.verifyToken(ctx, token, deadline)
	if err != nil {
		return nil, err
	}
	if err := want.checkToken(cl); err != nil {
		return nil, invalid(err.Error(), nil)
	}
	document, verified, err := c.fetchEvidence(ctx, cl.Approval.ID, token, deadline)
	if err != nil {
		return nil, err
	}
	if err := want.checkEvidence(verified, cl); err != nil {
		return nil, invalid(err.Error(), nil)
	}
	if err := cl.checkAudience(verified.Statement.Action.Resource, c.issuer); err != nil {
		return nil, invalid(err.Error(), nil)
	}
	if verified.SoftwarePasskey && !c.local() {
		return nil, invalid("a passkey in software answered, so nothing shows that a person did", nil)
	}
	return &Approval{
		ID: cl.Approval.ID, Action: want.action, Verified: verified, Evidence: document,
		Token: token, TokenExpiresAt: time.Unix(cl.Expires, 0),
	}, nil
}

// local reports whether the issuer is on this machine, where demos and tests
// answer with passkeys in software.
func (c *Client) local() bool {
	u, err := url.Parse(c.issuer)
	return err == nil && isLoopback(u.Hostname())
}

func (w expected) checkToken(cl claims) error {
	switch {
	case w.approvalID != "" && cl.Approval.ID != w.approvalID:
		return errors.New("token: it belongs to another approval")
	case w.statementHash != "" && cl.Approval.Statement != w.statementHash:
		return errors.New("token: it belongs to another statement")
	case w.clientID != "" && cl.ClientID != w.clientID:
		return errors.New("token: it was given to another client")
	case w.audience != "" && !slices.Contains(cl.Audience, w.audience):
		return fmt.Errorf("token: it is not for %s", w.audience)
	}
	wire, err := w.action.wire()
	if err != nil {
		return err
	}
	got := wire // a token carries no message, and the resource as its audience
	got.Scope, got.AuthorizationDetails = cl.Scope, cl.Details
	if err := same(got, wire); err != nil {
		return errors.New("token: " + err.Error())
	}
	return nil
}

func (w expected) checkEvidence(v *evidence.Verified, cl claims) error {
	s := v.Statement
	switch {
	case v.Outcome != evidence.Approved || v.Decision == nil || v.Decision.Granted == nil || v.Passkey == nil:
		return errors.New("evidence: it is not of a yes")
	case s.ID != cl.Approval.ID:
		return errors.New("evidence: it is of another approval")
	case v.StatementHash != cl.Approval.Statement:
		return errors.New("evidence: it is of another statement")
	case s.ClientID != cl.ClientID:
		return errors.New("evidence: another client asked")
	case s.Sub != cl.Subject:
		return errors.New("evidence: another person answered")
	case strings.HasPrefix(w.action.Person, "idn_") && s.Sub != w.action.Person:
		return errors.New("evidence: another person was asked")
	}
	wire, err := w.action.wire()
	if err != nil {
		return err
	}
	if len(wire.Resource) == 0 {
		wire.Resource = s.Action.Resource // the application's default, which the token's audience must be
	}
	if err := same(s.Action, wire); err != nil {
		return errors.New("evidence: another action was asked: " + err.Error())
	}
	if err := same(*v.Decision.Granted, wire); err != nil {
		return errors.New("evidence: less than the action was approved: " + err.Error())
	}
	return nil
}

// fetchEvidence reads the evidence of an approval and verifies it against the
// issuer's evidence keys. A key that we do not know yet is looked for once.
func (c *Client) fetchEvidence(ctx context.Context, id, token string, deadline time.Time) ([]byte, *evidence.Verified, error) {
	at := call{method: http.MethodGet, url: c.approvalURL(id, "evidence"), bearer: token}
	answer, err := c.get(ctx, at, deadline)
	if err != nil {
		return nil, nil, err
	}
	if err := answer.refusal(); err != nil {
		return nil, nil, invalid("read the evidence", err)
	}
	var bad error
	var tried []byte
	for _, fresh := range []bool{false, true} {
		keys, err := c.evidence.load(ctx, c, fresh)
		if err != nil {
			return nil, nil, err
		}
		if fresh && bytes.Equal(keys, tried) {
			break
		}
		v, err := evidence.Verify(answer.body, keys, evidence.Options{Issuer: c.issuer, At: c.now()})
		if err == nil {
			return answer.body, v, nil
		}
		bad, tried = err, keys
	}
	return nil, nil, invalid("evidence", bad)
}
