// Package embedded is what the pages of applications call that let people
// authenticate within them: to answer a signed request with a passkey, and to bind a
// passkey by a link. It speaks JSON, to scripts of the origins that an authenticator
// config trusts (https://fetch.spec.whatwg.org/#http-cors-protocol), without
// cookies.
//
// It decides nothing about people. If this package is wrong, a page that nobody
// trusts signs people in.
package embedded

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/signin"
)

// Engine goes on with authorization requests.
type Engine interface {
	OpenRequest(ctx context.Context, site *model.Site, compact string) (oauth.EmbeddedRequest, error)
	FinishEmbedded(context.Context, oauth.Request, oauth.EmbeddedRequest, model.Session) (oauth.Outcome, error)
}

// SignIn verifies what passkeys answer.
type SignIn interface {
	FinishEmbedded(context.Context, *model.Site, signin.Embedded) (model.Session, error)
	Prove(context.Context, *model.Site, signin.Embedded) (model.Session, error)
}

// Directory binds passkeys to people.
type Directory interface {
	OpenLink(ctx context.Context, site *model.Site, token string) (directory.Link, error)
	BeginEmbeddedBinding(context.Context, *model.Site, directory.EmbeddedOpening) (directory.BindingCeremony, error)
	BeginEmbeddedProof(context.Context, *model.Site, directory.EmbeddedOpening) (directory.ProofCeremony, error)
	OpenEmbeddedProof(ctx context.Context, site *model.Site, state, origin string) (directory.BegunProof, error)
	FinishBinding(context.Context, *model.Site, directory.BindingAnswer) (directory.Bound, error)
	Passkeys(context.Context, *model.Site, model.IdentityID) ([]model.Passkey, error)
	Identity(context.Context, *model.Site, model.IdentityID) (model.Identity, error)
}

// Authenticators knows which pages may run ceremonies for a realm.
type Authenticators interface {
	TrustedOrigins(context.Context, *model.Site) []string
}

// Config is what the endpoints need. All but Now are needed.
type Config struct {
	Engine         Engine
	SignIn         SignIn
	Directory      Directory
	Authenticators Authenticators
	Now            func() time.Time // nil: time.Now
}

// Endpoints serves the pages of applications.
type Endpoints struct {
	cfg     Config
	guesses *limit.Keyed
}

const (
	// maxBody bounds what a page brings, in bytes: a request that is parked or not,
	// and what an authenticator answers.
	maxBody = 96 << 10
	// guesses are links that nobody knows, from one network. A link holds 256 random
	// bits; this keeps the trying out of the database.
	guessesPerMinute = 30
	guessKeys        = 10_000
)

// New makes the endpoints.
func New(cfg Config) *Endpoints {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Endpoints{cfg: cfg, guesses: limit.NewKeyed(limit.Per(guessesPerMinute, time.Minute), guessKeys)}
}

// Register adds the routes, relative to a realm.
func (e *Endpoints) Register(mux *http.ServeMux) {
	for path, h := range map[string]handler{
		"/embedded/authenticate": e.authenticate,
		"/embedded/bind":         e.bind,
		"/embedded/bind/proof":   e.prove,
		"/embedded/bind/finish":  e.finish,
	} {
		mux.HandleFunc("OPTIONS "+path, e.preflight)
		mux.Handle("POST "+path, httpx.API(e.trusted(h)))
	}
	mux.Handle("/embedded/", httpx.API(httpx.Missing(mux, "There is nothing here.")))
}

func (e *Endpoints) preflight(w http.ResponseWriter, r *http.Request) {
	httpx.Preflight(w, r, e.cfg.Authenticators.TrustedOrigins(r.Context(), httpx.Site(r)))
}

// A visit is one call of a page.
type visit struct {
	w      http.ResponseWriter
	r      *http.Request
	site   *model.Site
	origin string // one that some config of the realm trusts
}

// A handler answers a visit.
type handler func(visit) error

// trusted lets pages in that some config of the realm trusts. Which of them is known
// later; until then such a page may read what is wrong.
func (e *Endpoints) trusted(h handler) httpx.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		site := httpx.Site(r)
		if !httpx.AllowOrigin(w, r, e.cfg.Authenticators.TrustedOrigins(r.Context(), site)) {
			return errOrigin
		}
		w.Header().Set("Referrer-Policy", "no-referrer")
		return h(visit{w, r, site, r.Header.Get("Origin")})
	}
}

// of holds the page against the one config that it comes for. A page that this does
// not trust is not even told why in words that it can read.
func (v visit) of(config *model.AuthenticatorConfig) error {
	if !httpx.AllowOrigin(v.w, v.r, config.Settings.TrustedOrigins) {
		return errOrigin
	}
	return nil
}

// ranHere holds what a passkey signed against the page that brings it: another page
// ran the ceremony otherwise, whatever its own rights (Web Authentication Level 3,
// Section 13.4.9). The signature is verified for this one origin later.
func (v visit) ranHere(response json.RawMessage) error {
	if origin := passkey.ClientOrigin(response); origin != "" && origin != v.origin {
		return errOrigin
	}
	return nil
}

func (v visit) read(into any) error { return httpx.ReadJSON(v.w, v.r, maxBody, into) }

func (v visit) network() string {
	host, _, err := net.SplitHostPort(v.r.RemoteAddr)
	if err != nil {
		host = v.r.RemoteAddr
	}
	return limit.Network(host)
}

// guess counts a try to name something secret. good takes it back.
func (e *Endpoints) guess(v visit) (good func(), err error) {
	key := string(v.site.Realm.ID) + " " + v.network()
	wait, ok := e.guesses.Allow(key, e.cfg.Now())
	if !ok {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
		return nil, &httpx.Problem{Status: http.StatusTooManyRequests, Code: "too_many_requests", Detail: "Too many links that we do not know came from here. Wait a moment."}
	}
	return func() { e.guesses.Return(key) }, nil
}

// A person is whose passkey it is about, as their page shows them.
type person struct {
	ID          string `json:"id"`
	DisplayName string `json:"display_name"`
	Username    string `json:"username"`
}

type realm struct {
	Name string `json:"name"`
}

// A key is a passkey, for the list that a page keeps.
type key struct {
	ID           string `json:"id"`
	CredentialID b64    `json:"credential_id"`
	Name         string `json:"name"`
	IdentityID   string `json:"identity_id"`
	DisplayName  string `json:"display_name"`
	Username     string `json:"username"`
	RealmID      string `json:"realm_id"`
	RealmName    string `json:"realm_name"`
	RPID         string `json:"rp_id"`
	CreateTime   string `json:"create_time"` // RFC 3339
}

func shown(site *model.Site, k model.Passkey, i model.Identity) *key {
	v := &key{ID: string(k.ID), CredentialID: k.CredentialID, Name: k.Name, IdentityID: string(i.ID), DisplayName: i.DisplayName,
		Username: i.Traits.Username, RealmID: string(site.Realm.ID), RealmName: site.Realm.DisplayName, RPID: k.RPID,
		CreateTime: k.CreatedAt.Time().Format("2006-01-02T15:04:05.000Z07:00")}
	if v.RPID == "" {
		v.RPID = site.RPID
	}
	return v
}

// used is the passkey that a session was opened with; nil if it is gone by now.
func (e *Endpoints) used(ctx context.Context, site *model.Site, s model.Session) (*key, error) {
	keys, err := e.cfg.Directory.Passkeys(ctx, site, s.IdentityID)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(keys, func(k model.Passkey) bool { return k.ID == s.PasskeyID })
	if at < 0 {
		return nil, nil //nolint:nilnil // none is an answer
	}
	identity, err := e.cfg.Directory.Identity(ctx, site, s.IdentityID)
	return shown(site, keys[at], identity), err
}
