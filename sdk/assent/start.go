package assent

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/assent-id/assent/sdk/evidence"
)

// A Request is an approval that a person has been asked for.
type Request struct {
	ID            string    // of the approval
	Comparison    string    // four digits that the person sees as well
	StatementHash string    // of the statement that the person is shown
	ExpiresAt     time.Time // by this machine's clock
	Action        Action

	authReqID string
	interval  time.Duration
}

// asked is the answer of the backchannel authentication endpoint (CIBA Core
// 1.0, Section 7.3) with the members that Assent adds.
type asked struct {
	AuthReqID     string `json:"auth_req_id"`
	ExpiresIn     int64  `json:"expires_in"`
	Interval      int64  `json:"interval"`
	ApprovalID    string `json:"approval_id"`
	StatementHash string `json:"statement_hash"`
	Comparison    string `json:"comparison"`
}

// Start asks the person and returns at once; [Client.Wait] waits for the
// answer. A refusal by the server is [ErrInvalid] around a [*ServerError]. It
// does not try again when the server is not reachable, because the person might
// be asked twice. When ctx ends while the question is on its way, the answer is
// still awaited for a moment, so that the request can be withdrawn.
func (c *Client) Start(ctx context.Context, action Action) (*Request, error) {
	form, err := c.startForm(action)
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("nothing was asked: %w", err)
	}
	m, err := c.metadata(ctx)
	if err != nil {
		return nil, err
	}
	asking, done := lingering(ctx, linger)
	defer done()
	answer, err := c.do(asking, call{method: http.MethodPost, url: m.BackchannelEndpoint, form: form})
	if err != nil {
		return nil, err
	}
	if answer.status >= http.StatusInternalServerError {
		return nil, &Error{Kind: ErrUnreachable, Reason: "the server cannot ask now", Err: answer.refusal()}
	}
	if err := answer.refusal(); err != nil {
		return nil, invalid("the server refused the request", err)
	}
	return newRequest(answer.body, action)
}

// linger is how long an answer to a question that was sent is still awaited
// after the caller gave up: without it nobody could take the question back.
const linger = 2 * time.Second

// lingering is ctx, ended that much later.
func lingering(ctx context.Context, longer time.Duration) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(longer, cancel) })
	return late, func() { stop(); cancel() }
}

func (c *Client) startForm(action Action) (url.Values, error) {
	if c.auth == nil {
		return nil, errNoCredentials
	}
	if err := action.Validate(); err != nil {
		return nil, err
	}
	details, err := action.details()
	if err != nil {
		return nil, err
	}
	form := url.Values{"login_hint": {action.Person}, "binding_message": {action.Message}}
	if details != nil {
		text, err := json.Marshal(details)
		if err != nil {
			return nil, fmt.Errorf("write the details: %w", err)
		}
		form.Set("authorization_details", string(text))
	}
	if action.Scope != "" {
		form.Set("scope", action.Scope)
	}
	if len(action.Resource) != 0 {
		form["resource"] = action.Resource
	}
	if action.ExpiresIn != 0 {
		form.Set("requested_expiry", seconds(action.ExpiresIn))
	}
	return form, nil
}

func newRequest(body []byte, action Action) (*Request, error) {
	var a asked
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, invalid("the answer to the request", err)
	}
	const day = 24 * 60 * 60
	switch {
	case a.AuthReqID == "" || a.ApprovalID == "" || a.StatementHash == "":
		return nil, invalid("the answer to the request lacks auth_req_id, approval_id or statement_hash", nil)
	case a.ExpiresIn <= 0 || a.ExpiresIn > day || a.Interval < 0 || a.Interval > a.ExpiresIn+day:
		return nil, invalid("the answer to the request has times that make no sense", nil)
	case a.Comparison != evidence.Comparison(a.StatementHash):
		return nil, invalid("the comparison number is not that of the statement", nil)
	}
	if a.Interval == 0 {
		a.Interval = 5 // CIBA Core 1.0, Section 7.3
	}
	return &Request{
		ID:            a.ApprovalID,
		Comparison:    a.Comparison,
		StatementHash: a.StatementHash,
		ExpiresAt:     time.Now().Add(time.Duration(a.ExpiresIn) * time.Second),
		Action:        action,
		authReqID:     a.AuthReqID,
		interval:      time.Duration(a.Interval) * time.Second,
	}, nil
}

// seconds writes a duration in whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}
