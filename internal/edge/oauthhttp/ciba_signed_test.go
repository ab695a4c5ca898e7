package oauthhttp_test

import (
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/sdk/evidence"
)

// An asker is an application that signs its backchannel requests.
type asker struct {
	*servertest.World
	servertest.App
}

func newAsker(t testing.TB, w *servertest.World, settings model.ApplicationSettings) asker {
	t.Helper()
	key := newKey(t, jose.ES256)
	a := asker{w, w.App(t, application.NewApplication{JWKS: publicKeys(key), Scopes: []string{"deploy"}, Settings: settings})}
	a.Key = key
	return a
}

// request signs a good backchannel request with changes; nil leaves a claim out.
func (a asker) request(t testing.TB, changes map[string]any) string {
	t.Helper()
	now := time.Now().Unix()
	c := map[string]any{"iss": a.ID, "aud": a.URL, "iat": now, "nbf": now, "exp": now + 300, "jti": ids.Secret(),
		"login_hint": "alex", "scope": "openid deploy"}
	for name, value := range changes {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
	return sign(t, a.Key, "JWT", c)
}

func (a asker) send(t testing.TB, request string, outside ...string) servertest.Answer {
	t.Helper()
	return a.Post(t, "/oauth/bc-authorize", a.Form(append([]string{"request", request}, outside...)...))
}

// Requirement: ciba-signed-request, ciba-parameters
func TestASignedBackchannelRequestIsAllThatIsAsked(t *testing.T) {
	w := servertest.Start(t, nil)
	a := newAsker(t, w, model.ApplicationSettings{})
	person, _ := w.Person(t, "alex")
	for _, expiry := range []any{60, "60"} {
		asked := a.send(t, a.request(t, map[string]any{"binding_message": "Deploy v2", "requested_expiry": expiry,
			"authorization_details": []any{map[string]any{"type": "assent_action", "command": []string{"./deploy.sh"}}}}),
			"login_hint", "nobody", "login_hint_token", "x", "binding_message", "Pay", "scope", "root", "resource", "https://evil.example")
		if asked.Status != 200 || asked.JSON["expires_in"] != 60.0 {
			t.Fatalf("got %d %s", asked.Status, asked.Body)
		}
		done, err := person.Decide(t.Context(), asked.Text("approval_id"), evidence.Approve)
		servertest.Check(t, err)
		if act := done.Statement.Action; act.BindingMessage != "Deploy v2" || act.Scope != "openid deploy" || len(act.Resource) != 0 || len(act.AuthorizationDetails) != 1 {
			t.Errorf("stated %+v", act)
		}
		if got := poll(t, w, a.App, asked.Text("auth_req_id")); got.Text("scope") != "openid deploy" {
			t.Errorf("tokens: %d %s", got.Status, got.Body)
		}
	}
}

// Requirement: ciba-signed-request, jar-none-never
func TestSignedBackchannelRequestsThatAreWrongAreRefused(t *testing.T) {
	w := servertest.Start(t, nil)
	a := newAsker(t, w, model.ApplicationSettings{CIBARequestAlg: "ES256"})
	w.Person(t, "alex")
	other := asker{w, a.App}
	other.Key = newKey(t, jose.ES256)
	now := time.Now().Unix()
	tests := []struct {
		name    string
		by      asker
		changes map[string]any
		want    string
	}{
		{"signed by a stranger", other, nil, "invalid_request_object"},
		{"without iss", a, map[string]any{"iss": nil}, "invalid_request_object"},
		{"without aud", a, map[string]any{"aud": nil}, "invalid_request_object"},
		{"without exp", a, map[string]any{"exp": nil}, "invalid_request_object"},
		{"without iat", a, map[string]any{"iat": nil}, "invalid_request_object"},
		{"without nbf", a, map[string]any{"nbf": nil}, "invalid_request_object"},
		{"without jti", a, map[string]any{"jti": nil}, "invalid_request_object"},
		{"with an empty jti", a, map[string]any{"jti": ""}, "invalid_request_object"},
		{"of another client", a, map[string]any{"iss": "svc_else"}, "invalid_request_object"},
		{"for another server", a, map[string]any{"aud": "https://else.example"}, "invalid_request_object"},
		{"expired", a, map[string]any{"exp": now - 1}, "invalid_request_object"},
		{"not valid yet", a, map[string]any{"nbf": now + 60}, "invalid_request_object"},
		{"over an hour", a, map[string]any{"exp": now + 3700}, "invalid_request_object"},
		{"with a request inside", a, map[string]any{"request": "a.b.c"}, "invalid_request_object"},
		{"without a hint", a, map[string]any{"login_hint": nil}, "invalid_request"},
		{"with two hints", a, map[string]any{"id_token_hint": "x"}, "invalid_request"},
		{"with a scope that is not registered", a, map[string]any{"scope": "root"}, "invalid_scope"},
		{"with a bad message", a, map[string]any{"binding_message": "a\nb"}, "invalid_binding_message"},
	}
	for _, tt := range tests {
		if got := a.send(t, tt.by.request(t, tt.changes)); got.Status != 400 || got.Text("error") != tt.want {
			t.Errorf("%s: %d %s", tt.name, got.Status, got.Body)
		}
	}
	if got := a.send(t, "eyJhbGciOiJub25lIn0.e30."); got.Text("error") != "request_not_supported" {
		t.Errorf("unsigned: %d %s", got.Status, got.Body)
	}
	if got := w.Post(t, "/oauth/bc-authorize", a.Form("request_uri", "https://a.example/r")); got.Text("error") != "request_uri_not_supported" {
		t.Errorf("request_uri: %d %s", got.Status, got.Body)
	}
	if got := w.Post(t, "/oauth/bc-authorize", url.Values{"client_id": {a.ID}, "request": {a.request(t, nil)}}); got.Status != 401 {
		t.Errorf("a signed request is no client authentication: %d %s", got.Status, got.Body)
	}
	if list, err := w.Server.Audit.Page(t.Context(), w.Site, "", 100); err != nil || count(list, "approval.asked") != 0 {
		t.Errorf("refused requests left approvals: %v, %v", list, err)
	}
}

// Requirement: ciba-signed-request, jar-algorithm
func TestASignedBackchannelRequestHasTheRegisteredAlgorithm(t *testing.T) {
	w := servertest.Start(t, nil)
	w.Person(t, "alex")
	for _, alg := range []string{"", "ES256", "PS256"} {
		a := newAsker(t, w, model.ApplicationSettings{CIBARequestAlg: alg})
		if got := a.send(t, a.request(t, nil)); (got.Status == 200) != (alg != "PS256") {
			t.Errorf("%q: %d %s", alg, got.Status, got.Body)
		}
	}
}

// FAPI-CIBA, Section 5.2.2.
//
// Requirement: ciba-signed-request, profile-fapi-ciba
func TestWhereSigningIsRequiredAPlainBackchannelRequestIsRefused(t *testing.T) {
	w := servertest.Start(t, nil)
	a := newAsker(t, w, model.ApplicationSettings{RequireSignedCIBA: true})
	w.Person(t, "alex")
	if got := w.Post(t, "/oauth/bc-authorize", a.Form("login_hint", "alex")); got.Status != 400 || got.Text("error") != "invalid_request" {
		t.Errorf("plain: %d %s", got.Status, got.Body)
	}
	if got := a.send(t, a.request(t, nil)); got.Status != 200 {
		t.Errorf("signed: %d %s", got.Status, got.Body)
	}
}

// The jti is the name of a request, for persons and for strangers alike. What was
// refused for something else may come again.
//
// Requirement: ciba-signed-request
func TestASignedBackchannelRequestAsksOnce(t *testing.T) {
	w := servertest.Start(t, nil)
	a := newAsker(t, w, model.ApplicationSettings{})
	w.Person(t, "alex")
	for _, who := range []string{"alex", "nobody"} {
		request := a.request(t, map[string]any{"login_hint": who})
		var ok, used atomic.Int32
		atOnce(func(int) {
			switch got := a.send(t, request); {
			case got.Status == 200:
				ok.Add(1)
			case got.Text("error") == "invalid_request_object":
				used.Add(1)
			default:
				t.Errorf("%d %s", got.Status, got.Body)
			}
		})
		if ok.Load() != 1 || used.Load() != 31 {
			t.Errorf("%s: %d asked, %d were refused", who, ok.Load(), used.Load())
		}
	}
	jti := ids.Secret()
	if got := a.send(t, a.request(t, map[string]any{"jti": jti, "scope": "root"})); got.Text("error") != "invalid_scope" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if got := a.send(t, a.request(t, map[string]any{"jti": jti})); got.Status != http.StatusOK {
		t.Errorf("mended, with the same jti: %d %s", got.Status, got.Body)
	}
	other := newAsker(t, w, model.ApplicationSettings{})
	if got := other.send(t, other.request(t, map[string]any{"jti": jti})); got.Status != http.StatusOK {
		t.Errorf("another client's jti %s: %d %s", strconv.Quote(jti), got.Status, got.Body)
	}
}
