package manage

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/assent-id/assent/internal/edge/api"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// An operation is one row: everything about it but its types and its code.
type operation struct {
	id, method, path string // path under prefix
	summary, about   string
	tag              string
	scope            Scope
	status           int   // of success; 0: 200
	refusals         []int // beyond those that all have
	takes, gives     any   // examples of the bodies; nil: there is none
}

// A Target is where the operation acts. Every input embeds it.
type Target struct {
	Tenant string `path:"tenant_id" doc:"Id of the tenant." example:"ten_01kagxw5yye2w8s1zk1d5fx0p3"`
	Realm  string `path:"realm_id" doc:"Id of the realm." example:"rlm_01kagxw5yzf0bvvq3jr0d0gckm"`
}

// A call is who does it, and where.
type call struct {
	site  *model.Site
	actor string // client id of the management application
	r     *http.Request
}

type callKey struct{}

func callOf(ctx context.Context) call { return ctx.Value(callKey{}).(call) } //nolint:forcetypeassert // admit puts it there before every operation

// maxBody bounds what an operation takes, in bytes.
const maxBody = 256 << 10

// add declares an operation. do gets the call, with the realm found and the caller
// admitted, and returns errors of services as they are.
func add[I, O any](a *API, op operation, do func(context.Context, call, *I) (*O, error)) {
	errs := append([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusNotAcceptable, http.StatusServiceUnavailable}, op.refusals...)
	if op.takes != nil {
		errs = append(errs, http.StatusBadRequest, http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	slices.Sort(errs)
	declared := huma.Operation{OperationID: op.id, Method: op.method, Path: prefix + op.path, Summary: op.summary, Description: op.about,
		Tags: []string{op.tag}, DefaultStatus: op.status, Errors: slices.Compact(errs), MaxBodyBytes: maxBody,
		Security: []map[string][]string{{schemeName: {string(op.scope)}}}, Middlewares: huma.Middlewares{a.admit(op.scope)}}
	huma.Register(a.huma, declared, func(ctx context.Context, in *I) (*O, error) {
		c := callOf(ctx)
		out, err := do(ctx, c, in)
		if err != nil {
			return nil, written(c.r, refusal(err))
		}
		return out, nil
	})
	a.illustrate(op)
}

// admit finds out who calls and which realm is meant before anything of the body is
// read. Ids of other tenants are not found, like those of nobody.
func (a *API) admit(scope Scope) func(huma.Context, func(huma.Context)) {
	return func(c huma.Context, next func(huma.Context)) {
		r, w := humago.Unwrap(c)
		if rec := httpx.RecordOf(r); rec != nil {
			rec.Route = c.Operation().Method + " " + c.Operation().Path
		}
		w.Header().Set("Cache-Control", "no-store")
		httpx.API(func(w http.ResponseWriter, r *http.Request) error {
			actor, err := a.caller(w, r, scope)
			if err != nil {
				return err
			}
			site, err := a.site(r.Context(), c.Param("tenant_id"), c.Param("realm_id"))
			if err != nil {
				return err
			}
			next(huma.WithValue(c, callKey{}, call{site, actor, r}))
			return nil
		}).ServeHTTP(w, r)
		if rec := httpx.RecordOf(r); rec != nil {
			rec.Route = c.Operation().Method + " " + c.Operation().Path
		}
	}
}

// caller is the management application whose token this is. It must be its own: one
// that a person gave to an application is for what that person may, which is not this.
func (a *API) caller(w http.ResponseWriter, r *http.Request, scope Scope) (string, error) {
	site := httpx.Site(r)
	t, err := api.Token(a.cfg.Tokens, w, r)
	if err != nil {
		return "", err
	}
	if t == nil {
		for _, challenge := range oauth.Challenges(site, "", nil) {
			w.Header().Add("WWW-Authenticate", challenge)
		}
		return "", &httpx.Problem{Status: http.StatusUnauthorized, Code: "token_required", Detail: "Send an access token of a management application."}
	}
	client, err := a.cfg.Applications.Get(r.Context(), site, t.ClientID)
	if err != nil {
		return "", err
	}
	// RFC 9068, Section 4: a token for another resource server is not for us.
	own := client.Settings.Management && t.Subject == string(t.ClientID) && slices.Contains(t.Audience, site.Issuer)
	if !own || !slices.Contains(strings.Fields(t.Scope), string(scope)) {
		// RFC 6750, Section 3.1.
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="`+string(scope)+`"`)
		return "", &httpx.Problem{Status: http.StatusForbidden, Code: "insufficient_scope",
			Detail: "This needs a token of a management application with the scope " + string(scope) + "."}
	}
	return string(t.ClientID), nil
}

func (a *API) site(ctx context.Context, tenant, id string) (*model.Site, error) {
	site, err := a.cfg.Realms.ByID(ctx, model.RealmID(id))
	if err != nil {
		return nil, refusal(err)
	}
	if string(site.Realm.TenantID) != tenant {
		return nil, notFound(nil)
	}
	return site, nil
}
