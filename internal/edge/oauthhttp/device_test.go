package oauthhttp_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
)

// A den is a server with an application for devices and a person who is signed
// in in a browser.
type den struct {
	*servertest.World
	clock  servertest.Clock
	tv     servertest.App
	person *softperson.Person
	who    model.Identity
	page   *browser
}

func newDen(t *testing.T) *den {
	t.Helper()
	d := &den{}
	d.World = servertest.Start(t, func(c *server.Config) { c.Now = d.clock.Now })
	d.tv = d.device(t, application.NewApplication{})
	d.person, d.who = d.Person(t, "alex")
	d.page = browserOf(d.person)
	return d
}

// device registers a public application for devices.
func (d *den) device(t *testing.T, n application.NewApplication) servertest.App {
	t.Helper()
	n.Kind, n.GrantTypes = model.KindNative, []string{oauth.GrantDevice, oauth.GrantRefresh}
	if n.Name == "" {
		n.Name = "Living room TV"
	}
	if n.AuthMethod == "" {
		n.AuthMethod = model.AuthNone
	}
	if n.Scopes == nil {
		n.Scopes = []string{"openid", "profile", "offline_access", "play"}
	}
	n.Settings.Refresh = model.RefreshRotate
	return d.App(t, n)
}

// start asks for a device code.
func (d *den) start(t *testing.T, app servertest.App, pairs ...string) servertest.Answer {
	t.Helper()
	form := app.Form(pairs...)
	if !form.Has("scope") {
		form.Set("scope", "openid play")
	}
	got := d.Post(t, "/oauth/device/code", form, "User-Agent", "TV/7 (webOS)")
	if got.Status != 200 {
		t.Fatalf("device code: %d %s", got.Status, got.Body)
	}
	return got
}

func (d *den) poll(t *testing.T, app servertest.App, code string, headers ...string) servertest.Answer {
	t.Helper()
	return d.Post(t, "/oauth/token", app.Form("grant_type", oauth.GrantDevice, "device_code", code), headers...)
}

// answer opens the page of a user code and answers.
func (d *den) answer(t *testing.T, b *browser, userCode, decision string) shown {
	t.Helper()
	asked := b.open(t, d.URL+"/device?"+url.Values{"user_code": {userCode}}.Encode())
	asked.says(t, 200, "Connect")
	return b.send(t, d.URL+"/device", url.Values{"state": {asked.hidden(t, "state")}, "decision": {decision}})
}

// RFC 8628, Sections 3.1 to 3.5, and 5.4.
//
// Requirement: device-answer, device-pending, device-page
func TestADeviceGetsItsTokensWhenThePersonAllowsIt(t *testing.T) {
	d := newDen(t)
	asked := d.start(t, d.tv)
	code, user := asked.Text("device_code"), asked.Text("user_code")
	if asked.Header.Get("Cache-Control") != "no-store" || len(code) < 43 || asked.JSON["expires_in"] != 600.0 || asked.JSON["interval"] != 5.0 ||
		asked.Text("verification_uri") != d.URL+"/device" || asked.Text("verification_uri_complete") != d.URL+"/device?user_code="+user {
		t.Errorf("got %v %s", asked.Header, asked.Body)
	}
	wantError(t, "early", d.poll(t, d.tv, code), "authorization_pending")
	page := d.page.open(t, asked.Text("verification_uri_complete"))
	page.says(t, 200, "Living room TV", user, "alex", "127.0.0.1", "TV/7 (webOS)", "play", "Know that it is you", "less than a minute ago", "the same as this browser")
	done := d.page.send(t, d.URL+"/device", url.Values{"state": {page.hidden(t, "state")}, "decision": {"allow"}})
	done.says(t, 200, "connected")

	got := d.poll(t, d.tv, code)
	if got.Status != 200 || got.Text("scope") != "openid play" || got.Text("token_type") != "Bearer" {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	access, id := claimsOf(t, got.Text("access_token")), claimsOf(t, got.Text("id_token"))
	if access["sub"] != string(d.who.ID) || access["client_id"] != d.tv.ID || access["aud"] != d.URL || access["acr"] != "phr" {
		t.Errorf("access token = %v", access)
	}
	if id["sub"] != string(d.who.ID) || id["aud"] != d.tv.ID || id["sid"] == nil || id["auth_time"] == nil || id["nonce"] != nil {
		t.Errorf("ID token = %v", id)
	}
	again := d.Post(t, "/oauth/token", d.tv.Form("grant_type", oauth.GrantRefresh, "refresh_token", got.Text("refresh_token")))
	if again.Status != 200 || claimsOf(t, again.Text("id_token"))["sid"] != id["sid"] {
		t.Errorf("refresh: %d %s", again.Status, again.Body)
	}
	wantError(t, "redeemed", d.poll(t, d.tv, code), "invalid_grant")
}

// Requirement: device-slow-down
func TestADeviceThatPollsTooFastHasToWaitLongerFromThenOn(t *testing.T) {
	d := newDen(t)
	code := d.start(t, d.tv).Text("device_code")
	for i, step := range []struct {
		after time.Duration
		want  string
	}{
		{0, "authorization_pending"},
		{5 * time.Second, "authorization_pending"},
		{time.Second, "slow_down"},      // from now on 10 s
		{6 * time.Second, "slow_down"},  // from now on 15 s
		{11 * time.Second, "slow_down"}, // from now on 20 s
		{20 * time.Second, "authorization_pending"},
		{20 * time.Second, "authorization_pending"},
	} {
		d.clock.Turn(step.after)
		if got := d.poll(t, d.tv, code); got.Status != 400 || got.Text("error") != step.want {
			t.Errorf("poll %d: %d %s, want %s", i, got.Status, got.Body, step.want)
		}
	}
	other := d.start(t, d.tv).Text("device_code")
	wantError(t, "another device", d.poll(t, d.tv, other), "authorization_pending")
}

// Requirement: device-denied
func TestADeviceIsToldOfANo(t *testing.T) {
	d := newDen(t)
	for _, decision := range []string{"deny", "", "yes please"} {
		asked := d.start(t, d.tv)
		d.answer(t, d.page, asked.Text("user_code"), decision).says(t, 200, "Nothing was connected")
		wantError(t, "decision "+decision, d.poll(t, d.tv, asked.Text("device_code")), "access_denied")
		d.page.open(t, asked.Text("verification_uri_complete")).says(t, 404, "do not know this code")
	}
}

// Requirement: device-expired
func TestADeviceCodeEnds(t *testing.T) {
	d := newDen(t)
	late, unread := d.start(t, d.tv), d.start(t, d.tv)
	page := d.page.open(t, late.Text("verification_uri_complete"))
	d.clock.Turn(10*time.Minute - 2*time.Second)
	wantError(t, "just before", d.poll(t, d.tv, unread.Text("device_code")), "authorization_pending")
	d.clock.Turn(2 * time.Second)
	wantError(t, "over", d.poll(t, d.tv, unread.Text("device_code")), "expired_token")
	d.page.open(t, unread.Text("verification_uri_complete")).says(t, 404, "do not know this code")
	d.page.send(t, d.URL+"/device", url.Values{"state": {page.hidden(t, "state")}, "decision": {"allow"}}).says(t, 410, "does not wait")
	wantError(t, "answered too late", d.poll(t, d.tv, late.Text("device_code")), "expired_token")
}

// An answer in the last second still reaches the device, and then it is over.
//
// Requirement: device-expired
func TestAnAllowedDeviceCodeIsNotKeptForLong(t *testing.T) {
	d := newDen(t)
	soon, late := d.start(t, d.tv), d.start(t, d.tv)
	d.clock.Turn(10*time.Minute - 5*time.Second)
	d.answer(t, d.page, soon.Text("user_code"), "allow").says(t, 200)
	d.answer(t, d.page, late.Text("user_code"), "allow").says(t, 200)
	d.clock.Turn(30 * time.Second)
	if got := d.poll(t, d.tv, soon.Text("device_code")); got.Status != 200 {
		t.Errorf("soon: %d %s", got.Status, got.Body)
	}
	d.clock.Turn(time.Minute)
	wantError(t, "late", d.poll(t, d.tv, late.Text("device_code")), "expired_token")
}

// Requirement: device-foreign-client, paths-realms-apart
func TestADeviceCodeIsForItsClientAlone(t *testing.T) {
	d := newDen(t)
	other := d.device(t, application.NewApplication{Name: "Other"})
	asked := d.start(t, d.tv)
	code := asked.Text("device_code")
	site, err := d.Server.Realms.Create(t.Context(), blueRealm())
	servertest.Check(t, err)
	there := d.AppIn(t, site, application.NewApplication{GrantTypes: []string{oauth.GrantDevice}})
	stranger, _ := d.PersonIn(t, site, "sam")
	d.answer(t, d.page, asked.Text("user_code"), "allow").says(t, 200)
	wantError(t, "another client", d.poll(t, other, code), "invalid_grant")
	wantError(t, "made up", d.poll(t, d.tv, code+"x"), "invalid_grant")
	wantError(t, "the user code", d.poll(t, d.tv, asked.Text("user_code")), "invalid_grant")
	wantError(t, "none", d.Post(t, "/oauth/token", d.tv.Form("grant_type", oauth.GrantDevice)), "invalid_request")
	got := d.Post(t, "/realms/blue/oauth/token", there.Form("grant_type", oauth.GrantDevice, "device_code", code))
	wantError(t, "another realm", got, "invalid_grant")
	b := browserOf(stranger)
	b.open(t, d.URL+"/realms/blue/device?user_code="+d.start(t, d.tv).Text("user_code")).says(t, 404, "do not know this code")
	if got := d.poll(t, d.tv, code); got.Status != 200 {
		t.Errorf("its own client: %d %s", got.Status, got.Body)
	}
}

// Requirement: device-user-code
func TestUserCodesAreReadAsPeopleTypeThem(t *testing.T) {
	d := newDen(t)
	seen := map[string]bool{}
	for range 20 {
		code := d.start(t, d.tv).Text("user_code")
		plain := strings.ReplaceAll(code, "-", "")
		if len(code) != 9 || code[4] != '-' || len(plain) != 8 || strings.Trim(plain, "BCDFGHJKLMNPQRSTVWXZ") != "" || seen[code] {
			t.Errorf("user code %q", code)
		}
		seen[code] = true
	}
	code := d.start(t, d.tv).Text("user_code")
	plain := strings.ReplaceAll(code, "-", "")
	for name, typed := range map[string]string{"as shown": code, "lower case": strings.ToLower(code), "in one": plain,
		"spaced": " " + strings.Join(strings.Split(strings.ToLower(plain), ""), " ") + "\t", "other dashes": plain[:4] + "–" + plain[4:]} {
		page := d.page.open(t, d.URL+"/device?"+url.Values{"user_code": {typed}}.Encode())
		if page.status != 200 || !strings.Contains(page.body, code) {
			t.Errorf("%s: %d", name, page.status)
		}
	}
	for _, typed := range []string{plain[:7], plain + "B", "AAAA-AAAA", "0000-0000", strings.Repeat("B", 500), "<script>"} {
		page := d.page.open(t, d.URL+"/device?"+url.Values{"user_code": {typed}}.Encode())
		page.says(t, 404, "do not know this code")
		if strings.Contains(page.body, "<script>") {
			t.Error("what was typed became markup")
		}
	}
}

// Requirement: device-rate-limited
func TestWrongUserCodesAreLimited(t *testing.T) {
	d := newDen(t)
	code := d.start(t, d.tv).Text("user_code")
	try := func(b *browser, typed string) shown { return b.open(t, d.URL+"/device?user_code="+typed) }
	for range 30 { // right ones cost nothing
		try(d.page, code).says(t, 200)
	}
	for i := range 10 {
		try(d.page, "BBBB-BBB"+string("BCDFGHJKLM"[i])).says(t, 404, "do not know this code")
	}
	locked := try(d.page, code)
	locked.says(t, 429, "too many wrong codes")
	if locked.header.Get("Retry-After") == "" || strings.Contains(locked.body, "<form") {
		t.Errorf("a locked page: %v\n%s", locked.header, locked.body)
	}
	neighbour, _ := d.Person(t, "sam") // behind the same address
	try(browserOf(neighbour), code).says(t, 200)
	d.clock.Turn(time.Minute)
	try(d.page, code).says(t, 200)
}

// Requirement: device-rate-limited
func TestAnAddressGetsMoreWrongUserCodesThanAPersonAndNotMore(t *testing.T) {
	d := newDen(t)
	wrong := 0
	for i := range 11 {
		p, _ := d.Person(t, "visitor"+string(rune('a'+i)))
		b := browserOf(p)
		for b.open(t, d.URL+"/device?user_code=BBBBBBBB").status == 404 {
			if wrong++; wrong > 200 {
				t.Fatal("an address may try for ever")
			}
		}
	}
	if wrong != 100 {
		t.Errorf("an address got %d tries in ten minutes, want 100", wrong)
	}
}

// Requirement: device-race
func TestOfManyPollsOfOneDeviceOneGetsTokens(t *testing.T) {
	d := newDen(t)
	asked := d.start(t, d.tv)
	d.answer(t, d.page, asked.Text("user_code"), "allow").says(t, 200)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			switch got := d.poll(t, d.tv, asked.Text("device_code")); {
			case got.Status == 200:
				won.Add(1)
			case got.Text("error") != "invalid_grant":
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d polls got tokens, want 1", won.Load())
	}
}

// Two tabs, two persons: the first answer is the answer.
//
// Requirement: device-page
func TestADeviceIsAnsweredOnce(t *testing.T) {
	d := newDen(t)
	asked := d.start(t, d.tv)
	other, _ := d.Person(t, "sam")
	mine, theirs := d.page, browserOf(other)
	first := mine.open(t, asked.Text("verification_uri_complete"))
	second := theirs.open(t, asked.Text("verification_uri_complete"))
	theirs.send(t, d.URL+"/device", url.Values{"state": {first.hidden(t, "state")}, "decision": {"allow"}}).says(t, 410, "does not wait")
	mine.send(t, d.URL+"/device", url.Values{"state": {first.hidden(t, "state")}, "decision": {"deny"}}).says(t, 200)
	theirs.send(t, d.URL+"/device", url.Values{"state": {second.hidden(t, "state")}, "decision": {"allow"}}).says(t, 410, "does not wait")
	wantError(t, "poll", d.poll(t, d.tv, asked.Text("device_code")), "access_denied")
}

// Requirement: device-page
func TestTheDevicePageNeedsASessionAndItsOwnForm(t *testing.T) {
	d := newDen(t)
	asked := d.start(t, d.tv)
	nobody := browserOf(nil)
	for target, back := range map[string]string{"/device": "/device", "/device?user_code=BCDF-GHJK": "/device?user_code=BCDF-GHJK"} {
		got := nobody.open(t, d.URL+target)
		if got.status != 303 || got.location.Path != "/signin" || got.location.Query().Get("return_to") != back {
			t.Errorf("%s: %d to %v", target, got.status, got.location)
		}
	}
	page := d.page.open(t, asked.Text("verification_uri_complete"))
	form := url.Values{"state": {page.hidden(t, "state")}, "decision": {"allow"}}
	if got := nobody.send(t, d.URL+"/device", form); got.status != 303 || got.location.Path != "/signin" {
		t.Errorf("nobody: %d", got.status)
	}
	for name, headers := range map[string][]string{"another site": {"Sec-Fetch-Site", "cross-site"},
		"an old browser": {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}} {
		if got := d.page.send(t, d.URL+"/device", form, headers...); got.status/100 != 4 {
			t.Errorf("%s: %d", name, got.status)
		}
	}
	wantError(t, "poll", d.poll(t, d.tv, asked.Text("device_code")), "authorization_pending")
	d.page.open(t, d.URL+"/device").says(t, 200, `id="user_code"`, `id="continue"`, `method="get"`)
}

// CIBA's way of waiting, for devices: the answer comes the moment it falls.
func TestADevicePollMayWaitForThePerson(t *testing.T) {
	d := newDen(t)
	asked := d.start(t, d.tv)
	code := asked.Text("device_code")
	began := time.Now()
	wantError(t, "nobody answers", d.poll(t, d.tv, code, "Prefer", "wait=1"), "authorization_pending")
	if took := time.Since(began); took < 900*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
	polled := make(chan servertest.Answer, 1)
	go func() { polled <- d.poll(t, d.tv, code, "Prefer", "wait=20") }()
	time.Sleep(200 * time.Millisecond) // most likely it waits by now; either way it must be told
	d.answer(t, d.page, asked.Text("user_code"), "allow").says(t, 200)
	decided := time.Now()
	got := <-polled
	if got.Status != 200 || time.Since(decided) > 2*time.Second {
		t.Errorf("got %d %s after %v", got.Status, got.Body, time.Since(decided))
	}
}

// Requirement: resource-audience, resource-several, resource-form
func TestADeviceMayNameItsResource(t *testing.T) {
	d := newDen(t)
	api := "https://api.example"
	app := d.device(t, application.NewApplication{Resources: []string{"https://files.example/v1", api}})
	asked := d.start(t, app, "resource", api+"/", "resource", "https://files.example/v1")
	d.answer(t, d.page, asked.Text("user_code"), "allow").says(t, 200)
	form := app.Form("grant_type", oauth.GrantDevice, "device_code", asked.Text("device_code"), "resource", "https://api.example")
	got := d.Post(t, "/oauth/token", form)
	if got.Status != 200 || claimsOf(t, got.Text("access_token"))["aud"] != api {
		t.Errorf("narrowed: %d %s", got.Status, got.Body)
	}
	asked = d.start(t, app, "resource", api)
	d.answer(t, d.page, asked.Text("user_code"), "allow").says(t, 200)
	form.Set("device_code", asked.Text("device_code"))
	form.Set("resource", "https://files.example/v1")
	wantError(t, "another resource", d.Post(t, "/oauth/token", form), "invalid_target")
	form.Del("resource")
	if got := d.Post(t, "/oauth/token", form); got.Status != 200 || claimsOf(t, got.Text("access_token"))["aud"] != api {
		t.Errorf("after that: %d %s", got.Status, got.Body)
	}
	got = d.Post(t, "/oauth/device/code", app.Form("resource", "https://evil.example"))
	wantError(t, "unregistered", got, "invalid_target")
}

func TestDeviceRequestsAreRefused(t *testing.T) {
	d := newDen(t)
	confidential := d.device(t, application.NewApplication{AuthMethod: model.AuthClientSecretPost})
	without := d.App(t, application.NewApplication{})
	tests := []struct {
		name   string
		form   url.Values
		status int
		want   string
	}{
		{"a grant type that is not registered", without.Form("scope", "openid"), 400, "unauthorized_client"},
		{"a scope that is not registered", d.tv.Form("scope", "openid admin"), 400, "invalid_scope"},
		{"malformed details", d.tv.Form("authorization_details", "{"), 400, "invalid_authorization_details"},
		{"a parameter twice", d.tv.Form("scope", "play", "scope", "openid"), 400, "invalid_request"},
		{"no client", url.Values{"scope": {"play"}}, 401, "invalid_client"},
		{"a wrong secret", url.Values{"client_id": {confidential.ID}, "client_secret": {"x"}}, 401, "invalid_client"},
		{"a confidential client without its secret", url.Values{"client_id": {confidential.ID}}, 401, "invalid_client"},
	}
	for _, tt := range tests {
		if got := d.Post(t, "/oauth/device/code", tt.form); got.Status != tt.status || got.Text("error") != tt.want {
			t.Errorf("%s: %d %s, want %d %s", tt.name, got.Status, got.Body, tt.status, tt.want)
		}
	}
	if got := d.Post(t, "/oauth/device/code", confidential.Form()); got.Status != 200 {
		t.Errorf("a confidential client: %d %s", got.Status, got.Body)
	}
}

// Requirement: rar-shown-and-granted
func TestADeviceMayAskForDetails(t *testing.T) {
	d := newDen(t)
	details := `[{"type":"assent_action","details":{"service":"lights"},"command":["./on.sh","<hall>"]}]`
	asked := d.start(t, d.tv, "authorization_details", details)
	page := d.page.open(t, asked.Text("verification_uri_complete"))
	page.says(t, 200, "./on.sh", "lights", "&lt;hall&gt;")
	d.page.send(t, d.URL+"/device", url.Values{"state": {page.hidden(t, "state")}, "decision": {"allow"}}).says(t, 200)
	got := d.poll(t, d.tv, asked.Text("device_code"))
	granted, _ := json.Marshal(claimsOf(t, got.Text("access_token"))["authorization_details"])
	if !strings.Contains(string(granted), `"lights"`) || got.JSON["authorization_details"] == nil {
		t.Errorf("got %d %s: %s", got.Status, got.Body, granted)
	}
}

// Whoever makes up clients fills no database: each address gets so many codes of
// a client in a minute. Another client at the same address is not held up by that.
//
// Requirement: limits-by-client
func TestDeviceCodesAreGivenInMeasure(t *testing.T) {
	d := newDen(t)
	given := 0
	for range 80 {
		switch got := d.Post(t, "/oauth/device/code", d.tv.Form("scope", "play")); {
		case got.Status == 200:
			given++
		case got.Status != 429 || got.Text("error") != "slow_down" || got.Header.Get("Retry-After") == "":
			t.Fatalf("got %d %s", got.Status, got.Body)
		}
	}
	if given < 60 || given > 70 { // some time passes meanwhile
		t.Errorf("%d codes were given", given)
	}
	other := d.device(t, application.NewApplication{Name: "Other"})
	d.start(t, other)
	held := false
	for range 10 { // one a second is given again
		held = held || d.Post(t, "/oauth/device/code", d.tv.Form("scope", "play")).Status == 429
	}
	if !held {
		t.Error("the first one is not held up any more: the other proves nothing")
	}
}

// The gate stands before each step.
func TestAStoppedDeviceGetsNowhere(t *testing.T) {
	stops := map[string]func(*testing.T, *den){
		"application": func(t *testing.T, d *den) {
			t.Helper()
			servertest.Check(t, d.Server.Applications.SetStatus(t.Context(), d.Site, model.ClientID(d.tv.ID), model.ApplicationFrozen, "test"))
		},
		"person": func(t *testing.T, d *den) {
			t.Helper()
			_, err := d.Server.Directory.Suspend(t.Context(), d.Site, d.who.ID, "test")
			servertest.Check(t, err)
		},
		"realm": func(t *testing.T, d *den) {
			t.Helper()
			servertest.Check(t, d.Server.Realms.SetStatus(t.Context(), d.Site.Realm.ID, model.RealmDisabled, "test"))
		},
	}
	for name, stop := range stops {
		t.Run(name+" before it asks", func(t *testing.T) {
			d := newDen(t)
			stop(t, d)
			got := d.Post(t, "/oauth/device/code", d.tv.Form())
			if (got.Status == 401) != (name != "person") {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
		})
		t.Run(name+" before the person looks", func(t *testing.T) {
			d := newDen(t)
			asked := d.start(t, d.tv)
			stop(t, d)
			if got := d.page.open(t, asked.Text("verification_uri_complete")); got.status == 200 {
				t.Errorf("the page asks: %s", got.body)
			}
		})
		t.Run(name+" before the person answers", func(t *testing.T) {
			d := newDen(t)
			asked := d.start(t, d.tv)
			page := d.page.open(t, asked.Text("verification_uri_complete"))
			stop(t, d)
			got := d.page.send(t, d.URL+"/device", url.Values{"state": {page.hidden(t, "state")}, "decision": {"allow"}})
			if got.status == 200 {
				t.Errorf("the answer counts: %s", got.body)
			}
		})
		t.Run(name+" before it polls", func(t *testing.T) {
			d := newDen(t)
			asked := d.start(t, d.tv)
			d.answer(t, d.page, asked.Text("user_code"), "allow").says(t, 200)
			stop(t, d)
			if got := d.poll(t, d.tv, asked.Text("device_code")); got.Status == 200 {
				t.Errorf("got %s", got.Body)
			}
		})
	}
}

// What the person allowed while signed in is not handed out once they have
// signed out, but for what they allowed for later.
func TestADeviceGetsNothingOfASessionThatEnded(t *testing.T) {
	d := newDen(t)
	now, later := d.start(t, d.tv), d.start(t, d.tv, "scope", "openid play offline_access")
	d.answer(t, d.page, now.Text("user_code"), "allow").says(t, 200)
	d.answer(t, d.page, later.Text("user_code"), "allow").says(t, 200, "connected")
	d.page.send(t, d.URL+"/signout", nil)
	wantError(t, "for now", d.poll(t, d.tv, now.Text("device_code")), "invalid_grant")
	if got := d.poll(t, d.tv, later.Text("device_code")); got.Status != 200 {
		t.Errorf("for later: %d %s", got.Status, got.Body)
	}
}

// Requirement: authorize-pages-csp, authorize-pages-client-text
func TestDevicePagesShowStrangersTextsAsTexts(t *testing.T) {
	d := newDen(t)
	odd := d.device(t, application.NewApplication{Name: `<b>Bank</b>"`, Settings: model.ApplicationSettings{
		PolicyURI: "https://tv.example/privacy", ClientURI: "https://tv.example"}})
	got := d.Post(t, "/oauth/device/code", odd.Form("scope", "play"), "User-Agent", "<img src=x>\u202e"+strings.Repeat("é", 300))
	page := d.page.open(t, got.Text("verification_uri_complete"))
	page.says(t, 200, "&lt;b&gt;Bank&lt;/b&gt;", "&lt;img src=x&gt;", `href="https://tv.example/privacy"`, `href="https://tv.example"`)
	for _, bad := range []string{"<b>", "<img", "\u202e", strings.Repeat("é", 60)} {
		if strings.Contains(page.body, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	policy := page.header.Get("Content-Security-Policy")
	if strings.Contains(policy, "unsafe") || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "form-action 'self'") ||
		page.header.Get("Referrer-Policy") != "no-referrer" || page.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", page.header)
	}
}
