// Package manage is the management API under /v1/tenants: what operators' programs
// use. Its operations are declared as Go types, from which huma makes the checks of
// what comes in and the OpenAPI 3.1 document at /v1/openapi.json.
//
// A new operation is one function, one type for what comes in, one for what goes
// out, and one row in the list of its file. Whoever may call it is decided here, by
// the scope in its row, before a byte of the body is read.
//
// If this package is wrong, whoever holds a token for one thing does another.
package manage

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/assent-id/assent/internal/edge/api"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/message"
	"github.com/assent-id/assent/internal/model"
)

// People are the identities of realms.
type People interface {
	Identity(context.Context, *model.Site, model.IdentityID) (model.Identity, error)
}

// Config is what the API needs.
type Config struct {
	Tenants      Tenants
	Realms       Realms
	Themes       Themes
	Keys         Keys
	Applications Applications
	// ServiceClients are those of the applications that have keys to rotate.
	ServiceClients ServiceClients
	People         People
	Passwords      Passwords
	Identities     Identities
	Groups         Groups
	Roles          Roles
	Passkeys       Passkeys
	Admins         Admins
	Sessions       Sessions
	Grants         Grants
	Events         Events
	StandIn        StandIn
	Allowances     Allowances
	Idempotency    Idempotency
	// ResourceServers are the APIs that accept the realm's tokens.
	ResourceServers ResourceServers
	// Authenticators are authenticator configs.
	Authenticators Authenticators
	// Invitations are binding jobs.
	Invitations Invitations
	Tokens      api.Tokens
	Version     string
	Texts       *message.Printer // the words of the consent page
	Now         func() time.Time // nil: time.Now
}

// API serves the management API.
type API struct {
	cfg  Config
	mux  *http.ServeMux
	huma huma.API
	json document
	yaml document
	// words are what the document says of schemas and their members.
	words map[string]string
	// faults are what is wrong with the declarations themselves.
	faults []error
}

// A Surface is the API as a server has it. What it declares is made when it is first
// asked for: that takes longer than all else until a server is ready, and more memory
// than all else that it does at rest.
type Surface struct{ made func() (*API, error) }

// New makes nothing yet.
func New(cfg Config) *Surface {
	return &Surface{sync.OnceValues(func() (*API, error) { return declare(cfg) })}
}

// declare makes every operation.
func declare(cfg Config) (*API, error) {
	settle()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	a := &API{cfg: cfg, mux: http.NewServeMux(), words: maps.Clone(words)}
	a.huma = humago.New(a.mux, description(cfg.Version))
	a.tenants()
	a.realms()
	a.policy()
	a.themes()
	a.signingKeys()
	a.applications()
	a.serviceClients()
	a.authenticatorConfigs()
	a.people()
	a.groups()
	a.roles()
	a.resourceServers()
	a.passkeys()
	a.admins()
	a.passwords()
	a.sessions()
	a.allowances()
	a.bindingJobs()
	a.grants()
	a.revokeTokens()
	a.approvals()
	a.events()
	a.mux.Handle("/", httpx.API(httpx.Missing(a.mux, "There is nothing here.")))
	return a, a.documents()
}

func (a *API) now() model.Millis { return model.MillisOf(a.cfg.Now()) }

// settle replaces what huma has as variables of its package, once: nothing else in
// this program uses huma.
var settle = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true // "Name" is not "name"
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, message string, causes ...error) huma.StatusError {
		return newProblem(call{}, status, message, causes)
	}
	huma.NewErrorWithContext = func(c huma.Context, status int, message string, causes ...error) huma.StatusError {
		admitted, ok := c.Context().Value(callKey{}).(call)
		if !ok {
			admitted.r, _ = humago.Unwrap(c)
		}
		return newProblem(admitted, status, message, causes)
	}
})

// Register adds the routes, relative to a realm. Every realm has the API at its own
// issuer, for its own management application and its own admins.
func (s *Surface) Register(mux *http.ServeMux) {
	whole := s.handler(func(a *API) http.Handler { return a.mux })
	mux.Handle("/v1/tenants", whole)
	mux.Handle("/v1/tenants/", whole)
	mux.Handle("GET /v1/openapi.json", s.handler(func(a *API) http.Handler { return serve("application/vnd.oai.openapi+json", a.json) }))
	mux.Handle("GET /v1/openapi.yaml", s.handler(func(a *API) http.Handler { return serve("application/vnd.oai.openapi", a.yaml) }))
}

// handler is a part of the API once it is made.
func (s *Surface) handler(of func(*API) http.Handler) http.Handler {
	return httpx.API(func(w http.ResponseWriter, r *http.Request) error {
		a, err := s.made()
		if err != nil {
			return fmt.Errorf("declare the management API: %w", err)
		}
		of(a).ServeHTTP(w, r)
		return nil
	})
}
