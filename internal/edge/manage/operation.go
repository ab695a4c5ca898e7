package manage

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// A level is what an operation acts in: how much of a path its own begins after.
type level int

// Operations of a tenant or of the server are there for the default realm alone.
const (
	ofRealm level = iota
	ofTenant
	ofServer
)

var levels = [...]string{ofRealm: "/v1/tenants/{tenant_id}/realms/{realm_id}", ofTenant: "/v1/tenants/{tenant_id}", ofServer: "/v1"}

// An operation is one row: everything about it but its types and its code.
type operation struct {
	id, method, path string // path under that of its level
	level            level
	// central: it is there for the default realm alone, though it acts in a realm.
	central        bool
	summary, about string
	tag            string
	scope          Scope
	also           []Scope  // that it needs beside scope
	status         int      // of success; 0: 200
	refusals       []string // codes beyond those that all have, and those that come with its parameters
	takes, gives   any      // examples of the bodies; nil: there is none
	bytes          int64    // that a body has at most; 0: maxBody
}

func (op *operation) where() string { return levels[op.level] + op.path }

// scopes are all that the operation needs.
func (op *operation) scopes() []string {
	list := []string{string(op.scope)}
	for _, s := range op.also {
		list = append(list, string(s))
	}
	return list
}

func (op *operation) most() int64 {
	if op.bytes > 0 {
		return op.bytes
	}
	return maxBody
}

// InTenant is the input of operations in a tenant.
type InTenant struct {
	Tenant string `path:"tenant_id" doc:"Id of the tenant." example:"ten_01kagxw5yye2w8s1zk1d5fx0p3"`
}

// A Target is where the operation acts. Every input of one in a realm embeds it.
type Target struct {
	InTenant
	Realm string `path:"realm_id" doc:"Id of the realm." example:"rlm_01kagxw5yzf0bvvq3jr0d0gckm"`
}

// A call is who does it, and where.
type call struct {
	site  *model.Site // that the operation acts in; nil: it acts in no realm
	here  *model.Site // at whose issuer the API was called, where the caller is known
	actor string      // client id of a management application, or id of an admin
	r     *http.Request
	// scopes are what the caller's token is good for.
	scopes []string
	shape  shape // of the body
}

// someNeed are the scopes that only some requests of an operation need: an answer that
// is given again is given to who has the same of them.
var someNeed = []Scope{AdminsCreate, RecoveryCreate}

// extra are those of them that the caller has.
func (c call) extra() []string {
	var has []string
	for _, s := range someNeed {
		if slices.Contains(c.scopes, string(s)) {
			has = append(has, string(s))
		}
	}
	return has
}

// needs refuses a caller whose token lacks one of someNeed.
func (c call) needs(scope Scope) error {
	if slices.Contains(c.extra(), string(scope)) {
		return nil
	}
	return &httpx.Problem{Status: http.StatusForbidden, Code: "insufficient_scope", Detail: "This needs a token with the scope " + string(scope) + " as well."}
}

type callKey struct{}

func callOf(ctx context.Context) call { return ctx.Value(callKey{}).(call) } //nolint:forcetypeassert // admit puts it there before every operation

// maxBody bounds what an operation takes, in bytes.
const maxBody = 256 << 10

// add declares an operation. do gets the call, with the realm found and the caller
// admitted, and returns errors of services as they are.
func add[I, O any](a *API, op operation, do func(context.Context, call, *I) (*O, error)) {
	declared := huma.Operation{OperationID: op.id, Method: op.method, Path: op.where(), Summary: op.summary, Description: op.about,
		Tags: []string{op.tag}, DefaultStatus: op.status, MaxBodyBytes: op.most(),
		Security: []map[string][]string{{ownScheme: op.scopes()}, {adminScheme: op.scopes()}}, Middlewares: huma.Middlewares{a.admit(op)}}
	if op.method == http.MethodPost {
		declared.Parameters = []*huma.Param{keyParameter()}
	}
	huma.Register(a.huma, declared, func(ctx context.Context, in *I) (*O, error) {
		c := callOf(ctx)
		out, err := do(ctx, c, in)
		if p, ok := errors.AsType[*Problem](err); ok {
			return nil, p
		}
		if err != nil {
			return nil, written(c.r, refusal(err))
		}
		return out, nil
	})
	a.illustrate(op)
}

// admit finds out who calls and which realm is meant before anything of the body is
// read. Ids of other tenants are not found, like those of nobody.
func (a *API) admit(op operation) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(hc)
		route := hc.Operation().Method + " " + hc.Operation().Path
		if rec := httpx.RecordOf(r); rec != nil {
			rec.Route = route
		}
		w.Header().Set("Cache-Control", "no-store")
		httpx.API(func(w http.ResponseWriter, r *http.Request) error {
			actor, scopes, err := a.caller(w, r, op.scopes())
			if err != nil {
				return err
			}
			site, err := a.site(r, &op)
			if err != nil {
				return err
			}
			if r, err = readable(w, r, &op); err != nil {
				return err
			}
			if err := filtersKnown(r, hc.Operation().Parameters); err != nil {
				return err
			}
			c := call{site, httpx.Site(r), actor, r, scopes, a.shape(hc.Operation())}
			do := func(w http.ResponseWriter, c call) {
				next(huma.WithValue(humago.NewContext(hc.Operation(), c.r, w), callKey{}, c))
			}
			if op.method == http.MethodPost && len(r.Header.Values(keyHeader)) > 0 {
				return a.once(w, c, op.most(), do)
			}
			do(w, c)
			return nil
		}).ServeHTTP(w, r)
		if rec := httpx.RecordOf(r); rec != nil {
			rec.Route = route
		}
	}
}

// site is the realm that an operation acts in; nil: it acts in none. The default
// realm's callers reach all realms, those of another realm that realm alone.
func (a *API) site(r *http.Request, op *operation) (*model.Site, error) {
	here := httpx.Site(r)
	if !here.Realm.Default && (op.level != ofRealm || op.central) {
		return nil, notFound(nil)
	}
	tenant, id := r.PathValue("tenant_id"), r.PathValue("realm_id")
	if op.level != ofServer && !ids.Valid("ten", tenant) || op.level == ofRealm && !ids.Valid("rlm", id) {
		return nil, notFound(nil)
	}
	if op.level != ofRealm {
		return nil, nil //nolint:nilnil // it acts in no realm
	}
	site, err := a.cfg.Realms.ByID(r.Context(), model.RealmID(id))
	if err != nil {
		return nil, refusal(err)
	}
	if string(site.Realm.TenantID) != tenant || !here.Realm.Default && site.Realm.ID != here.Realm.ID {
		return nil, notFound(nil)
	}
	return site, nil
}
