package oauthhttp_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

// A device cannot say how old a sign-in may be; its application has.
//
// Requirement: authorize-max-age, device-page
func TestAnOldSignInDoesNotAnswerADeviceWhoseApplicationWantsANewOne(t *testing.T) {
	d := newDen(t)
	strict := d.device(t, application.NewApplication{Name: "Bank TV", Settings: model.ApplicationSettings{DefaultMaxAge: 60}})
	d.clock.Turn(2 * time.Minute)
	asked := d.start(t, strict)
	to := d.page.open(t, asked.Text("verification_uri_complete"))
	back := "/device?user_code=" + asked.Text("user_code")
	if to.status != 303 || to.location.Path != "/signin" || to.location.Query().Get("return_to") != back {
		t.Fatalf("%d to %v", to.status, to.location)
	}
	d.page.open(t, d.URL+"/device?user_code="+d.start(t, d.tv).Text("user_code")).says(t, 200, "Connect") // another application does not care
	d.clock.Turn(time.Second)
	servertest.Check(t, d.person.SignIn(t.Context()))
	page := d.page.open(t, d.URL+back)
	page.says(t, 200, "Bank TV")
	d.clock.Turn(2 * time.Minute) // they may take their time
	d.page.send(t, d.URL+"/device", url.Values{"state": {page.hidden(t, "state")}, "decision": {"allow"}}).says(t, 200, "connected")
	got := d.poll(t, strict, asked.Text("device_code"))
	if got.Status != 200 || claimsOf(t, got.Text("id_token"))["auth_time"] == nil {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

// Requirement: authorize-acr-step-up, device-page
func TestADeviceWhoseApplicationWantsAPasskeyIsNotAnsweredAfterAPassword(t *testing.T) {
	f := passwordFlow(t)
	app := f.App
	f.App = f.World.App(t, application.NewApplication{Kind: model.KindNative, AuthMethod: model.AuthNone, Scopes: []string{"openid"},
		GrantTypes: []string{oauth.GrantDevice}, Settings: model.ApplicationSettings{DefaultACRValues: []string{"phr"}}})
	asked := f.World.Post(t, "/oauth/device/code", f.App.Form("scope", "openid"))
	link, b := asked.Text("verification_uri_complete"), browserOf(f.Person)
	f.App = app
	b.client.Jar = f.Person.HTTP.Jar
	typed(t, f, phrase, "/device")
	to := b.open(t, link) // as fresh as can be, and still a password
	back := to.location.Query().Get("return_to")
	if to.status != 303 || back != "/device?passkey=1&user_code="+asked.Text("user_code") {
		t.Fatalf("%d to %v", to.status, to.location)
	}
	page := b.open(t, to.location.String())
	page.says(t, 200, `id="start"`)
	if strings.Contains(page.body, `id="password"`) {
		t.Error("the page takes a password where a passkey is asked for")
	}
	servertest.Check(t, f.Person.SignIn(t.Context()))
	question := b.open(t, f.World.URL+back)
	question.says(t, 200, asked.Text("user_code"))
	form := url.Values{"state": {question.hidden(t, "state")}, "decision": {"allow"}}
	typed(t, f, phrase, "/device") // the same session, and only a password again
	if got := b.send(t, f.World.URL+"/device", form); got.status != 303 || got.location.Path != "/signin" {
		t.Errorf("allowed with a password: %d", got.status)
	}
	servertest.Check(t, f.Person.SignIn(t.Context()))
	b.send(t, f.World.URL+"/device", form).says(t, 200, "connected")
}
