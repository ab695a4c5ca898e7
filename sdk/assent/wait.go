package assent

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"
)

const (
	// longPoll is how long the server is asked to hold a poll.
	longPoll = 25 * time.Second
	// grace is how long after the expiry by our clock the server may still say
	// so by its own.
	grace = 2 * time.Second
)

// The answers to a poll that mean "again" (CIBA Core 1.0, Section 11).
var (
	errPending  = errors.New("authorization_pending")
	errSlowDown = errors.New("slow_down")
)

// Wait waits until the person has answered, and verifies the answer: token,
// evidence and that what was approved is exactly the action of the request. It
// does not redeem the approval, so the token can be handed to the API that acts
// on it ([Client.VerifyApproval]); [Client.Approve] is the way for a program
// that acts itself. While the server is away it tries again until the approval
// expires.
func (c *Client) Wait(ctx context.Context, req *Request) (*Approval, error) {
	token, err := c.poll(ctx, req)
	if err != nil {
		return nil, about(req.ID, err)
	}
	approval, err := c.check(ctx, token, expected{
		action:        req.Action,
		approvalID:    req.ID,
		statementHash: req.StatementHash,
		clientID:      c.clientID,
	})
	return approval, about(req.ID, err)
}

// poll asks the token endpoint until it gives a token or a final answer.
func (c *Client) poll(ctx context.Context, req *Request) (string, error) {
	var away backoff
	var last error
	interval, end := req.interval, req.ExpiresAt.Add(grace)
	for {
		began := time.Now()
		if !began.Before(end) {
			return "", timeUp(last)
		}
		token, err := c.pollOnce(ctx, req)
		pause := interval - time.Since(began) // a held poll has waited already
		switch {
		case err == nil:
			return token, nil
		case errors.Is(err, errSlowDown):
			interval += 5 * time.Second // CIBA Core 1.0, Section 11
			pause = interval
			last, away = nil, backoff{}
		case errors.Is(err, errPending):
			last, away = nil, backoff{}
		case errors.Is(err, ErrUnreachable):
			last = err
			away.sleep(ctx, end)
			pause = 0
		default:
			return "", afterLoss(last, err)
		}
		if err := sleep(ctx, min(pause, time.Until(end))); err != nil {
			return "", err
		}
	}
}

// timeUp is the end of waiting: the server was there and nobody answered, or
// it was not there any more.
func timeUp(last error) error {
	if last != nil {
		return &Error{Kind: ErrUnreachable, Reason: "the server did not come back before the approval expired", Err: last}
	}
	return &Error{Kind: ErrExpired, Reason: "nobody answered in time"}
}

// afterLoss tells a token that was lost on its way from a bad request: a token
// is handed out once, so asking again after a lost answer is refused.
func afterLoss(last, err error) error {
	refused, ok := errors.AsType[*ServerError](err)
	if last != nil && ok && refused.Code == "invalid_grant" {
		return &Error{Kind: ErrUnreachable, Reason: "the answer was lost on its way", Err: last}
	}
	return err
}

func (c *Client) pollOnce(ctx context.Context, req *Request) (string, error) {
	form := url.Values{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {req.authReqID}}
	wait := min(longPoll, max(time.Until(req.ExpiresAt)+grace/2, time.Second))
	m, err := c.metadata(ctx)
	if err != nil {
		return "", err
	}
	answer, err := c.do(ctx, call{method: http.MethodPost, url: m.TokenEndpoint, form: form, wait: wait})
	if err != nil {
		return "", err
	}
	if answer.away() {
		return "", &Error{Kind: ErrUnreachable, Reason: "poll", Err: answer.refusal()}
	}
	if err := answer.refusal(); err != nil {
		return "", pollError(err)
	}
	var body struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
	}
	if err := json.Unmarshal(answer.body, &body); err != nil || body.AccessToken == "" {
		return "", invalid("the token answer holds no token", nil)
	}
	return body.AccessToken, nil
}

// pollError sorts the errors of CIBA Core 1.0, Section 11.
func pollError(err error) error {
	refused, _ := errors.AsType[*ServerError](err)
	switch refused.Code {
	case "authorization_pending":
		return errPending
	case "slow_down":
		return errSlowDown
	case "access_denied":
		return &Error{Kind: ErrDenied}
	case "expired_token":
		return &Error{Kind: ErrExpired, Reason: "nobody answered in time"}
	default:
		return invalid("the server refused to answer", err)
	}
}

// Withdraw takes a request back, so that the person need not answer it any
// more (RFC 7009 with the token type auth_req_id). Withdrawing what has ended
// changes nothing and is no error.
func (c *Client) Withdraw(ctx context.Context, req *Request) error {
	form := url.Values{"token": {req.authReqID}, "token_type_hint": {"auth_req_id"}}
	m, err := c.metadata(ctx)
	if err != nil {
		return about(req.ID, err)
	}
	answer, err := c.do(ctx, call{method: http.MethodPost, url: m.RevocationEndpoint, form: form})
	if err != nil {
		return about(req.ID, err)
	}
	if err := answer.refusal(); err != nil {
		return about(req.ID, invalid("the server refused to withdraw the request", err))
	}
	return nil
}
