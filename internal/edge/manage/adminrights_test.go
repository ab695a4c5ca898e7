package manage_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/internal/store"
)

const adminScope = "openid realms:read"

// admins are one admin at their application, beside another who stays one.
func (w *world) admins(t *testing.T) *servertest.Flow {
	t.Helper()
	f, other := w.admin(t), w.admin(t)
	w.setAdmin(t, f.Identity, true)
	w.setAdmin(t, other.Identity, true)
	return f
}

// over checks that neither token of an answer manages any more.
func (w *world) over(t *testing.T, f *servertest.Flow, tokens servertest.Answer) {
	t.Helper()
	if got := w.call(t, tokens.Text("access_token"), http.MethodGet, w.base, ""); got.Status != http.StatusUnauthorized && got.Status != http.StatusForbidden {
		t.Errorf("the access token: %d %s", got.Status, got.Body)
	}
	if got := f.Refresh(t, tokens.Text("refresh_token")); got.Text("error") != "invalid_grant" {
		t.Errorf("the refresh token: %d %s", got.Status, got.Body)
	}
}

// Requirement: frame-admins
func TestTakingAnAdminsRightsEndsWhatTheyLetProgramsManage(t *testing.T) {
	w := start(t)
	f := w.admins(t)
	tokens := f.Tokens(t, "scope", adminScope)
	wants(t, "an admin", w.call(t, tokens.Text("access_token"), http.MethodGet, w.base, ""), http.StatusOK, "")
	w.setAdmin(t, f.Identity, false)
	w.over(t, f, tokens)
	w.setAdmin(t, f.Identity, true)
	w.over(t, f, tokens)
	anew := f.Tokens(t, "scope", adminScope)
	wants(t, "an admin anew", w.call(t, anew.Text("access_token"), http.MethodGet, w.base, ""), http.StatusOK, "")
}

// still are departures in which nothing ends: what is left says what the times of
// tokens do alone.
type still struct{}

func (still) Leave(context.Context, *model.Site, model.IdentityID, string) error        { return nil }
func (still) StopManaging(context.Context, *model.Site, model.IdentityID, string) error { return nil }

// Requirement: frame-admins
func TestWhatAnAdminHadDoesNotComeBackWithNewRights(t *testing.T) {
	database := filepath.Join(t.TempDir(), "assent.sqlite")
	s := servertest.Start(t, func(c *server.Config) { c.Database = database })
	w := &world{World: s, base: baseOf(s.URL, s.Site)}
	f := w.admins(t)
	tokens := f.Tokens(t, "scope", adminScope)
	code := f.Code(t, "scope", adminScope)
	db, err := store.Open(t.Context(), store.Config{URL: database})
	servertest.Check(t, err)
	defer func() { _ = db.Close() }()
	people := directory.New(directory.Config{Store: db, Departures: still{}})
	for _, is := range []bool{false, true} {
		_, err := people.SetAdmin(t.Context(), w.Site, directory.Ref[model.IdentityID]{ID: f.Identity.ID}, is)
		servertest.Check(t, err)
	}
	w.over(t, f, tokens)
	if got := f.Redeem(t, code); got.Text("error") != "invalid_grant" {
		t.Errorf("a code from before: %d %s", got.Status, got.Body)
	}
}

// Requirement: frame-admins
func TestWhatAnAdminLetManageEndsWithTheirPasskeyAndTheirSessionAtOnce(t *testing.T) {
	w := start(t)
	f := w.admins(t)
	if page := f.Open(t, "scope", adminScope+" offline_access"); page.URL.Query().Get("error") != "invalid_scope" {
		t.Errorf("access that outlives the session: %s", page.URL)
	}
	tokens := f.Tokens(t, "scope", adminScope)
	_, err := w.Server.SignIn.EndAll(t.Context(), w.Site, f.Identity.ID, "operator", "")
	servertest.Check(t, err)
	w.over(t, f, tokens)
	tokens = f.Tokens(t, "scope", adminScope)
	keys, err := w.Server.Directory.Passkeys(t.Context(), w.Site, f.Identity.ID)
	servertest.Check(t, err)
	for _, k := range keys {
		servertest.Check(t, w.Server.Directory.RevokePasskey(t.Context(), w.Site, directory.PasskeyRef{IdentityID: f.Identity.ID, PasskeyID: k.ID}))
	}
	w.over(t, f, tokens)
}

// Requirement: frame-admins
func TestAnAdminSignsInWithinFiveMinutesBeforeAProgramManages(t *testing.T) {
	var clock servertest.Clock
	s := servertest.Start(t, func(c *server.Config) { c.Now = clock.Now })
	w := &world{World: s, base: baseOf(s.URL, s.Site)}
	f := w.admins(t)
	open := func(scope string) softperson.Page {
		page, err := f.Person.Authorize(t.Context(), f.URL("scope", scope), softperson.Choices{})
		servertest.Check(t, err)
		return page
	}
	servertest.Check(t, f.Person.SignIn(t.Context()))
	clock.Turn(4 * time.Minute)
	if page := open(adminScope); page.SignedIn != 0 {
		t.Errorf("within five minutes they signed in again: %s", page.URL)
	}
	clock.Turn(2 * time.Minute)
	if page := open("openid"); page.SignedIn != 0 {
		t.Errorf("to say who they are they signed in again: %s", page.URL)
	}
	if page := open(adminScope + " identities:read"); page.SignedIn != 1 || page.URL.Query().Get("code") == "" {
		t.Errorf("after five minutes they signed in %d times: %s", page.SignedIn, page.URL)
	}
	clock.Turn(6 * time.Minute)
	page, err := f.Person.Authorize(t.Context(), f.URL("scope", adminScope, "prompt", "none"), softperson.Choices{})
	servertest.Check(t, err)
	if page.URL.Query().Get("error") != "login_required" {
		t.Errorf("where nobody can ask: %s", page.URL)
	}
}

// Requirement: frame-admins
func TestAnAdminOfTheDefaultRealmIsAskedForTheWholeServer(t *testing.T) {
	w := start(t)
	f := w.admins(t)
	page, err := f.Person.Authorize(t.Context(), f.URL("scope", adminScope), softperson.Choices{StopAtAsk: true})
	servertest.Check(t, err)
	if !strings.Contains(page.Body, "this whole server") || strings.Contains(page.Body, "Manage this realm") {
		t.Errorf("the question: %s", page.Body)
	}
}

// A user code in a message must not be all that it takes.
//
// Requirement: frame-admins
func TestNoDeviceIsLetManage(t *testing.T) {
	w := start(t)
	w.Flow(t, application.NewApplication{})
	got := w.Post(t, "/oauth/device/code", form("client_id", "assent-admin", "scope", adminScope))
	if got.Text("error") != "unauthorized_client" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}
