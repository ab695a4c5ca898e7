package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/edge/api"
	"github.com/assent-id/assent/internal/edge/assets"
	"github.com/assent-id/assent/internal/edge/embedded"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/edge/oauthhttp"
	"github.com/assent-id/assent/internal/edge/pages"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/idempotency"
)

// routes puts every surface behind one handler. What a realm serves is
// registered once, relative to the realm; inRealm finds out which.
func (s *Server) routes() (http.Handler, error) {
	inner := http.NewServeMux()
	hosted, err := s.hostedPages()
	if err != nil {
		return nil, err
	}
	endpoints := oauthhttp.New(oauthhttp.Config{Engine: s.engine, Keys: s.Keys, Sessions: s.SignIn, Screens: hosted, Logos: s.Applications, Logout: s.logout,
		Registrar: s.Applications, Authenticators: s.Authenticators, Realms: s.Realms, Stopping: s.stopping})
	endpoints.Register(inner)
	embedded.New(embedded.Config{Engine: s.engine, SignIn: s.SignIn, Directory: s.Directory, Authenticators: s.Authenticators, Now: s.cfg.Now}).Register(inner)
	api.New(api.Config{Approvals: s.Approvals, Sessions: s.SignIn, Passkeys: s.Directory, Tokens: s.engine,
		Feed: s.feed, Readers: s.engine, Realms: s.Realms, DemoAsk: s.cfg.OnDemoAsk, Stopping: s.stopping}).Register(inner)
	if err := s.management(inner); err != nil {
		return nil, err
	}
	if err := s.people(inner, hosted); err != nil {
		return nil, err
	}
	s.realms = s.inRealm(endpoints.WithSubjects(inner))
	whole := httpx.Recorded(s.cfg.Logger, s.metrics, s.dispatch(s.realms))
	if s.cfg.BehindProxy {
		whole = httpx.Forwarded(whole)
	}
	return whole, nil
}

// management registers the API of operators' programs.
func (s *Server) management(mux *http.ServeMux) error {
	texts, err := pages.Texts()
	if err != nil {
		return err
	}
	manage.New(manage.Config{Invitations: s.Directory, Tenants: s.Realms, Realms: s.Realms, Themes: s.Realms, Keys: s.Keys, Applications: s.Applications, ServiceClients: s.Applications, People: s.Directory,
		Identities: s.Directory, Groups: s.Directory, Roles: s.Directory, ResourceServers: s.Realms, Passkeys: s.Directory, Admins: s.Directory,
		Passwords: s.SignIn, Sessions: s.SignIn, Grants: s.engine, Events: s.Audit, StandIn: s.StandIn, Now: s.cfg.Now, Allowances: s.engine, Authenticators: s.Authenticators, Tokens: s.engine, Version: s.cfg.Version, Texts: texts.Pick("en"),
		Idempotency: idempotency.New(idempotency.Config{Store: s.store, Keyring: s.cfg.Keyring, Now: s.cfg.Now})}).Register(mux)
	return nil
}

// dispatch parts what is the server's own from what is a realm's.
func (s *Server) dispatch(realm http.Handler) http.Handler {
	own := http.NewServeMux()
	own.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	own.Handle("GET /readyz", httpx.API(s.ready))
	if s.cfg.Metrics {
		own.Handle("GET /metrics", s.metrics.Handler())
	}
	if s.cfg.Profiling {
		own.HandleFunc("GET /debug/pprof/", pprof.Index)
		own.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		own.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch p := r.URL.Path; {
		case p == "/livez", p == "/readyz", s.cfg.Metrics && p == "/metrics", s.cfg.Profiling && strings.HasPrefix(p, "/debug/pprof/"):
			own.ServeHTTP(w, r)
		default:
			realm.ServeHTTP(w, r)
		}
	})
}

func (s *Server) hostedPages() (*pages.Pages, error) {
	scripts, err := assets.Pages()
	if err != nil {
		return nil, err
	}
	shown := pages.Config{Account: pages.Account{Sessions: s.SignIn, Passkeys: s.Directory, Apps: s.engine}, Now: s.cfg.Now, SignIn: s.SignIn, Apps: s.engine, Directory: s.Directory, Logos: s.Realms, Scripts: scripts, Texts: s.cfg.Texts}
	if s.cfg.Development {
		shown.Mailbox = s.mailbox
	}
	return pages.New(shown)
}

// people registers what people see.
func (s *Server) people(mux *http.ServeMux, hosted *pages.Pages) error {
	approver, err := assets.Approver()
	if err != nil {
		return err
	}
	hosted.Register(mux)
	assets.RegisterApprover(mux, approver)
	page := httpx.Pages(hosted.Error)
	mux.Handle("GET /{$}", page(func(w http.ResponseWriter, r *http.Request) error {
		//nolint:gosec // G710: the realm's own path, not the request's
		http.Redirect(w, r, httpx.Site(r).Path+"/approver/", http.StatusSeeOther)
		return nil
	}))
	mux.Handle("/", page(httpx.Missing(mux, "There is no page here.")))
	return nil
}

// inRealm finds the realm of a request and makes the path relative to it.
func (s *Server) inRealm(next http.Handler) http.Handler {
	return httpx.API(func(w http.ResponseWriter, r *http.Request) error {
		site, rest, err := s.realmOf(r)
		if err == nil && !canonical(r.URL.Path) {
			// ServeMux would redirect, and knows nothing of the realm.
			err = fmt.Errorf("path is not canonical: %w", model.ErrNotFound)
		}
		if errors.Is(err, model.ErrNotFound) {
			if strings.Contains(r.URL.Path, "/.well-known/") {
				oauthhttp.OpenToScripts(w.Header())
			}
			return &httpx.Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing here.", Cause: err}
		}
		if err != nil {
			return err
		}
		r = httpx.WithSite(r, site)
		if rest != "" {
			r = atPath(r, rest)
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// realmOf finds the realm by the host, or else by the path; rest is what is left
// of the path, "" for all of it. A realm has one issuer, so it answers in one
// place; clients with certificates find each under its name.
func (s *Server) realmOf(r *http.Request) (site *model.Site, rest string, err error) {
	ctx := r.Context()
	if site, err = s.Realms.ByHost(ctx, r.Host); site != nil || err != nil {
		return site, "", err
	}
	name, rest, ok := splitRealm(r.URL.Path)
	if !ok {
		site, err = s.Realms.Default(ctx)
		return site, "", err
	}
	site, err = s.Realms.ByName(ctx, name)
	if err == nil && (site.Realm.Default || site.OwnHost() && ctx.Value(peerKey{}) == nil) {
		err = model.ErrNotFound
	}
	return site, rest, err
}

// wellKnown are the paths into which a realm's path may be inserted.
var wellKnown = append(slices.Clone(oauthhttp.MetadataPaths), oauthhttp.ResourcePath)

// splitRealm takes the realm out of a path: /realms/{name}/rest, or the forms
// in which RFC 8414, Section 3.1, and RFC 9728, Section 3.1, insert the well-known
// part before it.
func splitRealm(whole string) (name, rest string, ok bool) {
	for _, inserted := range wellKnown {
		if after, found := strings.CutPrefix(whole, inserted); found && strings.HasPrefix(after, "/realms/") {
			after = after[len("/realms/"):]
			return after, inserted, !strings.Contains(after, "/")
		}
	}
	after, found := strings.CutPrefix(whole, "/realms/")
	if !found {
		return "", "", false
	}
	name, rest, _ = strings.Cut(after, "/")
	return name, "/" + rest, true
}

// canonical reports whether a path holds no empty and no dot segments.
func canonical(p string) bool {
	clean := path.Clean(p)
	if strings.HasSuffix(p, "/") && clean != "/" {
		clean += "/"
	}
	return p == clean
}

func atPath(r *http.Request, rest string) *http.Request {
	u := *r.URL
	u.Path, u.RawPath = rest, ""
	inner := *r
	inner.URL = &u
	return &inner
}

// builtAfter is before every release: a clock that says otherwise is wrong,
// and would make tokens that live for ever elsewhere.
var builtAfter = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// ready answers whether this node can do its work: the database answers and
// the clock is not absurd.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	if s.stopping.Err() != nil {
		return &httpx.Problem{Status: http.StatusServiceUnavailable, Code: "stopping", Detail: "The server is stopping."}
	}
	if time.Now().Before(builtAfter) {
		return &httpx.Problem{Status: http.StatusServiceUnavailable, Code: "clock", Detail: "The clock of this machine is wrong."}
	}
	if err := s.store.Ping(r.Context()); err != nil {
		return &httpx.Problem{Status: http.StatusServiceUnavailable, Code: "database", Detail: "The database does not answer.", Cause: err}
	}
	return httpx.WriteJSON(w, http.StatusOK, map[string]string{"status": "ready", "version": s.cfg.Version})
}
