package oauthhttp

import (
	"net/http"

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
	mux.HandleFunc("OPTIONS "+path, preflight)
	mux.Handle(path, allowCORS(httpx.API(httpx.Missing(mux, "There is nothing here."))))
}
