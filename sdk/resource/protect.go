package resource

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/assent-id/assent/sdk/assent"
)

// Need is what a request must bring to pass.
type Need struct {
	Scopes []string // all of them
	// ACR are the ways in which the person may have been authenticated; any of
	// them will do. Empty: whichever (RFC 9470).
	ACR []string
	// MaxAge is how long ago that may have been, in whole seconds; 0: whenever.
	MaxAge time.Duration
	// Approval demands that a person approved this very request; nil: none is
	// needed. A scope that needs an approval each time, by the issuer's metadata,
	// cannot be among Scopes without it: such a need lets nobody pass.
	Approval *Approval
	// ApprovalTokens takes tokens of approvals without Approval: whatever was
	// approved, and as often as they come.
	ApprovalTokens bool
	// Admit, where it is set, is asked about each request whose token is good and has
	// the scopes, before anything is done for an approval: a quota, for example. Where
	// it returns false it has answered the request.
	Admit func(w http.ResponseWriter, r *http.Request, t *Token) bool
}

// An Approval makes each request need the yes of a person to exactly what it
// does. A request without it is answered with a challenge that holds what to ask
// for; package assent answers that by itself (assent.Transport).
type Approval struct {
	// Scope is the scope of the approval's token: one that the resource server has
	// as a scope that needs an approval.
	Scope string
	// Action is what the request does, made from the request alone: what is asked
	// and what was approved are compared with it. Resource is filled in; Person
	// may stay empty, and then the client chooses whom it asks, whom the API finds
	// as the Subject of the token. The body can be read, up to 1 MiB, and is there
	// again for the handler. An error is answered with 400.
	Action func(*http.Request) (assent.Action, error)
	// May says whether this person may approve; nil: anybody whom the client asks.
	// t is the verified token of the approval, which is not used up yet. An error
	// is answered with 403, the client reads its text, and the approval stays
	// unused.
	May func(ctx context.Context, subject string, t *Token) error
}

// Require lets requests pass whose token has all of the scopes.
func (s *Server) Require(h http.Handler, scopes ...string) http.Handler {
	return s.Protect(h, Need{Scopes: scopes})
}

// Protect lets requests pass that bring what is needed; the handler finds the
// token with [FromContext]. The token stands in the Authorization field and
// nowhere else (RFC 6750, Section 2.1; RFC 9449, Section 7.1). A request whose
// token is that of an approval of need.Approval.Scope needs no need.Scopes.
func (s *Server) Protect(h http.Handler, need Need) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, refusal := s.presented(r)
		var t *Token
		if refusal == nil {
			t, refusal = s.verify(r.Context(), p)
		}
		if refusal == nil {
			r, t, refusal = s.admit(w, r, pass{need: need, raw: p.Token, t: t})
		}
		switch {
		case refusal == answered:
			return
		case refusal != nil:
			s.refuse(w, refusal, need)
			return
		}
		h.ServeHTTP(w, r.WithContext(NewContext(r.Context(), t)))
	})
}

// presented is what a request brings.
func (s *Server) presented(r *http.Request) (Presented, *Refusal) {
	fields := r.Header["Authorization"]
	if len(fields) == 0 {
		return Presented{}, s.noToken()
	}
	if len(fields) > 1 { // RFC 6750, Section 3.1: more than one method
		return Presented{}, &Refusal{Challenge: Challenge{Error: InvalidRequest, Description: "there is more than one Authorization field"}}
	}
	scheme, token, _ := strings.Cut(fields[0], " ")
	p := Presented{Scheme: scheme, Token: strings.TrimLeft(token, " "), Method: r.Method, DPoP: r.Header["Dpop"]}
	if len(p.DPoP) > 0 {
		p.URL = s.ownURL(r)
	}
	p.Certificate = s.certificate(r)
	return p, nil
}

// ownURL is where the client has sent the request; empty: that is no URL. It goes
// by the request's own target (RFC 9112, Section 3.2), because r.URL may have lost
// a part to http.StripPrefix and its like.
func (s *Server) ownURL(r *http.Request) string {
	if r.RequestURI == "" { // no server has read the request
		return s.cfg.BaseURL + r.URL.EscapedPath()
	}
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil || u.Opaque != "" {
		return ""
	}
	path := u.EscapedPath()
	if path != "" && path[0] != '/' {
		return ""
	}
	return s.cfg.BaseURL + path
}

// answered is what remains to be said where Need.Admit has said it.
var answered = &Refusal{}

// A pass is a token that was verified and what the request needs.
type pass struct {
	need Need
	raw  string
	t    *Token
}

func (s *Server) admit(w http.ResponseWriter, r *http.Request, p pass) (*http.Request, *Token, *Refusal) {
	if a := p.need.Approval; a != nil && p.t.Approval != nil && p.t.HasScope(a.Scope) {
		p.need.Scopes = nil // the token has the scope of its approval alone
	}
	if refusal := s.check(p.t, p.need); refusal != nil {
		return r, nil, refusal
	}
	if p.need.Admit != nil && !p.need.Admit(w, r, p.t) {
		return r, nil, answered
	}
	if p.need.Approval == nil {
		return r, p.t, nil
	}
	return s.approved(w, r, p)
}

// refuse answers. A request without a token is told every way to bring one.
func (s *Server) refuse(w http.ResponseWriter, r *Refusal, need Need) {
	s.complete(r)
	c := &r.Challenge
	if c.Error == "" && r.RetryAfter == 0 {
		c.Scope = need.Scopes
		if c.Scheme != schemeDPoP {
			also := Challenge{Scheme: schemeDPoP, Algs: s.cfg.Metadata.DPoPAlgs, Scope: need.Scopes}
			r.write(w, s.cfg.Metadata, also)
			return
		}
	}
	r.write(w, s.cfg.Metadata)
}
