package pages_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

// Requirement: binding-first
func TestAnOrdinaryLinkOfWhoLostEveryPasskeySaysThatItTakesOneForRecovery(t *testing.T) {
	h := newHouse(t)
	_, alice, _ := signedIn(t, h)
	keys, err := h.Directory.Passkeys(t.Context(), h.Site, alice.ID)
	if err != nil {
		t.Fatal(err)
	}
	ref := directory.PasskeyRef{IdentityID: alice.ID, PasskeyID: keys[0].ID}
	if err := h.Directory.RevokePasskey(t.Context(), h.Site, ref); err != nil {
		t.Fatal(err)
	}
	r := h.browser().get(t, "/bind?token="+h.Token(t, h.Site, alice.ID))
	page := text(t, r)
	for _, want := range []string{"This link is not enough", "ask", `href="/recover"`} {
		if !strings.Contains(strings.ToLower(page), strings.ToLower(want)) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	if r.StatusCode != http.StatusForbidden || strings.Contains(page, "assent-ceremony") || strings.Contains(page, alice.DisplayName) {
		t.Errorf("%d %s", r.StatusCode, page)
	}
	b, err := h.Directory.CreateBindingJob(t.Context(), h.Site, directory.NewBinding{IdentityID: alice.ID, Recovery: true})
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(b.Link, "?token=")
	if r := h.browser().bind(t, "", token, signintest.Software(t, h.Site)); r.StatusCode != http.StatusOK {
		t.Errorf("for recovery: %d %s", r.StatusCode, text(t, r))
	}
}

// Requirement: pages-signals
func TestABindingNamesThePasskeysThatCount(t *testing.T) {
	h := newHouse(t)
	alice, b := h.Person(t, h.Site, "alice"), h.browser()
	for n := range 2 { // the second keeps the session of the first
		r := b.bind(t, "", h.Token(t, h.Site, alice.ID), signintest.Software(t, h.Site))
		var said struct {
			UserID   string   `json:"user_id"`
			Accepted []string `json:"accepted"`
			ReturnTo string   `json:"return_to"`
		}
		if err := json.Unmarshal([]byte(text(t, r)), &said); err != nil {
			t.Fatal(err)
		}
		keys, err := h.Directory.Passkeys(t.Context(), h.Site, alice.ID)
		if err != nil || len(keys) != n+1 {
			t.Fatal(keys, err)
		}
		if said.UserID != base64.RawURLEncoding.EncodeToString([]byte(alice.ID)) || len(said.Accepted) != n+1 || said.ReturnTo != "/approver/" {
			t.Errorf("got %+v", said)
		}
		for _, k := range keys {
			if !slices.Contains(said.Accepted, base64.RawURLEncoding.EncodeToString(k.CredentialID)) {
				t.Errorf("%s is not accepted", k.ID)
			}
		}
	}
}

// Requirement: account-last-passkey
func TestOfTheLastTwoPasskeysThatAreRemovedAtOnceOneStaysUntilThePersonSaysThatTheyKnow(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	third := h.addKey(t, g)
	for range 4 {
		keys := h.keys(t, g)
		statuses := make([]int, 2)
		var wg sync.WaitGroup
		for i, who := range []*guest{g, third} {
			// Each removes the other's, so that both sessions live until then.
			path := "/account/passkeys/" + string(keys[1-i].ID) + "/remove"
			wg.Go(func() { statuses[i] = who.send(t, path).status })
		}
		wg.Wait()
		left := h.keys(t, g)
		if len(left) != 1 {
			t.Fatalf("%d passkeys are left after %v", len(left), statuses)
		}
		stays := g
		if left[0].ID == keys[1].ID {
			stays = third
		}
		shows(t, "the last", stays.send(t, "/account/passkeys/"+string(left[0].ID)+"/remove"), http.StatusUnprocessableEntity, "Tick the box first")
		g, third = stays, h.addKey(t, stays)
	}
}

// Requirement: admins-last-passkey
func TestTheLastAdminReadsWhyTheirLastPasskeyStays(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	_, err := h.Server.Directory.SetAdmin(t.Context(), h.Site, directory.Ref[model.IdentityID]{ID: g.id}, true)
	servertest.Check(t, err)
	path := "/account/passkeys/" + string(h.keys(t, g)[0].ID) + "/remove"
	for _, last := range []string{"yes", "no"} {
		shows(t, "removing", g.send(t, path, "last", last), http.StatusConflict, "You are the only one who can manage this server")
	}
	if len(h.keys(t, g)) != 1 {
		t.Error("it went")
	}
}
