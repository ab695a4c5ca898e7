package manage_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
)

// A clientWorld is a server whose clock stands still unless it is moved, and what
// manages its service clients.
type clientWorld struct {
	*world
	t     *testing.T
	clock *atomic.Int64 // Unix milliseconds
}

func startClients(t *testing.T, change func(*server.Config)) *clientWorld {
	t.Helper()
	c := &clientWorld{t: t, clock: &atomic.Int64{}}
	c.clock.Store(time.Now().UnixMilli())
	s := servertest.Start(t, func(cfg *server.Config) {
		cfg.Now = func() time.Time { return time.UnixMilli(c.clock.Load()) }
		if change != nil {
			change(cfg)
		}
	})
	c.world = &world{World: s, base: baseOf(s.URL, s.Site)}
	return c
}

func (c *clientWorld) turn(d time.Duration) { c.clock.Add(d.Milliseconds()) }

// do calls an operation under /service-clients with a token of now.
func (c *clientWorld) do(method, path, body string, headers ...string) servertest.Answer {
	c.t.Helper()
	token := c.token(c.t, manage.ServiceClientsCreate, manage.ServiceClientsRead, manage.ServiceClientsUpdate, manage.ServiceClientsDelete, manage.TokensDelete, manage.EventsRead)
	return c.call(c.t, token, method, c.base+path, body, headers...)
}

// A serviceClient is one with a key that it signs with.
type serviceClient struct {
	id  string
	key *jose.PrivateKey
}

const tills = `"display_name":"Tills","description":"The tills","scopes":["devices:read","transactions:read"]`

// create makes one; more are members of its body.
func (c *clientWorld) create(more string) serviceClient {
	c.t.Helper()
	made := c.do(http.MethodPost, "/service-clients", `{"service_client":{`+tills+more+`}}`)
	if made.Status != http.StatusCreated {
		c.t.Fatalf("create: %d %s", made.Status, made.Body)
	}
	return serviceClient{id: inside(made, "service_client")["client_id"].(string), key: c.privateKey(made)}
}

// privateKey is the one that an answer shows; nil: it shows none.
func (c *clientWorld) privateKey(a servertest.Answer) *jose.PrivateKey {
	c.t.Helper()
	var body struct {
		Key json.RawMessage `json:"private_key"`
	}
	servertest.Check(c.t, json.Unmarshal(a.Body, &body))
	if body.Key == nil {
		return nil
	}
	key, err := jose.ParsePrivate(body.Key)
	servertest.Check(c.t, err)
	return key
}

// get asks for a token with a new assertion.
func (c *clientWorld) get(s serviceClient, pairs ...string) servertest.Answer {
	c.t.Helper()
	now := c.clock.Load() / 1000
	app := servertest.App{ID: s.id, Key: s.key}
	return c.Post(c.t, "/oauth/token", app.AssertionForm(c.t, c.URL, map[string]any{"iat": now, "exp": now + 60, "jti": ids.Secret()},
		append([]string{"grant_type", "client_credentials"}, pairs...)...))
}

// works checks whether a client gets tokens now.
func (c *clientWorld) works(what string, s serviceClient, want bool) {
	c.t.Helper()
	got := c.get(s)
	if want && got.Status != http.StatusOK || !want && (got.Status != http.StatusUnauthorized || got.Text("error") != "invalid_client") {
		c.t.Errorf("%s: %d %s, want it to work: %t", what, got.Status, got.Body, want)
	}
}

// rotate gives it a new key.
func (c *clientWorld) rotate(s serviceClient, body string) serviceClient {
	c.t.Helper()
	got := c.do(http.MethodPost, "/service-clients/"+s.id+"/rotate-keys", body)
	wants(c.t, "rotate", got, http.StatusOK, "")
	return serviceClient{s.id, c.privateKey(got)}
}

// listed are the keys of a client by kid, and all kids in their order.
func (c *clientWorld) listed(s serviceClient) (byKID map[string]map[string]any, kids []string) {
	c.t.Helper()
	byKID = map[string]map[string]any{}
	list, _ := inside(c.do(http.MethodGet, "/service-clients/"+s.id, ""), "service_client")["keys"].([]any)
	for _, one := range list {
		key, _ := one.(map[string]any)
		kid, _ := key["kid"].(string)
		byKID[kid], kids = key, append(kids, kid)
	}
	return byKID, kids
}

func (c *clientWorld) status(s serviceClient) string {
	c.t.Helper()
	all, _ := c.listed(s)
	text, _ := all[s.key.KID()]["status"].(string)
	return text
}

func tokenPart(t *testing.T, compact string, part int) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(compact, ".")[part])
	servertest.Check(t, err)
	var v map[string]any
	servertest.Check(t, json.Unmarshal(raw, &v))
	return v
}

// checkToken: what a service client gets, whatever its key is.
func (c *clientWorld) checkToken(what string, s serviceClient) {
	c.t.Helper()
	got := c.get(s, "scope", "devices:read")
	if got.Status != http.StatusOK || got.Text("scope") != "devices:read" || got.Text("token_type") != "Bearer" || got.JSON["expires_in"] != 300.0 || got.JSON["refresh_token"] != nil {
		c.t.Fatalf("%s: %d %s", what, got.Status, got.Body)
	}
	header, claims := tokenPart(c.t, got.Text("access_token"), 0), tokenPart(c.t, got.Text("access_token"), 1)
	if header["typ"] != "at+jwt" || claims["sub"] != s.id || claims["client_id"] != s.id || claims["exp"].(float64)-claims["iat"].(float64) != 300 {
		c.t.Errorf("%s: the token says %v %v", what, header, claims)
	}
	if got := c.get(s); got.Text("scope") != "devices:read transactions:read" {
		c.t.Errorf("%s: without a scope: %s", what, got.Body)
	}
	if got := c.get(s, "scope", "devices:read devices:write"); got.Status != http.StatusBadRequest || got.Text("error") != "invalid_scope" {
		c.t.Errorf("%s: more than it is registered for: %d %s", what, got.Status, got.Body)
	}
}

// The seed's line: kty, crv, x, y, d, alg, kid.
var oneLineKey = regexp.MustCompile(`"private_key":\{"kty":"EC","crv":"P-256","x":"[\w-]{43}","y":"[\w-]{43}","d":"[\w-]{43}","alg":"ES256","kid":"[\w-]{43}","use":"sig"\}`)

// Requirement: svc-server-key, svc-token
func TestAServiceClientGetsTokensWithTheKeyThatItWasGivenOnce(t *testing.T) {
	c := startClients(t, nil)
	made := c.do(http.MethodPost, "/service-clients", `{"service_client":{`+tills+`}}`)
	wants(t, "create", made, http.StatusCreated, "")
	if !oneLineKey.Match(made.Body) || strings.Contains(strings.TrimSpace(string(made.Body)), "\n") {
		t.Errorf("the key is not in one line, in the order in which people know it: %s", made.Body)
	}
	if id := inside(made, "service_client")["client_id"].(string); !strings.HasPrefix(id, "svc_") {
		t.Errorf("client_id %q", id)
	}
	c.checkToken("ES256", serviceClient{inside(made, "service_client")["client_id"].(string), c.privateKey(made)})
	for _, path := range []string{"/service-clients", "/service-clients/" + inside(made, "service_client")["client_id"].(string)} {
		if got := c.do(http.MethodGet, path, ""); got.Status != http.StatusOK || strings.Contains(string(got.Body), "private") || strings.Contains(string(got.Body), `"d":`) {
			t.Errorf("%s: %d %s", path, got.Status, got.Body)
		}
	}
	eddsa := c.create(`,"key_alg":"EdDSA"`)
	if eddsa.key.Alg() != jose.EdDSA {
		t.Errorf("key_alg EdDSA made a key for %s", eddsa.key.Alg())
	}
	c.checkToken("EdDSA", eddsa)
}

// Requirement: svc-own-key, svc-token
func TestAServiceClientBringsItsOwnKeyAndThePrivateHalfNeverTravels(t *testing.T) {
	c := startClients(t, func(cfg *server.Config) { cfg.FetchAllow = []string{"127.0.0.1"} })
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.PS256} {
		key, err := jose.Generate(alg)
		servertest.Check(t, err)
		s := c.create(`,"jwk":` + string(key.Public().JSON()))
		if s.key != nil {
			t.Errorf("%s: a private key was made", alg)
		}
		s.key = key
		c.checkToken("own "+string(alg), s)
	}
	// An RSA key that says nothing of PS256 is for it all the same.
	key, err := jose.Generate(jose.PS256)
	servertest.Check(t, err)
	s := c.create(`,"jwk":` + strings.Replace(string(key.Public().JSON()), `"alg":"PS256",`, "", 1))
	s.key = key
	c.checkToken("RSA without alg", s)

	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = fmt.Fprintf(w, `{"keys":[%s]}`, key.Public().JSON())
	}))
	defer published.Close()
	elsewhere := c.create(`,"jwks_uri":"` + published.URL + `/keys"`)
	elsewhere.key = key
	c.checkToken("jwks_uri", elsewhere)
	wants(t, "rotate keys that are elsewhere", c.do(http.MethodPost, "/service-clients/"+elsewhere.id+"/rotate-keys", "{}"), http.StatusConflict, "keys_elsewhere")
	if _, kids := c.listed(elsewhere); len(kids) != 0 {
		t.Errorf("it has keys here: %q", kids)
	}
}

// Requirement: svc-own-key
func TestKeysThatMustNotBeTakenAreRefusedWithoutAWordOfThem(t *testing.T) {
	c := startClients(t, nil)
	private, err := jose.Generate(jose.ES256)
	servertest.Check(t, err)
	secret, err := private.MarshalPrivate()
	servertest.Check(t, err)
	rsa, err := jose.Generate(jose.RS256)
	servertest.Check(t, err)
	public := string(private.Public().JSON())
	client := c.create("")
	var d struct{ D string }
	servertest.Check(t, json.Unmarshal(secret, &d))
	for what, jwk := range map[string]string{
		"a private key":     string(secret),
		"RS256":             string(rsa.Public().JSON()),
		"a symmetric key":   `{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}`,
		"another curve":     `{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}`,
		"for encryption":    strings.Replace(public, `"use":"sig"`, `"use":"enc"`, 1),
		"another algorithm": strings.Replace(public, `"alg":"ES256"`, `"alg":"EdDSA"`, 1),
		"a set":             `{"keys":[` + public + `]}`,
		"no key":            `{}`,
		"text":              `"` + d.D + `"`,
	} {
		for path, body := range map[string]string{"/service-clients": `{"service_client":{` + tills + `,"jwk":` + jwk + `}}`, "/service-clients/" + client.id + "/rotate-keys": `{"jwk":` + jwk + `}`} {
			got := c.do(http.MethodPost, path, body)
			wants(t, what, got, http.StatusUnprocessableEntity, "invalid_application")
			if strings.Contains(string(got.Body), d.D) {
				t.Errorf("%s: the refusal repeats the key: %s", what, got.Body)
			}
		}
	}
	for what, more := range map[string]string{"two keys": `,"key_alg":"ES256","jwk":` + public, "a key and an address": `,"jwks_uri":"https://a.example/k","jwk":` + public,
		"an algorithm and an address": `,"jwks_uri":"https://a.example/k","key_alg":"EdDSA"`, "an address that is none": `,"jwks_uri":"/keys"`} {
		wants(t, what, c.do(http.MethodPost, "/service-clients", `{"service_client":{`+tills+more+`}}`), http.StatusUnprocessableEntity, "invalid_application")
	}
	c.works("nothing of this changed the client", client, true)
}

// Requirement: svc-rotate
func TestARotatedKeyWorksForADayAndNotAMillisecondLonger(t *testing.T) {
	c := startClients(t, nil)
	old := c.create("")
	fresh := c.rotate(old, "")
	if fresh.key.KID() == old.key.KID() || c.status(fresh) != "active" || c.status(old) != "retiring" {
		t.Errorf("after the rotation: %s is %s, %s is %s", old.key.KID(), c.status(old), fresh.key.KID(), c.status(fresh))
	}
	c.works("the new key at once", fresh, true)
	c.works("the old key at once", old, true)
	c.turn(24*time.Hour - time.Millisecond)
	c.works("the old key in its last millisecond", old, true)
	if got := c.status(old); got != "retiring" {
		t.Errorf("in its last millisecond it is %s", got)
	}
	c.turn(time.Millisecond)
	c.works("the old key after 24 hours", old, false)
	c.works("the new key then", fresh, true)
	if c.status(old) != "retired" || c.status(fresh) != "active" {
		t.Errorf("then they are %s and %s", c.status(old), c.status(fresh))
	}
	c.turn(-time.Second) // a clock that is set back revives it for no longer than it had
	c.works("a second earlier by the clock", old, true)
	c.turn(time.Second)

	third := c.rotate(fresh, `{"retire_after":0,"key_alg":"EdDSA"}`)
	c.works("the key before, retired at once", fresh, false)
	c.works("the new one", third, true)
	if c.status(fresh) != "retired" || third.key.Alg() != jose.EdDSA {
		t.Errorf("it is %s, and the new one for %s", c.status(fresh), third.key.Alg())
	}
	fourth := c.rotate(third, `{"retire_after":2592000}`)
	c.rotate(fourth, `{"retire_after":10}`)
	c.turn(10*time.Second - time.Millisecond)
	c.works("an older key with a longer time", third, true)
	c.turn(time.Millisecond)
	c.works("an older key does not outlive a newer one", third, false)
	c.works("nor does that", fourth, false)
	for _, bad := range []string{`{"retire_after":-1}`, `{"retire_after":2592001}`, `{"retire_after":"1"}`, `{"retire_after":1.5}`, `{"key_alg":"RS256"}`} {
		wants(t, bad, c.do(http.MethodPost, "/service-clients/"+old.id+"/rotate-keys", bad), http.StatusUnprocessableEntity, "invalid_request")
	}
}

// Requirement: svc-rotate
func TestAKeyIsRetiredAtOnceUnlessItIsTheLast(t *testing.T) {
	c := startClients(t, nil)
	old := c.create("")
	retire := func(kid string) servertest.Answer {
		return c.do(http.MethodPost, "/service-clients/"+old.id+"/keys/"+kid+"/retire", "")
	}
	wants(t, "the last key", retire(old.key.KID()), http.StatusConflict, "last_key")
	wants(t, "no key", retire("nobody"), http.StatusNotFound, "not_found")
	fresh := c.rotate(old, "")
	wants(t, "another's key", retire(c.create("").key.KID()), http.StatusNotFound, "not_found")
	wants(t, "the old key", retire(old.key.KID()), http.StatusOK, "")
	wants(t, "again", retire(old.key.KID()), http.StatusOK, "")
	wants(t, "the last one that works", retire(fresh.key.KID()), http.StatusConflict, "last_key")
	c.works("the old key", old, false)
	c.works("the new key", fresh, true)

	// A key comes but once, under whatever name.
	own := string(old.key.Public().JSON())
	for what, jwk := range map[string]string{"the retired key": own, "under another kid": strings.Replace(own, old.key.KID(), "other", 1),
		"another under its kid": strings.Replace(string(c.create("").key.Public().JSON()), `"kid":"`, `"kid":"`+old.key.KID()+`","x-kid":"`, 1)} {
		wants(t, what, c.do(http.MethodPost, "/service-clients/"+old.id+"/rotate-keys", `{"jwk":`+jwk+`}`), http.StatusConflict, "kid_taken")
	}
}

// Requirement: svc-rotate
func TestTheLastTenRetiredKeysAreListed(t *testing.T) {
	c := startClients(t, nil)
	s := c.create("")
	var want []string
	for range 13 {
		s = c.rotate(s, `{"retire_after":0}`)
		want = append([]string{s.key.KID()}, want...)
	}
	if _, kids := c.listed(s); !slices.Equal(kids, want[:11]) {
		t.Errorf("listed are %q, want %q", kids, want[:11])
	}
	for range 10 {
		s = c.rotate(s, "")
	}
	wants(t, "an eleventh that is being retired", c.do(http.MethodPost, "/service-clients/"+s.id+"/rotate-keys", ""), http.StatusConflict, "too_many_keys")
	c.works("it goes on", s, true)
	c.turn(24 * time.Hour)
	if _, kids := c.listed(s); len(kids) != 11 || kids[0] != s.key.KID() {
		t.Errorf("when their time has come %d keys are listed, want 11", len(kids))
	}
	all := c.call(t, c.token(t, manage.ApplicationsRead), http.MethodGet, c.base+"/applications/"+s.id, "")
	if list, _ := inside(all, "application")["keys"].([]any); len(list) != 1 {
		t.Errorf("as an application it has %d keys that work, want 1", len(list))
	}
}
