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
	"maps"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/assent-id/assent/internal/edge/api"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/standin"
)

// Realms finds and changes realms.
type Realms interface {
	ByID(context.Context, model.RealmID) (*model.Site, error)
	Read(context.Context, model.RealmID) (model.Realm, error)
	PatchPolicy(context.Context, model.RealmID, realm.PolicyChange) (model.Realm, error)
}

// Keys are the signing keys of realms.
type Keys interface {
	List(context.Context, *model.Site) ([]model.SigningKey, error)
	RotateNow(ctx context.Context, site *model.Site, actor string, algs ...jose.Alg) error
}

// Applications are registered clients.
type Applications interface {
	Get(context.Context, *model.Site, model.ClientID) (*model.Client, error)
	List(context.Context, *model.Site) ([]model.Application, error)
	Put(context.Context, *model.Site, application.Put) (application.Change, error)
	Delete(ctx context.Context, site *model.Site, id model.ClientID, actor string) error
}

// People are the identities of realms.
type People interface {
	Identity(context.Context, *model.Site, model.IdentityID) (model.Identity, error)
}

// Passwords are those of people.
type Passwords interface {
	SetPassword(context.Context, *model.Site, signin.NewPassword) (string, error)
	RemovePassword(context.Context, *model.Site, signin.NewPassword) error
}

// StandIn answers for people of development realms.
type StandIn interface {
	Bind(ctx context.Context, site *model.Site, id model.IdentityID, actor string) (model.Passkey, error)
	Answer(context.Context, *model.Site, standin.Answer) (model.Approval, error)
}

// Config is what the API needs.
type Config struct {
	Realms       Realms
	Keys         Keys
	Applications Applications
	People       People
	Passwords    Passwords
	StandIn      StandIn
	Tokens       api.Tokens
	Version      string
}

// API serves the management API.
type API struct {
	cfg  Config
	mux  *http.ServeMux
	huma huma.API
	docs documents
	// words are what the document says of schemas and their members.
	words map[string]string
}

// New declares every operation.
func New(cfg Config) (*API, error) {
	settle()
	a := &API{cfg: cfg, mux: http.NewServeMux(), words: maps.Clone(words)}
	a.huma = humago.New(a.mux, description(cfg.Version))
	a.signingKeys()
	a.policy()
	a.applications()
	a.identities()
	a.approvals()
	var err error
	a.docs, err = a.document()
	return a, err
}

// settle replaces what huma has as variables of its package, once: nothing else in
// this program uses huma.
var settle = sync.OnceFunc(func() {
	huma.ValidateStrictCasing = true // "Name" is not "name"
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, message string, causes ...error) huma.StatusError {
		return newProblem(nil, status, message, causes)
	}
	huma.NewErrorWithContext = func(c huma.Context, status int, message string, causes ...error) huma.StatusError {
		r, _ := humago.Unwrap(c)
		return newProblem(r, status, message, causes)
	}
})

// prefix is where the operations are, under the default realm's issuer.
const prefix = "/v1/tenants/{tenant_id}/realms/{realm_id}"

// Register adds the routes, relative to a realm. The API is of the whole server, so
// only the default realm has it.
func (a *API) Register(mux *http.ServeMux) {
	missing := httpx.Missing(a.mux, "There is nothing here.")
	a.mux.Handle("/", httpx.API(missing))
	mux.Handle("/v1/tenants/", a.ofServer(a.mux))
	mux.Handle("GET /v1/openapi.json", a.ofServer(serve("application/vnd.oai.openapi+json", a.docs.json)))
	mux.Handle("GET /v1/openapi.yaml", a.ofServer(serve("application/vnd.oai.openapi", a.docs.yaml)))
}

// ofServer hides a handler from realms other than the default one.
func (a *API) ofServer(next http.Handler) http.Handler {
	return httpx.API(func(w http.ResponseWriter, r *http.Request) error {
		if site := httpx.Site(r); site == nil || !site.Realm.Default {
			return notFound(nil)
		}
		next.ServeHTTP(w, r)
		return nil
	})
}
