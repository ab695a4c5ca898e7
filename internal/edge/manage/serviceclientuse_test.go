package manage_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/store/litetest"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// onBoth runs a test on both databases.
func onBoth(t *testing.T, test func(t *testing.T, database func(*server.Config))) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, func(c *server.Config) { c.Database = litetest.Database(t) }) })
	t.Run("postgres", func(t *testing.T) { test(t, func(c *server.Config) { c.Database = pgtest.Database(t) }) })
}

// Requirement: svc-rotate-once
func TestOfManyRotationsOfOneVersionOneWins(t *testing.T) {
	onBoth(t, func(t *testing.T, database func(*server.Config)) {
		t.Helper()
		c := startClients(t, database)
		s := c.create("")
		token := c.token(t, manage.ServiceClientsUpdate)
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				got := c.call(t, token, http.MethodPost, c.base+"/service-clients/"+s.id+"/rotate-keys", "{}", "If-Match", `"1"`)
				switch got.Status {
				case http.StatusOK:
					won.Add(1)
				case http.StatusPreconditionFailed, http.StatusConflict:
					lost.Add(1)
				default:
					t.Errorf("got %d %s", got.Status, got.Body)
				}
			})
		}
		wg.Wait()
		if _, kids := c.listed(s); won.Load() != 1 || lost.Load() != 7 || len(kids) != 2 {
			t.Errorf("%d won and %d lost, and there are %d keys", won.Load(), lost.Load(), len(kids))
		}
	})
}

// Requirement: svc-last-use
func TestBothKeysAreListedWithTheirLastUseAlsoAfterARestart(t *testing.T) {
	onBoth(t, func(t *testing.T, database func(*server.Config)) {
		t.Helper()
		var cfg server.Config
		var old, fresh serviceClient
		var first, second time.Time
		t.Run("used", func(t *testing.T) {
			c := startClients(t, func(own *server.Config) {
				database(own)
				cfg = *own
			})
			old = c.create("")
			fresh = c.rotate(old, "")
			if all, _ := c.listed(old); all[old.key.KID()]["last_used_time"] != nil || all[fresh.key.KID()]["last_used_time"] != nil {
				t.Errorf("used before they were: %v", all)
			}
			c.turn(time.Second)
			first = time.UnixMilli(c.clock.Load())
			c.works("the old key", old, true)
			servertest.Check(t, c.Server.Applications.WriteUses(t.Context()))
			all, kids := c.listed(old)
			if got := all[old.key.KID()]["last_used_time"]; got != wire(first) || len(kids) != 2 || kids[0] != fresh.key.KID() {
				t.Errorf("the old key was last used at %v, want %s; keys %q", got, wire(first), kids)
			}
			c.turn(time.Second)
			second = time.UnixMilli(c.clock.Load())
			c.works("the new key", fresh, true) // written down as the server stops
		})
		s, err := server.Open(t.Context(), cfg)
		servertest.Check(t, err)
		defer func() { servertest.Check(t, s.Close()) }()
		site, err := s.Realms.Default(t.Context())
		servertest.Check(t, err)
		all, err := s.Applications.ServiceClients(t.Context(), site)
		servertest.Check(t, err)
		if len(all) != 1 || len(all[0].Keys) != 2 || !all[0].Keys[0].LastUsedAt.Time().Equal(first) || !all[0].Keys[1].LastUsedAt.Time().Equal(second) {
			t.Errorf("after the restart: %+v, want uses at %s and %s", all, first, second)
		}
	})
}

// wire is an instant as the API writes it.
func wire(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z07:00") }

// lines collects what a server logs.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Requirement: svc-retiring-warning
func TestTheUseOfARetiringKeyIsToldOfOnceInAnHour(t *testing.T) {
	log := &lines{}
	c := startClients(t, func(cfg *server.Config) { cfg.Logger = slog.New(slog.NewJSONHandler(log, nil)) })
	old := c.create("")
	c.works("before the rotation", old, true)
	servertest.Check(t, c.Server.Applications.WriteUses(t.Context()))
	c.turn(time.Minute)
	fresh := c.rotate(old, "")
	warning := func(s serviceClient) any {
		servertest.Check(t, c.Server.Applications.WriteUses(t.Context()))
		all, _ := c.listed(s)
		return all[s.key.KID()]["warning"]
	}
	told := func() int {
		trail := c.do(http.MethodGet, "/events?type=service_client.retiring_key_used&target="+old.id, "")
		return strings.Count(string(trail.Body), `"kid":"`+old.key.KID()+`"`)
	}
	if warning(old) != nil || told() != 0 {
		t.Errorf("warned before anybody used it: %v, %d", warning(old), told())
	}
	for range 3 {
		c.turn(time.Minute)
		c.works("the retiring key", old, true)
		c.works("the new key", fresh, true)
		// The client is read anew, as after any change of it.
		wants(t, "change", c.do(http.MethodPatch, "/service-clients/"+old.id, `{"service_client":{"description":"`+c.URL+wire(time.UnixMilli(c.clock.Load()))+`"}}`), http.StatusOK, "")
	}
	if text, _ := warning(old).(string); !strings.Contains(text, "retire_time") || warning(fresh) != nil {
		t.Errorf("warnings: %v for the old one, %v for the new one", warning(old), warning(fresh))
	}
	if n := told(); n != 1 || strings.Count(log.String(), "a key that is being retired") != 1 {
		t.Errorf("the trail has it %d times within the hour, the log: %s", n, log)
	}
	c.turn(time.Hour)
	c.works("an hour later", old, true)
	if n := told(); n != 2 {
		t.Errorf("the trail has it %d times after the hour, want 2", n)
	}
	c.turn(24 * time.Hour)
	if warning(old) != nil {
		t.Errorf("a retired key has the warning %v", warning(old))
	}
}

// Requirement: svc-secret-once
func TestThePrivateKeyOfAServiceClientIsNowhereButInTheAnswer(t *testing.T) {
	log, file := &lines{}, ""
	c := startClients(t, func(cfg *server.Config) {
		file = cfg.Database
		cfg.Logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	token := c.token(t, manage.ServiceClientsCreate, manage.ServiceClientsUpdate)
	at := c.base + "/service-clients"
	made := c.call(t, token, http.MethodPost, at, `{"service_client":{`+tills+`}}`, "Idempotency-Key", "one")
	again := c.call(t, token, http.MethodPost, at, `{"service_client":{`+tills+`}}`, "Idempotency-Key", "one")
	if made.Status != http.StatusCreated || again.Header.Get("Idempotent-Replayed") != "true" || !bytes.Equal(made.Body, again.Body) {
		t.Fatalf("made: %d %s, again: %d %s", made.Status, made.Body, again.Status, again.Body)
	}
	at += "/" + inside(made, "service_client")["client_id"].(string) + "/rotate-keys"
	rotated := c.call(t, token, http.MethodPost, at, "{}", "Idempotency-Key", "two")
	if replayed := c.call(t, token, http.MethodPost, at, "{}", "Idempotency-Key", "two"); !bytes.Equal(rotated.Body, replayed.Body) || rotated.Status != http.StatusOK {
		t.Errorf("rotated: %d %s, again: %s", rotated.Status, rotated.Body, replayed.Body)
	}
	trail := c.do(http.MethodGet, "/events", "")
	for what, a := range map[string]servertest.Answer{"create": made, "rotate": rotated} {
		var body struct {
			Key struct{ D, KID string } `json:"private_key"`
		}
		servertest.Check(t, json.Unmarshal(a.Body, &body))
		places := map[string]string{"the trail": string(trail.Body), "the log": log.String()}
		for _, suffix := range []string{"", "-wal"} {
			text, err := os.ReadFile(file + suffix)
			servertest.Check(t, err)
			places["the database"] += string(text)
		}
		if !strings.Contains(places["the database"], body.Key.KID) {
			t.Fatalf("%s: the database does not hold the kid: this test shows nothing", what)
		}
		for place, text := range places {
			if body.Key.D == "" || strings.Contains(text, body.Key.D) {
				t.Errorf("%s: %s holds the private key", what, place)
			}
		}
	}
}

// Requirement: svc-manage
func TestServiceClientsAreChangedStoppedAndRemovedAndNothingElseIsOne(t *testing.T) {
	c := startClients(t, nil)
	s := c.create("")
	at := "/service-clients/" + s.id
	changed := c.do(http.MethodPatch, at, `{"service_client":{"display_name":"Tills 2","description":null,"scopes":["a"],"access_token_lifetime":60}}`, "If-Match", `"1"`)
	is := inside(changed, "service_client")
	if is["display_name"] != "Tills 2" || is["description"] != "" || is["access_token_lifetime"] != 60.0 || is["version"] != 2.0 {
		t.Errorf("changed: %d %s", changed.Status, changed.Body)
	}
	if got := c.get(s); got.Text("scope") != "a" || got.JSON["expires_in"] != 60.0 {
		t.Errorf("its token: %s", got.Body)
	}
	wants(t, "an old version", c.do(http.MethodPatch, at, `{"service_client":{"display_name":"x"}}`, "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	wants(t, "an old version", c.do(http.MethodPost, at+"/rotate-keys", "", "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	wants(t, "an old version", c.do(http.MethodDelete, at, "", "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	wants(t, "keys here and elsewhere", c.do(http.MethodPatch, at, `{"service_client":{"jwks_uri":"https://a.example/keys"}}`), http.StatusUnprocessableEntity, "invalid_application")

	fresh := c.rotate(s, "")
	wants(t, "freeze", c.do(http.MethodPatch, at, `{"service_client":{"status":"frozen"}}`), http.StatusOK, "")
	c.works("frozen", fresh, false)
	wants(t, "thaw", c.do(http.MethodPatch, at, `{"service_client":{"status":"active"}}`), http.StatusOK, "")
	c.works("thawed", fresh, true)
	if c.status(s) != "retiring" {
		t.Errorf("the change of something else made its old key %s", c.status(s))
	}

	all := c.token(t, keys(manage.Scopes)...)
	wants(t, "another application", c.call(t, all, http.MethodPut, c.base+"/applications/worker", worker), http.StatusOK, "")
	own := c.call(t, all, http.MethodPost, c.base+"/applications", worker)
	wants(t, "another service", own, http.StatusCreated, "")
	for _, id := range []string{"worker", "management", inside(own, "application")["client_id"].(string)} {
		for method, path := range map[string]string{http.MethodGet: "", http.MethodDelete: "", http.MethodPost: "/revoke-tokens"} {
			wants(t, method+" "+id, c.do(method, "/service-clients/"+id+path, ""), http.StatusNotFound, "not_found")
		}
	}
	list := c.do(http.MethodGet, "/service-clients", "")
	if found, _ := list.JSON["service_clients"].([]any); len(found) != 1 {
		t.Errorf("listed: %s", list.Body)
	}
	wants(t, "delete", c.do(http.MethodDelete, at, ""), http.StatusNoContent, "")
	wants(t, "gone", c.do(http.MethodGet, at, ""), http.StatusNotFound, "not_found")
	c.works("gone", fresh, false)
}

// Requirement: svc-revoke-tokens
func TestAllTokensOfAServiceClientAreRevokedAndNewOnesWork(t *testing.T) {
	c := startClients(t, nil)
	s, other := c.create(""), c.create("")
	old, others := c.get(s).Text("access_token"), c.get(other).Text("access_token")
	revoked := c.do(http.MethodPost, "/service-clients/"+s.id+"/revoke-tokens", "")
	wants(t, "revoke", revoked, http.StatusOK, "")
	fresh := c.get(s).Text("access_token") // in the same millisecond: the clock stands still
	for what, tt := range map[string]struct {
		token  string
		status int
	}{"from before": {old, http.StatusUnauthorized}, "from after": {fresh, http.StatusForbidden}, "another's": {others, http.StatusForbidden}} {
		if got := c.call(t, tt.token, http.MethodGet, c.base, ""); got.Status != tt.status { // 403: it is good, and not for this
			t.Errorf("%s: %d %s, want %d", what, got.Status, got.Body, tt.status)
		}
	}
	if got := inside(c.do(http.MethodGet, "/service-clients/"+s.id, ""), "service_client")["tokens_invalid_before"]; got == nil || got != revoked.JSON["tokens_invalid_before"] {
		t.Errorf("tokens_invalid_before is %v, and was answered as %v", got, revoked.JSON["tokens_invalid_before"])
	}
}
