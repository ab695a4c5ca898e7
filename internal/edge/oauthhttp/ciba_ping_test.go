package oauthhttp_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/sdk/evidence"
)

// A ping as it came.
type ping struct {
	method, path, token, kind, body string
	at                              time.Time
}

// A receiver is the notification endpoint of a client.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []ping
}

func newReceiver(t *testing.T, status int) *receiver {
	t.Helper()
	r := &receiver{status: status}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, ping{req.Method, req.URL.Path, req.Header.Get("Authorization"), req.Header.Get("Content-Type"), string(body), time.Now()})
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) pings() []ping {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]ping(nil), r.got...)
}

// await waits for n pings, and a little longer for one too many.
func (r *receiver) await(t *testing.T, n int) []ping {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); len(r.pings()) < n; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d pings came, want %d", len(r.pings()), n)
		}
	}
	time.Sleep(200 * time.Millisecond)
	got := r.pings()
	if len(got) != n {
		t.Fatalf("%d pings came, want %d: %+v", len(got), n, got)
	}
	return got
}

func pinged(t *testing.T, w *servertest.World, r *receiver) servertest.App {
	t.Helper()
	return w.App(t, application.NewApplication{Settings: model.ApplicationSettings{DeliveryMode: "ping", NotificationEndpoint: r.URL + "/ping"}})
}

func reachable(c *server.Config) { c.FetchAllow = []string{"127.0.0.1"} }

// CIBA Core 1.0, Section 10.2. The end and its ping are one transaction, so what
// the client fetches then is there.
//
// Requirement: ciba-ping, fetch-everywhere
func TestAPingClientIsToldWhenAPersonHasDecided(t *testing.T) {
	w := servertest.Start(t, reachable)
	r := newReceiver(t, http.StatusNoContent)
	app := pinged(t, w, r)
	person, _ := w.Person(t, "alex")
	for i, answer := range []string{evidence.Approve, evidence.Deny} {
		token := ids.Secret()
		asked := ask(t, w, app, "login_hint", "alex", "client_notification_token", token)
		if asked.Status != 200 || asked.JSON["interval"] != 5.0 {
			t.Fatalf("got %d %s", asked.Status, asked.Body)
		}
		if got := poll(t, w, app, asked.Text("auth_req_id")); got.Text("error") != "authorization_pending" {
			t.Errorf("a ping client may poll: %d %s", got.Status, got.Body)
		}
		if got := r.pings(); len(got) != i {
			t.Fatalf("pinged before the decision: %+v", got)
		}
		_, err := person.Decide(t.Context(), asked.Text("approval_id"), answer)
		servertest.Check(t, err)
		decided := time.Now()
		got := r.await(t, i+1)[i]
		want := ping{http.MethodPost, "/ping", "Bearer " + token, "application/json", `{"auth_req_id":"` + asked.Text("auth_req_id") + `"}`, got.at}
		if got != want {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
		if late := got.at.Sub(decided); late > 3*time.Second { // unwoken, the outbox looks every 5 s
			t.Errorf("it came %v after the decision", late)
		}
		outcome := map[string]string{evidence.Approve: "", evidence.Deny: "access_denied"}[answer]
		if got := poll(t, w, app, asked.Text("auth_req_id")); got.Text("error") != outcome {
			t.Errorf("after the ping: %d %s", got.Status, got.Body)
		}
	}
}

// Nobody can tell from the ping whether there was somebody to ask.
//
// Requirement: ciba-ping, ciba-strangers
func TestAPingComesAtTheExpiryForPersonsAndStrangersAlike(t *testing.T) {
	w := servertest.Start(t, reachable)
	r := newReceiver(t, http.StatusOK)
	app := pinged(t, w, r)
	w.Person(t, "alex")
	sent := map[string]string{} // body → who
	for _, who := range []string{"alex", "nobody"} {
		asked := ask(t, w, app, "login_hint", who, "client_notification_token", ids.Secret(), "requested_expiry", "1")
		if asked.Status != 200 {
			t.Fatalf("%s: %d %s", who, asked.Status, asked.Body)
		}
		sent[`{"auth_req_id":"`+asked.Text("auth_req_id")+`"}`] = who
	}
	began := time.Now()
	for _, p := range r.await(t, 2) {
		if who := sent[p.body]; who == "" || p.at.Sub(began) < 500*time.Millisecond {
			t.Errorf("%q after %v: %+v", who, p.at.Sub(began), p)
		}
		delete(sent, p.body)
	}
}

// Requirement: ciba-ping, ciba-withdraw
func TestWhoTookARequestBackOrPollsIsNotPinged(t *testing.T) {
	w := servertest.Start(t, reachable)
	r := newReceiver(t, http.StatusOK)
	app := pinged(t, w, r)
	polls := w.App(t, application.NewApplication{Settings: model.ApplicationSettings{NotificationEndpoint: r.URL + "/ping"}})
	person, _ := w.Person(t, "alex")
	asked := ask(t, w, app, "login_hint", "alex", "client_notification_token", ids.Secret())
	if got := w.Post(t, "/oauth/revoke", app.Form("token", asked.Text("auth_req_id"))); got.Status != 200 {
		t.Errorf("withdraw: %d %s", got.Status, got.Body)
	}
	asked = ask(t, w, polls, "login_hint", "alex", "client_notification_token", "too short, and ignored")
	_, err := person.Decide(t.Context(), asked.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	asked = ask(t, w, app, "login_hint", "alex", "client_notification_token", ids.Secret())
	_, err = person.Decide(t.Context(), asked.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	if got := r.await(t, 1); !strings.Contains(got[0].body, asked.Text("auth_req_id")) {
		t.Errorf("got %+v", got)
	}
}

// Requirement: ciba-ping
func TestARefusedPingIsNotRepeatedAndARedirectNotFollowed(t *testing.T) {
	w := servertest.Start(t, reachable)
	person, _ := w.Person(t, "alex")
	for _, status := range []int{http.StatusUnauthorized, http.StatusFound, http.StatusTemporaryRedirect, http.StatusNotFound} {
		r := newReceiver(t, status)
		asked := ask(t, w, pinged(t, w, r), "login_hint", "alex", "client_notification_token", ids.Secret())
		_, err := person.Decide(t.Context(), asked.Text("approval_id"), evidence.Deny)
		servertest.Check(t, err)
		if got := r.await(t, 1); got[0].path != "/ping" {
			t.Errorf("%d: %+v", status, got)
		}
	}
}

// A guard stands between a client's address and the inside of the network.
//
// Requirement: fetch-everywhere, fetch-public-only
func TestAPingGoesToPublicAddressesAlone(t *testing.T) {
	w := servertest.Start(t, nil)
	r := newReceiver(t, http.StatusOK)
	app := w.App(t, application.NewApplication{Settings: model.ApplicationSettings{DeliveryMode: "ping",
		NotificationEndpoint: "https" + strings.TrimPrefix(r.URL, "http") + "/ping"}})
	person, _ := w.Person(t, "alex")
	asked := ask(t, w, app, "login_hint", "alex", "client_notification_token", ids.Secret())
	_, err := person.Decide(t.Context(), asked.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	time.Sleep(time.Second)
	if got := r.pings(); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	if got := poll(t, w, app, asked.Text("auth_req_id")); got.Status != 200 {
		t.Errorf("the poll works all the same: %d %s", got.Status, got.Body)
	}
}

// Requirement: ciba-ping-token
func TestAPingClientBringsATokenThatCanBeABearerToken(t *testing.T) {
	w := servertest.Start(t, reachable)
	app := pinged(t, w, newReceiver(t, http.StatusOK))
	w.Person(t, "alex")
	tests := []struct {
		name, token string
		ok          bool
	}{
		{"none", "", false},
		{"too short for 128 bits", strings.Repeat("a", 21), false},
		{"128 bits", strings.Repeat("a", 22), true},
		{"1024 characters", strings.Repeat("a", 1024), true},
		{"1025 characters", strings.Repeat("a", 1025), false},
		{"all characters that there are", "-._~+/0123456789azAZ_-==", true},
		{"padding inside", strings.Repeat("a", 22) + "=a", false},
		{"a space", strings.Repeat("a", 22) + " b", false},
		{"a line break", strings.Repeat("a", 22) + "\r\nX-Header: 1", false},
		{"beyond ASCII", strings.Repeat("é", 22), false},
		{"padding alone", strings.Repeat("=", 22), false},
	}
	for _, tt := range tests {
		got := ask(t, w, app, "login_hint", "alex", "client_notification_token", tt.token)
		if want := map[bool]string{true: "", false: "invalid_request"}[tt.ok]; got.Text("error") != want || (got.Status == 200) != tt.ok {
			t.Errorf("%s: %d %s", tt.name, got.Status, got.Body)
		}
	}
}

// Whoever reads the database can neither ping in our name nor poll.
//
// Requirement: ciba-ping
func TestTheDatabaseDoesNotTellWhatAPingHolds(t *testing.T) {
	folder := t.TempDir()
	w := servertest.Start(t, func(c *server.Config) { reachable(c); c.Database = filepath.Join(folder, "a.sqlite") })
	app := pinged(t, w, newReceiver(t, http.StatusInternalServerError)) // so that it stays in the outbox
	person, _ := w.Person(t, "alex")
	token := ids.Secret()
	asked := ask(t, w, app, "login_hint", "alex", "client_notification_token", token)
	ask(t, w, app, "login_hint", "nobody", "client_notification_token", token)
	_, err := person.Decide(t.Context(), asked.Text("approval_id"), evidence.Approve)
	servertest.Check(t, err)
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	servertest.Check(t, err)
	var all []byte
	for _, name := range files {
		content, err := os.ReadFile(name)
		servertest.Check(t, err)
		all = append(all, content...)
	}
	if !strings.Contains(string(all), asked.Text("approval_id")) || !strings.Contains(string(all), `{"client":"`+app.ID) {
		t.Fatal("this is not the database")
	}
	if strings.Contains(string(all), token) || strings.Contains(string(all), asked.Text("auth_req_id")) {
		t.Error("it is in the database")
	}
}
