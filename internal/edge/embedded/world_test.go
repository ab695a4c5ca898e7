package embedded_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/authenticator"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
)

// origin is that of the application's pages, and rpID the relying party of its
// passkeys: both are another site's than the issuer's.
const (
	origin = "https://app.example"
	rpID   = "app.example"
)

// A shop is an application within which people authenticate, and one of them.
type shop struct {
	*servertest.World
	config   model.AuthenticatorConfig
	app      servertest.App
	ada      model.Identity
	device   *passkey.Software
	verifier string
}

// A recipe is in what a shop differs from the common one.
type recipe struct {
	server   func(*server.Config)
	settings func(*model.AuthenticatorSettings)
	app      func(*application.NewApplication)
	device   string // relying party of the passkey; empty: the common one
}

// newShop starts a server with a shop, whose person has a passkey for it.
func newShop(t testing.TB, r recipe) *shop {
	t.Helper()
	s := &shop{World: servertest.Start(t, r.server), verifier: ids.Secret()}
	s.config = s.newConfig(t, r.settings)
	s.app = s.newApp(t, s.config, r.app)
	s.ada = s.identity(t, "ada")
	s.device = s.newDevice(t, cmp.Or(r.device, rpID), origin)
	got := s.bindAs(t, s.device, s.link(t, s.ada.ID, s.config.ID))
	if got.Status != http.StatusOK {
		t.Fatalf("bind: %d %s", got.Status, got.Body)
	}
	return s
}

func manual(s *model.AuthenticatorSettings) { s.Invocation = model.InvokeManual }

func (s *shop) newConfig(t testing.TB, change func(*model.AuthenticatorSettings)) model.AuthenticatorConfig {
	t.Helper()
	settings := model.AuthenticatorSettings{Type: model.AuthenticatorEmbedded, Invocation: model.InvokeAutomatic,
		InvokeURL: origin + "/login/?shop=1", TrustedOrigins: []string{origin}, RPID: rpID}
	if change != nil {
		change(&settings)
	}
	c, err := s.Server.Authenticators.Create(t.Context(), s.Site, authenticator.Draft{Name: "Shop", Settings: settings})
	servertest.Check(t, err)
	return c
}

func (s *shop) newApp(t testing.TB, config model.AuthenticatorConfig, change func(*application.NewApplication)) servertest.App {
	t.Helper()
	n := application.NewApplication{Name: "Shop & Söhne", Kind: model.KindWeb, GrantTypes: []string{oauth.GrantCode, oauth.GrantRefresh},
		Scopes: []string{"openid", "profile", "offline_access"}, Settings: model.ApplicationSettings{RedirectURIs: []string{servertest.Callback},
			AuthenticatorConfig: config.ID, FirstParty: true, Refresh: model.RefreshRotate}}
	if change != nil {
		change(&n)
	}
	return s.App(t, n)
}

func (s *shop) identity(t testing.TB, username string) model.Identity {
	t.Helper()
	who, err := s.Server.Directory.CreateIdentity(t.Context(), s.Site, directory.NewIdentity{DisplayName: strings.ToUpper(username), Traits: model.Traits{Username: username}})
	servertest.Check(t, err)
	return who
}

func (s *shop) newDevice(t testing.TB, rp, at string) *passkey.Software {
	t.Helper()
	d, err := passkey.NewSoftware(rp, at)
	servertest.Check(t, err)
	return d
}

// link is the token of a new binding link.
func (s *shop) link(t testing.TB, who model.IdentityID, config model.AuthenticatorConfigID) string {
	t.Helper()
	b, err := s.Server.Directory.CreateBindingJob(t.Context(), s.Site, directory.NewBinding{IdentityID: who, ConfigID: config})
	servertest.Check(t, err)
	_, token, _ := strings.Cut(b.Link, "?token=")
	return token
}

// A registrar makes passkeys, an asserter uses them.
type (
	registrar interface {
		Create(options []byte) ([]byte, error)
	}
	asserter interface {
		Assert(challenge []byte) ([]byte, error)
	}
)

// post calls the server as a page of the shop does; from is its origin.
func (s *shop) postFrom(t testing.TB, from, path string, body any) servertest.Answer {
	t.Helper()
	raw, err := json.Marshal(body)
	servertest.Check(t, err)
	headers := []string{"Content-Type", "application/json"}
	if from != "" {
		headers = append(headers, "Origin", from)
	}
	return servertest.Do(t, http.MethodPost, s.URL+"/embedded/"+path, bytes.NewReader(raw), headers...)
}

func (s *shop) post(t testing.TB, path string, body any) servertest.Answer {
	t.Helper()
	return s.postFrom(t, origin, path, body)
}

type object = map[string]any

// bindAs opens a link and answers it with a new passkey, if nothing has to be proved
// first.
func (s *shop) bindAs(t testing.TB, d registrar, token string) servertest.Answer {
	t.Helper()
	got := s.post(t, "bind", object{"token": token})
	if got.Status != http.StatusOK {
		return got
	}
	return s.finishBinding(t, d, got)
}

// finishBinding answers the ceremony of a step.
func (s *shop) finishBinding(t testing.TB, d registrar, step servertest.Answer) servertest.Answer {
	t.Helper()
	options, err := json.Marshal(step.JSON["options"])
	servertest.Check(t, err)
	response, err := d.Create(options)
	servertest.Check(t, err)
	return s.post(t, "bind/finish", object{"state": step.Text("state"), "response": json.RawMessage(response)})
}

// params are those of a good authorization request; an empty value leaves its
// parameter out.
func (s *shop) params(pairs ...string) url.Values {
	v := url.Values{"response_type": {"code"}, "client_id": {s.app.ID}, "redirect_uri": {servertest.Callback}, "scope": {"openid"},
		"state": {"st-1"}, "nonce": {"n-1"}, "code_challenge": {servertest.Challenge(s.verifier)}, "code_challenge_method": {"S256"}}
	for i := 0; i < len(pairs); i += 2 {
		if v.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return v
}

func (s *shop) authorize(t testing.TB, pairs ...string) servertest.Answer {
	t.Helper()
	return s.Get(t, "/oauth/authorize?"+s.params(pairs...).Encode(), "Origin", origin)
}

// invoked is the address of a ceremony that an answer of the authorization endpoint
// holds.
func invoked(t testing.TB, a servertest.Answer) string {
	t.Helper()
	if to := a.Header.Get("Location"); a.Status == http.StatusFound && to != "" {
		return to
	}
	if to := a.Text("authenticate_url"); a.Status == http.StatusOK && to != "" {
		return to
	}
	t.Fatalf("no address of a ceremony: %d %v %s", a.Status, a.Header, a.Body)
	return ""
}

// A request is a signed request as a page reads it.
type request struct {
	jwt    string
	header object
	claims object
}

func read(t testing.TB, address string) request {
	t.Helper()
	u, err := url.Parse(address)
	servertest.Check(t, err)
	r := request{jwt: u.Query().Get("request")}
	parts := strings.Split(r.jwt, ".")
	if len(parts) != 3 || !strings.HasSuffix(u.Path, "/assent-authenticate") && u.Host != "assent-authenticate" {
		t.Fatalf("not an address of a ceremony: %s", address)
	}
	for i, into := range []*object{&r.header, &r.claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		servertest.Check(t, err)
		servertest.Check(t, json.Unmarshal(raw, into))
	}
	return r
}

// begin asks for a sign-in.
func (s *shop) begin(t testing.TB, pairs ...string) request {
	t.Helper()
	return read(t, invoked(t, s.authorize(t, pairs...)))
}

func (r request) nonce(t testing.TB) []byte {
	t.Helper()
	text, _ := r.claims["nonce"].(string)
	nonce, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(nonce) != 32 {
		t.Fatalf("nonce %q: %v", text, err)
	}
	return nonce
}

// assert is a passkey's answer to a request.
func (r request) assert(t testing.TB, d asserter) json.RawMessage {
	t.Helper()
	response, err := d.Assert(passkey.SignInChallenge(r.nonce(t)))
	servertest.Check(t, err)
	return response
}

// answer brings a passkey's answer to a request.
func (s *shop) answer(t testing.TB, r request, d asserter) servertest.Answer {
	t.Helper()
	return s.post(t, "authenticate", object{"request": r.jwt, "response": r.assert(t, d)})
}

// landed is where a finished sign-in leads.
func landed(t testing.TB, a servertest.Answer) *url.URL {
	t.Helper()
	if a.Status != http.StatusOK {
		t.Fatalf("authenticate: %d %s", a.Status, a.Body)
	}
	u, err := url.Parse(a.Text("redirect_url"))
	servertest.Check(t, err)
	return u
}

// refused demands a problem document.
func refused(t testing.TB, what string, a servertest.Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Text("code") != code || a.Header.Get("Content-Type") != "application/problem+json" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: got %d %s %s, want %d %s", what, a.Status, a.Header.Get("Content-Type"), a.Body, status, code)
	}
}

// appIn registers an application in the shop's own realm and returns its id.
func (s *shop) appIn(t testing.TB, config model.AuthenticatorConfig) string {
	t.Helper()
	return s.AppIn(t, s.Site, application.NewApplication{Name: "Shop", Kind: model.KindWeb, GrantTypes: []string{oauth.GrantCode}, Scopes: []string{"openid"},
		Settings: model.ApplicationSettings{RedirectURIs: []string{servertest.Callback}, AuthenticatorConfig: config.ID, FirstParty: true}}).ID
}

func refOf(c model.AuthenticatorConfig) authenticator.Ref { return authenticator.Ref{ID: c.ID} }
