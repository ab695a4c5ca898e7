package oauthhttp

import (
	"net/http"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
)

// Scripts of any origin may read these answers: they hold nothing that depends
// on a cookie, and without Access-Control-Allow-Credentials none is sent. The
// headers are always there, so that an answer in a shared cache is good for
// every origin (Fetch Standard, Section 3.3.5).
func allowCORS(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Access-Control-Allow-Origin"] = anyOrigin
		h["Access-Control-Expose-Headers"] = exposed
		next.ServeHTTP(w, r)
	})
}

// Header values that are never changed in place. The request headers are those
// that OAuth and MCP clients send: whatever version of the protocol they speak.
var (
	anyOrigin = []string{"*"}
	exposed   = []string{"WWW-Authenticate, DPoP-Nonce, Retry-After"}
)

// preflight answers what a browser asks before it sends such headers.
func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h["Access-Control-Allow-Origin"] = anyOrigin
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, OPTIONS")
	h.Set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, DPoP, MCP-Protocol-Version, Prefer")
	h.Set("Access-Control-Max-Age", "7200")
	w.WriteHeader(http.StatusNoContent)
}

// A method and the handler for it.
type method struct {
	name   string
	handle httpx.HandlerFunc
}

// openRoute registers a path that scripts of any origin may call. What comes with
// another method is refused so that a script can read it, too.
func openRoute(mux *http.ServeMux, path string, methods ...method) {
	for _, m := range methods {
		mux.Handle(m.name+" "+path, allowCORS(refusing(m.handle)))
	}
	openRest(mux, path)
}

// openRest answers whatever other method comes to an open path.
func openRest(mux *http.ServeMux, path string) {
	mux.HandleFunc("OPTIONS "+path, preflight)
	mux.Handle(path, allowCORS(wrongMethod(mux)))
}

// closedRoute registers a path that programs call and scripts of other origins
// do not.
func closedRoute(mux *http.ServeMux, path string, methods ...method) {
	for _, m := range methods {
		mux.Handle(m.name+" "+path, refusing(m.handle))
	}
	mux.Handle(path, wrongMethod(mux))
}

// wrongMethod refuses in the form of this surface's other errors, with the methods
// that there are (RFC 9110, Section 15.5.6).
func wrongMethod(mux *http.ServeMux) http.Handler {
	return httpx.Adapt(func(w http.ResponseWriter, r *http.Request) error {
		httpx.Note(r, "method_not_allowed", nil)
		w.Header().Set("Allow", strings.Join(httpx.Allowed(mux, r), ", "))
		return httpx.WriteRaw(w, http.StatusMethodNotAllowed, "application/json", wrongMethodBody)
	}, writeRefusal)
}

var wrongMethodBody = []byte(`{"error":"invalid_request","error_description":"this address takes requests of another method"}`)

// unknownWellKnown answers for documents that are not here. Clients in browsers
// look for some and go on without them, if they may read that there are none.
func unknownWellKnown() http.Handler {
	missing := httpx.API(func(http.ResponseWriter, *http.Request) error {
		return &httpx.Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing here."}
	})
	return allowCORS(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodOptions {
			preflight(w, r)
			return
		}
		missing.ServeHTTP(w, r)
	}))
}

// OpenToScripts lets scripts of any origin read an answer that was written
// elsewhere.
func OpenToScripts(h http.Header) {
	h["Access-Control-Allow-Origin"] = anyOrigin
}
