// Package api is the JSON interface under /v1: what the approver web app and
// asking programs use. People are known by their session cookie, programs by an
// access token (RFC 6750).
//
// It decides nothing. If this package is wrong, somebody reads an approval
// that is not theirs.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/signin"
)

// Approvals is the service behind most of this.
type Approvals interface {
	ForPerson(ctx context.Context, site *model.Site, person model.IdentityID, id model.ApprovalID) (model.Approval, error)
	ForClient(ctx context.Context, site *model.Site, client model.ClientID, id model.ApprovalID) (model.Approval, error)
	List(ctx context.Context, q approval.Query) (approval.Page, error)
	Options(ctx context.Context, site *model.Site, person model.IdentityID) (json.RawMessage, error)
	Decide(ctx context.Context, site *model.Site, person model.Identity, id model.ApprovalID, ans approval.Answer) (model.Approval, error)
	Redeem(ctx context.Context, site *model.Site, id model.ApprovalID, actor model.ClientID) (model.Millis, error)
	WatchPerson(id model.IdentityID) *hub.Wait
}

// Sessions knows who is signed in.
type Sessions interface {
	Session(ctx context.Context, site *model.Site, cookie string) (model.Session, model.Identity, error)
}

// Passkeys lists a person's passkeys.
type Passkeys interface {
	Passkeys(ctx context.Context, site *model.Site, id model.IdentityID) ([]model.Passkey, error)
}

// Tokens verifies access tokens of the realm.
type Tokens interface {
	Use(ctx context.Context, p oauth.Presented) (oauth.AccessToken, error)
}

// DemoAsk is what a person wants the demo agent to ask.
type DemoAsk struct {
	ExpiresIn int    `json:"expires_in"` // seconds; 0: the default
	Message   string `json:"message"`
}

// Config is what the API needs.
type Config struct {
	Approvals Approvals
	Sessions  Sessions
	Passkeys  Passkeys
	Tokens    Tokens
	// DemoAsk, where set, lets a signed-in person of a development realm make the
	// demo agent ask.
	DemoAsk func(ctx context.Context, site *model.Site, person model.Identity, ask DemoAsk) error
	// Feed tells resource servers what was revoked; nil: there is none. Readers and
	// Realms say who may still hear it.
	Feed    Feed
	Readers Readers
	Realms  Realms
	// Stopping ends when the server begins to stop: event streams are closed.
	Stopping context.Context
}

// API serves /v1.
type API struct {
	cfg     Config
	streams *limit.Slots
}

// New makes the API.
func New(cfg Config) *API { return &API{cfg: cfg, streams: limit.NewSlots(maxStreams)} }

// Register adds the routes, relative to a realm.
func (a *API) Register(mux *http.ServeMux) {
	mux.Handle("GET /v1/me", httpx.API(a.me))
	mux.Handle("GET /v1/approvals", httpx.API(a.list))
	mux.Handle("GET /v1/approvals/events", httpx.API(a.events))
	mux.Handle("GET /v1/approvals/{id}", httpx.API(a.get))
	mux.Handle("POST /v1/approvals/{id}/decision", httpx.SameOrigin(a.decide))
	mux.Handle("GET /v1/approvals/{id}/evidence", httpx.API(a.evidence))
	mux.Handle("POST /v1/approvals/{id}/redeem", httpx.API(a.redeem))
	mux.Handle("POST /v1/demo/ask", httpx.SameOrigin(a.demoAsk))
	if a.cfg.Feed != nil {
		mux.Handle("GET /v1/revocations", httpx.API(a.revocations))
	}
	missing := httpx.API(httpx.Missing(mux, "There is nothing here."))
	mux.Handle("/v1", missing) // or ServeMux redirects, out of the realm
	mux.Handle("/v1/", missing)
}

// person is who is signed in.
func (a *API) person(r *http.Request) (model.Identity, error) {
	_, who, err := a.session(r)
	return who, err
}

// session is how, and who.
func (a *API) session(r *http.Request) (model.Session, model.Identity, error) {
	session, who, err := a.cfg.Sessions.Session(r.Context(), httpx.Site(r), httpx.SessionCookie(r))
	if errors.Is(err, signin.ErrNoSession) {
		return session, who, &httpx.Problem{Status: http.StatusUnauthorized, Code: "signed_out", Detail: "Sign in first.", Cause: err}
	}
	if err == nil {
		httpx.SetActor(r, string(who.ID))
	}
	return session, who, err
}

// token is the access token that a program sent; nil if it sent none. RFC
// 6750, Section 2.1, and RFC 9449, Section 7.1: in the header alone, whatever the
// case of the scheme.
func (a *API) token(w http.ResponseWriter, r *http.Request) (*oauth.AccessToken, error) {
	return Token(a.cfg.Tokens, w, r)
}

// Token reads and verifies the access token of a request, for every API that takes
// one; nil if there is none. A refusal names itself in WWW-Authenticate.
func Token(tokens Tokens, w http.ResponseWriter, r *http.Request) (*oauth.AccessToken, error) {
	scheme, compact, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "DPoP") {
		return nil, nil //nolint:nilnil // no token is an answer
	}
	site := httpx.Site(r)
	t, err := tokens.Use(r.Context(), oauth.Presented{Site: site, Token: strings.TrimSpace(compact), Scheme: scheme,
		Request: oauth.Request{Site: site, Method: r.Method, Path: r.URL.Path, DPoP: r.Header.Values("DPoP")}})
	if err != nil {
		return nil, refuseToken(w, r, err)
	}
	httpx.SetActor(r, string(t.ClientID))
	return &t, nil
}

// refuseToken says in WWW-Authenticate what is wrong with a token; an error that
// says nothing about it stays what it is.
func refuseToken(w http.ResponseWriter, r *http.Request, err error) error {
	refused := oauth.AsRefusedToken(err)
	if refused.Status() != http.StatusUnauthorized {
		return err
	}
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for _, challenge := range oauth.Challenges(httpx.Site(r), scheme, refused) {
		w.Header().Add("WWW-Authenticate", challenge)
	}
	if refused.Nonce != "" {
		w.Header().Set("DPoP-Nonce", refused.Nonce)
	}
	return &httpx.Problem{Status: http.StatusUnauthorized, Code: string(refused.Code),
		Detail: "The access token is not valid.", Cause: err}
}

func notFound(cause error) error {
	return &httpx.Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing here.", Cause: cause}
}

// missing turns what is not there, or not this caller's, into 404.
func missing(err error) error {
	if errors.Is(err, model.ErrNotFound) {
		return notFound(err)
	}
	return err
}

func rfc3339(m model.Millis) string { return m.Time().Format(time.RFC3339Nano) }
