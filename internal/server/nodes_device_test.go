package server_test

import (
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/softperson"
)

// page opens a page of a node as the person, or posts a form to it.
func page(t *testing.T, p *softperson.Person, target string, form url.Values) string {
	t.Helper()
	method, body := http.MethodGet, io.Reader(nil)
	if form != nil {
		method, body = http.MethodPost, strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(t.Context(), method, target, body)
	servertest.Check(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := p.HTTP.Do(r)
	servertest.Check(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	servertest.Check(t, err)
	if resp.StatusCode/100 != 2 {
		t.Fatalf("%s: %d %s", target, resp.StatusCode, text)
	}
	return string(text)
}

// allowDevice answers a device on a node.
func allowDevice(t *testing.T, p *softperson.Person, node, userCode string) {
	t.Helper()
	asked := page(t, p, node+"/device?"+url.Values{"user_code": {userCode}}.Encode(), nil)
	_, after, _ := strings.Cut(asked, `name="state" value="`)
	state, _, _ := strings.Cut(after, `"`)
	page(t, p, node+"/device", url.Values{"state": {html.UnescapeString(state)}, "decision": {"allow"}})
}

// Requirement: device-race
func TestADeviceIsOneDeviceOnThreeNodes(t *testing.T) {
	c := startCluster(t)
	tv := c.world(0).App(t, application.NewApplication{Kind: model.KindNative, AuthMethod: model.AuthNone, Scopes: []string{"openid"},
		GrantTypes: []string{oauth.GrantDevice, oauth.GrantRefresh}, Settings: model.ApplicationSettings{Refresh: model.RefreshRotate}})
	person := c.person(t, "alex")
	start := func(t *testing.T, node int) servertest.Answer {
		t.Helper()
		got := c.world(node).Post(t, "/oauth/device/code", tv.Form("scope", "openid"))
		if got.Status != 200 {
			t.Fatalf("start: %d %s", got.Status, got.Body)
		}
		return got
	}
	poll := func(t *testing.T, node int, code string, headers ...string) servertest.Answer {
		t.Helper()
		return c.world(node).Post(t, "/oauth/token", tv.Form("grant_type", oauth.GrantDevice, "device_code", code), headers...)
	}
	var refresh string

	t.Run("asked on one, allowed on the second, waiting on the third", func(t *testing.T) {
		asked := start(t, 0)
		polled := make(chan servertest.Answer, 1)
		go func() { polled <- poll(t, 2, asked.Text("device_code"), "Prefer", "wait=25") }()
		time.Sleep(300 * time.Millisecond) // most likely it waits by now; either way it must be told
		allowDevice(t, person, c.nodes[1], asked.Text("user_code"))
		decided := time.Now()
		got := <-polled
		if got.Status != 200 || time.Since(decided) > 2*time.Second {
			t.Errorf("got %d %s after %v", got.Status, got.Body, time.Since(decided))
		}
		refresh = got.Text("refresh_token")
	})

	t.Run("32 polls at once, one gets tokens", func(t *testing.T) {
		asked := start(t, 1)
		allowDevice(t, person, c.nodes[2], asked.Text("user_code"))
		one(t, 32, func(i int) (bool, string) {
			got := poll(t, i%3, asked.Text("device_code"))
			return got.Status == 200, got.Text("error")
		}, "invalid_grant")
	})

	t.Run("signed out on one, nothing of the session is refreshed on another", func(t *testing.T) {
		page(t, person, c.nodes[0]+"/signout", url.Values{})
		got := c.world(2).Post(t, "/oauth/token", tv.Form("grant_type", oauth.GrantRefresh, "refresh_token", refresh))
		if got.Status != 400 || got.Text("error") != "invalid_grant" {
			t.Errorf("got %d %s", got.Status, got.Body)
		}
	})
}
