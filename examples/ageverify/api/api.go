// Package api is the HTTP API of the age verification example. Who may ask what is
// decided by package resource of the SDK, from the access token alone; this
// package names the scopes and does the rest.
//
// If this package is wrong, a shop is told "pass" for a child, or has no record of
// having asked.
package api

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/assent-id/assent/examples/ageverify/pass"
	"github.com/assent-id/assent/examples/ageverify/store"
	"github.com/assent-id/assent/sdk/resource"
)

// A Guard lets requests through whose token has what they need: a
// [resource.Server].
type Guard interface {
	Protect(h http.Handler, need resource.Need) http.Handler
}

// A Config is what the API stands on. All of it but Approvers, Now and Log is
// required.
type Config struct {
	Store *store.Store
	Keys  pass.Keys // whose passes are taken
	Guard Guard
	Limit Limit // for each client
	// Approvers are those whose yes closes a location, as the sub of tokens; empty:
	// nobody's does.
	Approvers []string
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: slog.Default()
}

type api struct {
	Config
	quota *quota
}

// A route is one operation and the scopes that it needs.
type route struct {
	pattern string
	need    resource.Need
	do      handler
}

// Scopes are those that clients get for themselves, in the order in which the API's
// metadata name them. [ScopeClose] is not one: clients ask for all that is named
// there, and who asks for that scope without a person is refused all of it.
var Scopes = []string{
	"devices:read", "devices:write", "locations:read", "locations:write",
	"employees:read", "employees:write", "transactions:read", "transactions:write",
}

// New returns the API, below /api.
func New(c Config) http.Handler {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	a := &api{Config: c, quota: newQuota(c.Limit)}
	mux := http.NewServeMux()
	methods := make(map[string][]string)
	for _, r := range a.routes() {
		r.need.Admit = a.within
		mux.Handle(r.pattern, c.Guard.Protect(a.answer(r.do), r.need))
		method, path, _ := strings.Cut(r.pattern, " ")
		methods[path] = append(methods[path], method)
	}
	for path, allowed := range methods {
		mux.Handle(path, a.answer(methodNotAllowed(allowed)))
	}
	mux.Handle("/", a.answer(func(http.ResponseWriter, *http.Request) error { return notFound }))
	return a.logged(mux)
}

func (a *api) routes() []route {
	list := []route{
		{"GET /api/transactions", scope("transactions:read"), a.listTransactions},
		{"GET /api/transactions/{id}", scope("transactions:read"), a.getTransaction},
		{"POST /api/verification/pass", scope("transactions:write"), a.verifyPass},
		{"POST /api/locations/{id}/close", resource.Need{Scopes: []string{"locations:write"}, Approval: a.closing()}, a.closeLocation},
	}
	for _, s := range []shape{devices, locations, employees} {
		list = append(list,
			route{"GET /api/" + s.path, scope(s.path + ":read"), a.list(s)},
			route{"GET /api/" + s.path + "/{id}", scope(s.path + ":read"), a.get(s)},
			route{"POST /api/" + s.path, scope(s.path + ":write"), a.create(s)},
			route{"PATCH /api/" + s.path + "/{id}", scope(s.path + ":write"), a.update(s)},
			route{"DELETE /api/" + s.path + "/{id}", scope(s.path + ":write"), a.remove(s)})
	}
	return list
}

func scope(name string) resource.Need { return resource.Need{Scopes: []string{name}} }

// who is the client of a request that the guard let pass.
func who(r *http.Request) string {
	if t := resource.FromContext(r.Context()); t != nil {
		return t.ClientID
	}
	return ""
}
