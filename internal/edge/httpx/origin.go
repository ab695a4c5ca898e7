package httpx

import (
	"net/http"
	"slices"
)

// AllowOrigin lets scripts of the request's origin read the answer if it is one of
// those trusted, without cookies, and reports whether it is. Whatever it is, the
// answer is for this origin alone (Fetch Standard, Section 3.3.3).
func AllowOrigin(w http.ResponseWriter, r *http.Request, trusted []string) bool {
	h, origin := w.Header(), r.Header.Get("Origin")
	if !slices.Contains(h.Values("Vary"), "Origin") {
		h.Add("Vary", "Origin")
	}
	if origin == "" || !slices.Contains(trusted, origin) {
		h.Del("Access-Control-Allow-Origin")
		return false
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "Retry-After")
	return true
}

// Preflight answers what a browser asks before it lets a script of a trusted origin
// send JSON. Others are told nothing, which is a no.
func Preflight(w http.ResponseWriter, r *http.Request, trusted []string) {
	if AllowOrigin(w, r, trusted) {
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Accept, Content-Type")
		h.Set("Access-Control-Max-Age", "600") // an origin may cease to be trusted
	}
	w.WriteHeader(http.StatusNoContent)
}

// SameOrigin adapts a handler that a cookie alone authorises: what another
// site makes a browser send is refused (http.CrossOriginProtection).
func SameOrigin(h HandlerFunc) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(API(func(http.ResponseWriter, *http.Request) error {
		return &Problem{Status: http.StatusForbidden, Code: "cross_origin",
			Detail: "This request came from another site."}
	}))
	return guard.Handler(API(h))
}
