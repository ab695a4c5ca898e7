package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/realm"
)

// A path of one realm must not lead into another, however it is spelled.
func TestRequestsToARealmStayInIt(t *testing.T) {
	w := servertest.Start(t, nil)
	_, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "acme", Policy: model.RealmPolicy{Development: true}})
	servertest.Check(t, err)
	for _, path := range []string{"", "/", "/v1", "/v1/", "/v1/me", "//v1/me", "/./v1/me", "/x/../v1/me", "/../v1/me", "/approver", "/approver/", "//approver", "/oauth",
		"/oauth/", "/signin/", "/signin", "//", "/%2e%2e/v1/me", "/..%2fv1/me", "/../../signin", "/.well-known", "/livez", "/v1//me", "/v1/approvals/"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			got := servertest.Do(t, method, w.URL+"/realms/acme"+path, nil)
			if to := got.Header.Get("Location"); to != "" && to != "/realms/acme" && !strings.HasPrefix(to, "/realms/acme/") {
				t.Errorf("%s %s: %d to %s", method, path, got.Status, to)
			}
			if got.Status >= 500 && got.Status != 503 || got.Status == 200 && strings.Contains(string(got.Body), `"issuer":"`+w.URL+`"`) {
				t.Errorf("%s %s: %d %s", method, path, got.Status, got.Body)
			}
		}
	}
	for path, want := range map[string]int{"/realms/acme/v1/me": 401, "/realms/nobody/v1/me": 404, "/realms/default/v1/me": 404, "/realms/ACME/v1/me": 404,
		"/realms/": 404, "/realms": 404, "/realms//v1/me": 404, "/v1/me": 401, "/nothing": 404} {
		if got := w.Get(t, path); got.Status != want {
			t.Errorf("%s: %d, want %d", path, got.Status, want)
		}
	}
}
