package embedded_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/authenticator"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

// Requirement: embedded-automatic
func TestWithAutomaticInvocationTheBrowserIsSentToTheApplication(t *testing.T) {
	s := newShop(t, recipe{})
	got := s.authorize(t)
	to := got.Header.Get("Location")
	if got.Status != http.StatusFound || !strings.HasPrefix(to, origin+"/login/assent-authenticate?shop=1&request=") ||
		got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Referrer-Policy") != "no-referrer" || got.Header.Get("Set-Cookie") != "" {
		t.Fatalf("got %d %v", got.Status, got.Header)
	}
	form := s.Post(t, "/oauth/authorize", s.params())
	held := s.Get(t, form.Header.Get("Location"))
	if form.Status != http.StatusSeeOther || held.Status != http.StatusFound || !strings.HasPrefix(held.Header.Get("Location"), origin) {
		t.Errorf("as a form: %d, then %d %v", form.Status, held.Status, held.Header)
	}
}

// Requirement: embedded-manual
func TestWithManualInvocationTheAddressComesAsJSON(t *testing.T) {
	s := newShop(t, recipe{settings: manual})
	got := s.authorize(t)
	if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "application/json" || len(got.JSON) != 1 ||
		!strings.HasPrefix(got.Text("authenticate_url"), origin+"/login/assent-authenticate?shop=1&request=") ||
		got.Header.Get("Access-Control-Allow-Origin") != origin || got.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("got %d %v %s", got.Status, got.Header, got.Body)
	}
	none := s.authorize(t, "prompt", "none")
	to, err := url.Parse(none.Text("redirect_url"))
	if none.Status != http.StatusOK || err != nil || to.Query().Get("error") != "login_required" || to.Query().Get("state") != "st-1" {
		t.Errorf("an error that is the application's: %d %s", none.Status, none.Body)
	}
	broken := s.authorize(t, "redirect_uri", "https://evil.example/")
	if broken.Status != http.StatusBadRequest || broken.Text("error") != "invalid_request" || broken.Header.Get("Location") != "" {
		t.Errorf("an error that is nobody's: %d %s", broken.Status, broken.Body)
	}
}

// Requirement: embedded-request
func TestTheRequestSaysWhatItIsForAndIsSigned(t *testing.T) {
	s := newShop(t, recipe{})
	r := s.begin(t)
	c := r.claims
	if r.header["typ"] != "assent-authenticate+jwt" || r.header["alg"] != "EdDSA" || c["iss"] != s.Site.Issuer || c["aud"] != s.app.ID || c["rp_id"] != rpID {
		t.Errorf("got %v %v", r.header, c)
	}
	if life := c["exp"].(float64) - c["iat"].(float64); life != 600 || c["jti"] == "" || c["txn"] == "" {
		t.Errorf("got %v", c)
	}
	if origins, _ := c["origins"].([]any); len(origins) != 1 || origins[0] != origin {
		t.Errorf("origins %v", c["origins"])
	}
	client, _ := c["client"].(object)
	if client["id"] != s.app.ID || client["name"] != "Shop & Söhne" || c["realm"].(object)["name"] != s.Site.Realm.DisplayName {
		t.Errorf("got %v", c)
	}
	if again := s.begin(t); string(again.nonce(t)) == string(r.nonce(t)) || again.claims["jti"] == c["jti"] {
		t.Error("two requests are one")
	}
	for _, name := range []string{"state", "nonce", "redirect_uri"} { // they travel sealed
		if value := s.params().Get(name); name != "nonce" && strings.Contains(r.jwt, base64.RawURLEncoding.EncodeToString([]byte(value))) || c[name] == value {
			t.Errorf("the request tells %s", name)
		}
	}
}

// Requirement: embedded-flow, embedded-pkce
func TestAPersonSignsInWithinTheApplicationAndTheCodeIsRedeemed(t *testing.T) {
	s := newShop(t, recipe{})
	for _, tt := range []struct {
		name   string
		method model.ClientAuthMethod
		config func(*model.AuthenticatorSettings)
	}{
		{"automatic, post", model.AuthClientSecretPost, nil}, {"automatic, basic", model.AuthClientSecretBasic, nil},
		{"manual, post", model.AuthClientSecretPost, manual}, {"manual, basic", model.AuthClientSecretBasic, manual},
	} {
		s.app = s.newApp(t, s.newConfig(t, tt.config), func(n *application.NewApplication) { n.AuthMethod = tt.method })
		const state = "a b+c%20&d=é/~\"'"
		got := s.answer(t, s.begin(t, "state", state), s.device)
		to := landed(t, got)
		if !strings.HasPrefix(got.Text("redirect_url"), servertest.Callback+"?code=") || to.Query().Get("state") != state || to.Query().Get("iss") != s.Site.Issuer {
			t.Errorf("%s: got %s", tt.name, to)
		}
		if got.Header.Get("Set-Cookie") != "" || got.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", tt.name, got.Header)
		}
		wrong := s.redeem(t, to.Query().Get("code"), ids.Secret(), tt.method)
		if wrong.Status != http.StatusBadRequest || wrong.Text("error") != "invalid_grant" {
			t.Errorf("%s: another verifier: %d %s", tt.name, wrong.Status, wrong.Body)
		}
		tokens := s.redeem(t, landed(t, s.answer(t, s.begin(t), s.device)).Query().Get("code"), s.verifier, tt.method)
		if claims := payload(t, tokens.Text("id_token")); claims["sub"] != string(s.ada.ID) || claims["acr"] == "pwd" || claims["nonce"] != "n-1" {
			t.Errorf("%s: %d %v", tt.name, tokens.Status, claims)
		}
	}
}

// redeem takes a code to the token endpoint.
func (s *shop) redeem(t testing.TB, code, verifier string, method model.ClientAuthMethod) servertest.Answer {
	t.Helper()
	form := url.Values{"grant_type": {oauth.GrantCode}, "code": {code}, "redirect_uri": {servertest.Callback}, "code_verifier": {verifier}}
	if method == model.AuthClientSecretBasic {
		pair := base64.StdEncoding.EncodeToString([]byte(s.app.ID + ":" + s.app.Secret))
		return s.Post(t, "/oauth/token", form, "Authorization", "Basic "+pair)
	}
	form.Set("client_id", s.app.ID)
	form.Set("client_secret", s.app.Secret)
	return s.Post(t, "/oauth/token", form)
}

// payload is what a JWT says, for a test that trusts the server.
func payload(t testing.TB, jwt string) object {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %q", jwt)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	servertest.Check(t, err)
	var c object
	servertest.Check(t, json.Unmarshal(raw, &c))
	return c
}

// The answer tells the page which passkey it was, for the list that it keeps.
func TestThePageHearsWhichPasskeyWasUsed(t *testing.T) {
	s := newShop(t, recipe{})
	got := s.answer(t, s.begin(t), s.device)
	key, _ := got.JSON["passkey"].(object)
	if key["identity_id"] != string(s.ada.ID) || key["username"] != "ada" || key["rp_id"] != rpID || key["realm_id"] != string(s.Site.Realm.ID) ||
		key["credential_id"] != base64.RawURLEncoding.EncodeToString(s.device.CredentialID()) || !ids.Valid("psk", key["id"].(string)) {
		t.Errorf("got %s", got.Body)
	}
	chosen := s.begin(t)
	if got := s.post(t, "authenticate", object{"request": chosen.jwt, "response": chosen.assert(t, s.device), "passkey": key["id"]}); got.Status != http.StatusOK {
		t.Errorf("the chosen one: %d %s", got.Status, got.Body)
	}
	chosen = s.begin(t)
	refused(t, "another than the chosen one", s.post(t, "authenticate",
		object{"request": chosen.jwt, "response": chosen.assert(t, s.device), "passkey": ids.New("psk")}), http.StatusForbidden, "signin_refused")
}

// Requirement: embedded-once
func TestOfManyWhoFinishOneRequestExactlyOneDoes(t *testing.T) {
	s := newShop(t, recipe{})
	r := s.begin(t)
	const contenders = 16
	answers := make([]servertest.Answer, contenders)
	body := r.assert(t, s.device)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = s.post(t, "authenticate", object{"request": r.jwt, "response": body}) })
	}
	wg.Wait()
	won := 0
	for _, a := range answers {
		if a.Status == http.StatusOK {
			won++
			continue
		}
		refused(t, "a loser", a, http.StatusConflict, "request_used")
	}
	if won != 1 {
		t.Errorf("%d won, want 1", won)
	}
	refused(t, "once more", s.answer(t, r, s.device), http.StatusConflict, "request_used")
}

// Requirement: embedded-request-refused
func TestRequestsThatAreNotOfThisRealmAndMomentAreRefused(t *testing.T) {
	clock := &servertest.Clock{}
	s := newShop(t, recipe{server: func(c *server.Config) { c.Now = clock.Now }})
	other, err := s.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "blue", DisplayName: "Blue"})
	servertest.Check(t, err)
	good := s.begin(t)
	tokens := s.redeem(t, landed(t, s.answer(t, s.begin(t), s.device)).Query().Get("code"), s.verifier, model.AuthClientSecretPost)
	head, tail := good.jwt[:strings.LastIndexByte(good.jwt, '.')], good.jwt[strings.LastIndexByte(good.jwt, '.'):]
	for name, jwt := range map[string]string{
		"nothing": "", "no JWT": "a.b.c", "long": strings.Repeat("a", 20_000),
		"another kind of token":  tokens.Text("id_token"),
		"an access token":        tokens.Text("access_token"),
		"signed by nobody":       head + ".",
		"a turned signature":     head + tail[:len(tail)-8] + "AAAAAAAA",
		"another's claims":       s.begin(t).jwt[:len(head)] + tail,
		"no algorithm":           base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"assent-authenticate+jwt"}`)) + head[strings.IndexByte(head, '.'):] + ".",
		"with something behind":  good.jwt + "a",
		"with white space at it": " " + good.jwt,
	} {
		got := s.post(t, "authenticate", object{"request": jwt, "response": good.assert(t, s.device)})
		refused(t, name, got, http.StatusBadRequest, "request_invalid")
	}
	foreign := *s
	foreign.World = &servertest.World{Server: s.Server, Site: other, URL: other.Issuer}
	_, err = s.Server.Authenticators.Create(t.Context(), other, authenticator.Draft{Name: "Shop", Settings: s.config.Settings})
	servertest.Check(t, err)
	refused(t, "at another realm", foreign.answer(t, good, s.device), http.StatusBadRequest, "request_invalid")
	if got := s.answer(t, good, s.device); got.Status != http.StatusOK {
		t.Fatalf("the good one: %d %s", got.Status, got.Body)
	}
	late := s.begin(t)
	clock.Turn(10*time.Minute - time.Second)
	if got := s.answer(t, s.begin(t), s.device); got.Status != http.StatusOK {
		t.Errorf("in time: %d %s", got.Status, got.Body)
	}
	clock.Turn(2 * time.Second)
	refused(t, "too late", s.answer(t, late, s.device), http.StatusBadRequest, "request_expired")
}

// Requirement: embedded-refused
func TestPasskeysThatMayNotAreRefusedByName(t *testing.T) {
	tests := []struct {
		name   string
		status int
		code   string
		act    func(*shop, *testing.T) servertest.Answer
	}{
		{"a passkey of nobody", http.StatusForbidden, "passkey_unknown", func(s *shop, t *testing.T) servertest.Answer {
			return s.answer(t, s.begin(t), s.newDevice(t, rpID, origin))
		}},
		{"a passkey of another relying party", http.StatusForbidden, "signin_refused", func(s *shop, t *testing.T) servertest.Answer {
			ours := s.newConfig(t, func(c *model.AuthenticatorSettings) { c.RPID = "" })
			d := s.newDevice(t, s.Site.RPID, origin)
			if got := s.bindAs(t, d, s.link(t, s.identity(t, "bob").ID, ours.ID)); got.Status != http.StatusOK {
				t.Fatalf("bind: %d %s", got.Status, got.Body)
			}
			return s.answer(t, s.begin(t), d)
		}},
		{"an answer to another nonce", http.StatusForbidden, "signin_refused", func(s *shop, t *testing.T) servertest.Answer {
			r := s.begin(t)
			return s.post(t, "authenticate", object{"request": s.begin(t).jwt, "response": r.assert(t, s.device)})
		}},
		{"an answer to the bare nonce", http.StatusForbidden, "signin_refused", func(s *shop, t *testing.T) servertest.Answer {
			r := s.begin(t)
			response, err := s.device.Assert(r.nonce(t))
			servertest.Check(t, err)
			return s.post(t, "authenticate", object{"request": r.jwt, "response": json.RawMessage(response)})
		}},
		{"no user verification", http.StatusForbidden, "signin_refused", func(s *shop, t *testing.T) servertest.Answer {
			d := s.virtual()
			mute := s.identity(t, "mute")
			if got := s.bindAs(t, d, s.link(t, mute.ID, s.config.ID)); got.Status != http.StatusOK {
				t.Fatalf("bind: %d %s", got.Status, got.Body)
			}
			d.Authenticator.Options.UserNotVerified = true
			return s.answer(t, s.begin(t), d)
		}},
		{"a cloned counter", http.StatusForbidden, "signin_refused", func(s *shop, t *testing.T) servertest.Answer {
			d := s.virtual()
			d.Credential.Counter = 7
			cloned := s.identity(t, "cloned")
			if got := s.bindAs(t, d, s.link(t, cloned.ID, s.config.ID)); got.Status != http.StatusOK {
				t.Fatalf("bind: %d %s", got.Status, got.Body)
			}
			d.Credential.Counter = 3
			return s.answer(t, s.begin(t), d)
		}},
		{"no answer at all", http.StatusBadRequest, "signin_refused", func(s *shop, t *testing.T) servertest.Answer {
			return s.post(t, "authenticate", object{"request": s.begin(t).jwt, "response": object{}})
		}},
	}
	s := newShop(t, recipe{})
	for _, tt := range tests {
		refused(t, tt.name, tt.act(s, t), tt.status, tt.code)
	}
}

// Requirement: embedded-refused
func TestPeopleAndApplicationsThatWereStoppedMeanwhileAreRefusedByName(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		code   string
		act    func(*shop, *testing.T) servertest.Answer
	}{
		{"a suspended person", http.StatusForbidden, "not_allowed", func(s *shop, t *testing.T) servertest.Answer {
			_, err := s.Server.Directory.Suspend(t.Context(), s.Site, s.ada.ID, "")
			servertest.Check(t, err)
			return s.answer(t, s.begin(t), s.device)
		}},
		{"a stopped application", http.StatusForbidden, "not_allowed", func(s *shop, t *testing.T) servertest.Answer {
			r := s.begin(t)
			servertest.Check(t, s.Server.Applications.SetStatus(t.Context(), s.Site, model.ClientID(s.app.ID), model.ApplicationFrozen, ""))
			return s.answer(t, r, s.device)
		}},
		{"an application that is gone", http.StatusBadRequest, "request_invalid", func(s *shop, t *testing.T) servertest.Answer {
			r := s.begin(t)
			servertest.Check(t, s.Server.Applications.Delete(t.Context(), s.Site, model.ClientID(s.app.ID), ""))
			return s.answer(t, r, s.device)
		}},
		{"an application that went back to the hosted page", http.StatusBadRequest, "request_invalid", func(s *shop, t *testing.T) servertest.Answer {
			r := s.begin(t)
			servertest.Check(t, s.Server.Applications.Configure(t.Context(), s.Site, model.ClientID(s.app.ID), "", func(a *model.ApplicationSettings) { a.AuthenticatorConfig = "" }))
			return s.answer(t, r, s.device)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newShop(t, recipe{})
			refused(t, tt.name, tt.act(s, t), tt.status, tt.code)
		})
	}
}

// virtual is an authenticator of somebody else's making, at the shop.
func (s *shop) virtual() *signintest.Virtual {
	d := signintest.NewVirtual(s.Site)
	d.RP.ID, d.RP.Origin = rpID, origin
	return d
}
