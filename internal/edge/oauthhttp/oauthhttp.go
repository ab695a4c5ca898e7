// Package oauthhttp puts the protocol engine on HTTP: it parses each form
// once, and writes answers and errors as RFC 6749, Sections 5.1 and 5.2, want them.
//
// It decides nothing. If this package is wrong, clients nobody here wrote do
// not work.
package oauthhttp

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Keys publishes key sets.
type Keys interface {
	JWKS(ctx context.Context, site *model.Site) ([]byte, error)
	EvidenceKeys(ctx context.Context, site *model.Site) ([]byte, error)
}

// Config is what the endpoints need.
type Config struct {
	Engine   *oauth.Engine
	Keys     Keys
	Sessions Sessions
	Screens  Screens
	Logos    Logos
	Logout   Logout
	// Authenticators knows the pages within which people authenticate; nil: none.
	Authenticators Authenticators
	// Realms are those of the server; nil: the one that is asked for alone.
	Realms Realms
	// Registrar registers applications that ask for it.
	Registrar Registrar
	// Stopping ends when the server begins to stop: waiting polls are answered.
	Stopping context.Context
}

// Endpoints serves the protocol.
type Endpoints struct {
	cfg       Config
	documents sync.Map // path and issuer → document
}

// New makes the endpoints.
func New(cfg Config) *Endpoints { return &Endpoints{cfg: cfg} }

// Register adds the routes, relative to a realm.
func (e *Endpoints) Register(mux *http.ServeMux) {
	for _, path := range MetadataPaths {
		openRoute(mux, path, method{"GET", e.discovery})
	}
	openRoute(mux, ResourcePath, method{"GET", e.resourceMetadata})
	openRoute(mux, "/.well-known/webauthn", method{"GET", e.relatedOrigins})
	openRoute(mux, "/oauth/jwks", method{"GET", e.jwks})
	openRoute(mux, "/v1/evidence/keys", method{"GET", e.evidenceKeys})
	openRoute(mux, "/oauth/token", method{"POST", e.token})
	openRoute(mux, "/oauth/revoke", method{"POST", e.revoke})
	e.registerAuthorize(mux)
	e.registerDevice(mux)
	e.registerLogout(mux)
	e.registerRegistration(mux)
	closedRoute(mux, "/oauth/bc-authorize", method{"POST", e.startCIBA})
	closedRoute(mux, "/oauth/introspect", method{"POST", e.introspect})
	mux.Handle("/.well-known/", unknownWellKnown())
	mux.Handle("/.well-known", unknownWellKnown()) // ServeMux would redirect
	e.registerUserinfo(mux)
	e.registerDID(mux)
}

func (e *Endpoints) jwks(w http.ResponseWriter, r *http.Request) error {
	body, err := e.cfg.Keys.JWKS(r.Context(), httpx.Site(r))
	if err != nil {
		return err
	}
	return writePublic(w, body)
}

func (e *Endpoints) evidenceKeys(w http.ResponseWriter, r *http.Request) error {
	body, err := e.cfg.Keys.EvidenceKeys(r.Context(), httpx.Site(r))
	if err != nil {
		return err
	}
	return writePublic(w, body)
}

// publicFor is shorter than the time that a new key is published before it
// signs.
var publicFor = []string{"public, max-age=300"}

func writePublic(w http.ResponseWriter, body []byte) error {
	w.Header()["Cache-Control"] = publicFor
	return httpx.WriteRaw(w, http.StatusOK, "application/json", body)
}

func (e *Endpoints) token(w http.ResponseWriter, r *http.Request) error {
	req, err := parse(w, r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	if req.Wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = e.untilStop(ctx)
		defer cancel()
	}
	answer, err := e.cfg.Engine.Token(ctx, req)
	httpx.SetActor(r, string(answer.Client))
	if err != nil {
		return err
	}
	offerNonce(w, answer.Nonce)
	return httpx.WriteRaw(w, http.StatusOK, "application/json", answer.Body)
}

// untilStop lets waiting polls be answered when the server stops.
func (e *Endpoints) untilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if e.cfg.Stopping == nil {
		return ctx, cancel
	}
	undo := context.AfterFunc(e.cfg.Stopping, cancel)
	return ctx, func() { undo(); cancel() }
}

func (e *Endpoints) startCIBA(w http.ResponseWriter, r *http.Request) error {
	req, err := parse(w, r)
	if err != nil {
		return err
	}
	answer, err := e.cfg.Engine.StartCIBA(r.Context(), req)
	httpx.SetActor(r, string(answer.Client))
	if err != nil {
		return err
	}
	return httpx.WriteJSON(w, http.StatusOK, answer)
}

func (e *Endpoints) introspect(w http.ResponseWriter, r *http.Request) error {
	req, err := parse(w, r)
	if err != nil {
		return err
	}
	answer, err := e.cfg.Engine.Introspect(r.Context(), req, httpx.Accepts(r, oauth.IntrospectionJWT))
	httpx.SetActor(r, string(answer.Client))
	if err != nil {
		return err
	}
	return httpx.WriteRaw(w, http.StatusOK, answer.ContentType, answer.Body)
}

func (e *Endpoints) revoke(w http.ResponseWriter, r *http.Request) error {
	req, err := parse(w, r)
	if err != nil {
		return err
	}
	client, err := e.cfg.Engine.Revoke(r.Context(), req)
	httpx.SetActor(r, string(client))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return nil
}

// refusing writes OAuth errors (RFC 6749, Section 5.2).
func refusing(h httpx.HandlerFunc) http.Handler {
	return httpx.Adapt(h, writeRefusal)
}

func writeRefusal(w http.ResponseWriter, r *http.Request, err error) {
	refusal := oauth.AsError(err)
	httpx.Note(r, string(refusal.Code), refusal.Cause)
	writeError(w, r, refusal)
}

func writeError(w http.ResponseWriter, r *http.Request, refusal *oauth.Error) {
	h := w.Header()
	if refusal.Basic && refusal.Code == oauth.InvalidClient {
		h.Set("WWW-Authenticate", `Basic realm="`+httpx.Site(r).Issuer+`", charset="UTF-8"`)
	}
	if refusal.Resource {
		scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		for _, c := range oauth.Challenges(httpx.Site(r), scheme, refusal) {
			h.Add("WWW-Authenticate", c)
		}
	}
	offerNonce(w, refusal.Nonce)
	if s := refusal.Status(); s == http.StatusServiceUnavailable || s == http.StatusTooManyRequests {
		h.Set("Retry-After", "5")
	}
	body := struct {
		Error       oauth.Code `json:"error"`
		Description string     `json:"error_description,omitempty"`
		Reference   string     `json:"reference,omitempty"`
	}{refusal.Code, refusal.Description, ""}
	if refusal.Status() >= http.StatusInternalServerError {
		body.Reference = httpx.Reference(r)
	}
	out, err := json.Marshal(body)
	if err == nil {
		err = httpx.WriteRaw(w, refusal.Status(), "application/json", out)
	}
	if err != nil {
		httpx.Note(r, string(refusal.Code), err)
	}
}
