package resource

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"github.com/assent-id/assent/sdk/assent"
)

// maxActionBody is how much of a body an action can be made from, in bytes.
const maxActionBody = 1 << 20

// approved makes the action from the request and uses its approval up. Where the
// token is that of no approval, of another one, or of one that was used, the
// answer is what to ask for.
func (s *Server) approved(w http.ResponseWriter, r *http.Request, p pass) (*http.Request, *Token, *Refusal) {
	action, body, refusal := s.action(w, r, p.need.Approval)
	if refusal != nil {
		return r, nil, refusal
	}
	if p.t.Approval == nil {
		return r, nil, needApproval(action, "a person must approve this request", nil)
	}
	if may := p.need.Approval.May; may != nil {
		if err := may(r.Context(), p.t.Subject, p.t); err != nil {
			return r, nil, needApproval(action, err.Error(), err)
		}
	}
	approval, err := s.client.VerifyApproval(r.Context(), p.raw, action)
	switch {
	case errors.Is(err, assent.ErrInvalid):
		return r, nil, needApproval(action, "the token is not of an unused approval of exactly this request", err)
	case err != nil:
		return r, nil, later("the approval cannot be verified", err)
	}
	t := *p.t // others may hold the one that was verified
	t.Approval = &Approved{ID: t.Approval.ID, Statement: t.Approval.Statement, Redeemed: approval}
	return body(r), &t, nil
}

// action is what the request does. body gives a request its body back.
func (s *Server) action(w http.ResponseWriter, r *http.Request, a *Approval) (assent.Action, func(*http.Request) *http.Request, *Refusal) {
	var action assent.Action
	sent := r.Body
	if sent == nil {
		sent = http.NoBody
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, sent, maxActionBody))
	if err != nil {
		_, long := errors.AsType[*http.MaxBytesError](err)
		return action, nil, &Refusal{Cause: err, tooLarge: long,
			Challenge: Challenge{Error: InvalidRequest, Description: "the body cannot be read"}}
	}
	body := func(r *http.Request) *http.Request {
		again := r.WithContext(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(text))
		return again
	}
	if action, err = a.Action(body(r)); err != nil {
		return action, nil, &Refusal{Cause: err, Challenge: Challenge{Error: InvalidRequest, Description: err.Error()}}
	}
	action.Scope = a.Scope
	if len(action.Resource) == 0 {
		action.Resource = []string{s.cfg.Resource}
	}
	return action, body, nil
}

// needApproval: the error code of draft-zehavi-oauth-rar-metadata, with what to
// ask for.
func needApproval(action assent.Action, why string, cause error) *Refusal {
	return &Refusal{Cause: cause, Challenge: Challenge{Error: InsufficientDetails, Description: why,
		Scope: []string{action.Scope}, Action: &action}}
}
