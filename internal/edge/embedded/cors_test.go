package embedded_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

var paths = []string{"authenticate", "bind", "bind/proof", "bind/finish"}

// Requirement: embedded-cors
func TestScriptsOfTrustedOriginsAndOfNoOthersMayAsk(t *testing.T) {
	s := newShop(t, recipe{settings: manual})
	second := s.newConfig(t, func(c *model.AuthenticatorSettings) {
		c.RPID, c.TrustedOrigins, c.InvokeURL = "", []string{"https://second.example"}, "https://second.example"
	})
	for _, path := range []string{"/embedded/authenticate", "/embedded/bind", "/embedded/bind/proof", "/embedded/bind/finish", "/oauth/authorize?" + s.params().Encode(), "/oauth/authorize/resume"} {
		for from, trusted := range map[string]bool{origin: true, "https://second.example": true, "https://evil.example": false, "null": false,
			"https://app.example.evil.example": false, "http://app.example": false, "https://app.example:8443": false, s.Site.Origin: false} {
			got := servertest.Do(t, http.MethodOptions, s.URL+path, nil, "Origin", from, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
			h := got.Header
			if h.Get("Vary") != "Origin" || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s from %s: %v", path, from, h)
			}
			if allowed := h.Get("Access-Control-Allow-Origin"); trusted && (allowed != from || h.Get("Access-Control-Allow-Headers") != "Accept, Content-Type") || !trusted && allowed != "" {
				t.Errorf("%s from %s: %v", path, from, h)
			}
		}
	}
	servertest.Check(t, s.Server.Authenticators.Delete(t.Context(), s.Site, refOf(second)))
	got := servertest.Do(t, http.MethodOptions, s.URL+"/embedded/bind", nil, "Origin", "https://second.example", "Access-Control-Request-Method", "POST")
	if got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("trusted after its config is gone: %v", got.Header)
	}
}

// Requirement: embedded-origin
func TestAnUntrustedPageGetsNothingAndReadsNothing(t *testing.T) {
	s := newShop(t, recipe{settings: manual})
	s.newConfig(t, func(c *model.AuthenticatorSettings) {
		c.RPID, c.TrustedOrigins, c.InvokeURL = "", []string{"https://second.example"}, "https://second.example"
	})
	r := s.begin(t)
	for _, from := range []string{"", "null", "https://evil.example", "https://second.example", "https://app.example.", "https://APP.example"} {
		got := s.postFrom(t, from, "authenticate", object{"request": r.jwt, "response": r.assert(t, s.device)})
		refused(t, "authenticate from "+from, got, http.StatusForbidden, "origin_not_trusted")
		if got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may read it", from)
		}
		asked := s.Get(t, "/oauth/authorize?"+s.params().Encode(), "Origin", from)
		if asked.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s may read where people authenticate", from)
		}
	}
	evil := s.moved(t, s.device, "https://evil.example") // phished there, brought from a trusted page
	refused(t, "a ceremony of another page", s.post(t, "authenticate", object{"request": r.jwt, "response": r.assert(t, evil)}), http.StatusForbidden, "origin_not_trusted")
	token := s.link(t, s.identity(t, "bob").ID, s.config.ID)
	refused(t, "a passkey made on another page", s.bindAs(t, s.newDevice(t, rpID, "https://evil.example"), token), http.StatusForbidden, "origin_not_trusted")
	step := s.post(t, "bind", object{"token": token})
	refused(t, "a state brought by another page", s.postFrom(t, "https://second.example", "bind/finish", object{"state": step.Text("state"), "response": object{}}),
		http.StatusForbidden, "origin_not_trusted")
	if got := s.answer(t, r, s.device); got.Status != http.StatusOK { // nothing of this used the request up
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

// Requirement: embedded-bodies
func TestBodiesAreSmallAndStrict(t *testing.T) {
	s := newShop(t, recipe{})
	for _, path := range paths {
		for name, tt := range map[string]struct {
			contentType, body string
			status            int
		}{
			"a form":         {"application/x-www-form-urlencoded", "token=x", http.StatusUnsupportedMediaType},
			"unasked text":   {"text/plain", `{"token":"x"}`, http.StatusUnsupportedMediaType},
			"no JSON":        {"application/json", `{"token"`, http.StatusBadRequest},
			"another member": {"application/json", `{"other":1}`, http.StatusBadRequest},
			"too large":      {"application/json", `{"state":"` + strings.Repeat("a", 100<<10) + `"}`, http.StatusRequestEntityTooLarge},
		} {
			got := servertest.Do(t, http.MethodPost, s.URL+"/embedded/"+path, bytes.NewReader([]byte(tt.body)), "Content-Type", tt.contentType, "Origin", origin)
			if got.Status != tt.status || got.Header.Get("Access-Control-Allow-Origin") != origin {
				t.Errorf("%s, %s: %d %s", path, name, got.Status, got.Body)
			}
		}
		if got := s.Get(t, "/embedded/"+path); got.Status != http.StatusMethodNotAllowed || got.Text("code") != "method_not_allowed" || !strings.Contains(got.Header.Get("Allow"), "POST") {
			t.Errorf("GET %s: %d %v %s", path, got.Status, got.Header, got.Body)
		}
	}
	if got := s.post(t, "nothing", object{}); got.Status != http.StatusNotFound || got.Text("code") != "not_found" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

// Two realms trust one site: what belongs to the one opens nothing in the other,
// and the page hears that it must not forget the passkey.
//
// Requirement: embedded-realms
func TestRealmsThatShareAnApplicationsSiteDoNotMix(t *testing.T) {
	s := newShop(t, recipe{})
	site, err := s.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "blue", DisplayName: "Blue"})
	servertest.Check(t, err)
	blue := &shop{World: &servertest.World{Server: s.Server, Site: site, URL: site.Issuer}, verifier: ids.Secret()}
	blue.config = blue.newConfig(t, nil)
	blue.app = servertest.App{ID: blue.appIn(t, blue.config)}
	d := signintest.NewVirtual(site)
	d.RP.ID, d.RP.Origin = rpID, origin
	if got := blue.bindAs(t, d, blue.link(t, blue.identity(t, "ada").ID, blue.config.ID)); got.Status != http.StatusOK {
		t.Fatalf("bind: %d %s", got.Status, got.Body)
	}
	if got := blue.answer(t, blue.begin(t), d); got.Status != http.StatusOK {
		t.Errorf("at home: %d %s", got.Status, got.Body)
	}
	refused(t, "the other realm's passkey", s.answer(t, s.begin(t), d), http.StatusForbidden, "passkey_elsewhere")
	refused(t, "and the other way round", blue.answer(t, blue.begin(t), s.device), http.StatusForbidden, "passkey_elsewhere")
	token := s.link(t, s.identity(t, "eve").ID, s.config.ID)
	refused(t, "the other realm's link", blue.post(t, "bind", object{"token": token}), http.StatusNotFound, "link_unknown")
	step := s.post(t, "bind", object{"token": token})
	refused(t, "the other realm's state", blue.finishBinding(t, s.newDevice(t, rpID, origin), step), http.StatusBadRequest, "ceremony_expired")
}
