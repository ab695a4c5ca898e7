package httpx

import "net/http"

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
