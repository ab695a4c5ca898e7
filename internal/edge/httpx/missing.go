package httpx

import (
	"net/http"
	"strings"
)

// Missing answers what mux has no better pattern for: 405 if the path is
// served with other methods, which Allow lists (RFC 9110, Section 15.5.6), else
// 404. A mux with a pattern for everything cannot do that by itself.
func Missing(mux *http.ServeMux, detail string) HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		allow := Allowed(mux, r)
		if len(allow) == 0 {
			return &Problem{Status: http.StatusNotFound, Code: "not_found", Detail: detail}
		}
		w.Header().Set("Allow", strings.Join(allow, ", "))
		return &Problem{Status: http.StatusMethodNotAllowed, Code: "method_not_allowed", Title: "Not like this",
			Detail: "This address takes requests of another kind."}
	}
}

// Allowed lists the methods for which mux has another pattern than the one
// that serves r.
func Allowed(mux *http.ServeMux, r *http.Request) []string {
	var found []string
	for _, method := range [...]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut,
		http.MethodPatch, http.MethodDelete, http.MethodOptions} {
		probe := *r
		probe.Method = method
		if _, pattern := mux.Handler(&probe); pattern != "" && pattern != r.Pattern {
			found = append(found, method)
		}
	}
	return found
}
