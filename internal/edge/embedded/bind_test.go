package embedded_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/directory"
)

// Requirement: embedded-bind
func TestAPasskeyIsBoundWithinTheApplication(t *testing.T) {
	s := newShop(t, recipe{})
	bob := s.identity(t, "bob")
	token := s.link(t, bob.ID, s.config.ID)
	step := s.post(t, "bind", object{"token": token})
	options, _ := step.JSON["options"].(object)
	rp, _ := options["rp"].(object)
	who, _ := step.JSON["identity"].(object)
	if step.Status != http.StatusOK || rp["id"] != rpID || who["id"] != string(bob.ID) || who["username"] != "bob" || step.JSON["proof"] != nil ||
		step.JSON["realm"].(object)["name"] != s.Site.Realm.DisplayName {
		t.Fatalf("got %d %s", step.Status, step.Body)
	}
	d := s.newDevice(t, rpID, origin)
	got := s.finishBinding(t, d, step)
	key, _ := got.JSON["passkey"].(object)
	if got.Status != http.StatusOK || key["rp_id"] != rpID || key["identity_id"] != string(bob.ID) || key["realm_name"] != s.Site.Realm.DisplayName ||
		key["credential_id"] != base64.RawURLEncoding.EncodeToString(d.CredentialID()) || key["create_time"] == "" ||
		got.JSON["post_binding_redirect_uri"] != nil || got.Header.Get("Set-Cookie") != "" {
		t.Fatalf("got %d %v %s", got.Status, got.Header, got.Body)
	}
	keys, err := s.Server.Directory.Passkeys(t.Context(), s.Site, bob.ID)
	if err != nil || len(keys) != 1 || keys[0].RPID != rpID || string(keys[0].ID) != key["id"] {
		t.Errorf("kept: %+v, %v", keys, err)
	}
	if got := s.answer(t, s.begin(t), d); got.Status != http.StatusOK {
		t.Errorf("sign in with it: %d %s", got.Status, got.Body)
	}
	refused(t, "the link again", s.post(t, "bind", object{"token": token}), http.StatusGone, "link_used")
	refused(t, "the ceremony again", s.finishBinding(t, s.newDevice(t, rpID, origin), step), http.StatusGone, "link_used")
}

// prove answers the first step of somebody who has a passkey.
func (s *shop) prove(t *testing.T, step servertest.Answer, d asserter) servertest.Answer {
	t.Helper()
	proof, _ := step.JSON["proof"].(object)
	challenge, _ := proof["challenge"].(string)
	nonce, err := base64.RawURLEncoding.DecodeString(challenge)
	servertest.Check(t, err)
	response, err := d.Assert(passkey.SignInChallenge(nonce))
	servertest.Check(t, err)
	return s.post(t, "bind/proof", object{"state": step.Text("state"), "response": json.RawMessage(response)})
}

// Requirement: embedded-bind-proof
func TestWhoHasAPasskeyProvesItBeforeAnotherIsBound(t *testing.T) {
	s := newShop(t, recipe{})
	token := s.link(t, s.ada.ID, s.config.ID)
	step := s.post(t, "bind", object{"token": token})
	proof, _ := step.JSON["proof"].(object)
	if allow, _ := proof["allowCredentials"].([]any); step.Status != http.StatusOK || proof["rpId"] != rpID || len(allow) != 0 || step.JSON["options"] != nil || step.JSON["identity"] != nil {
		t.Fatalf("a link that may be stolen says %d %s", step.Status, step.Body)
	}
	refused(t, "a passkey of nobody", s.prove(t, step, s.newDevice(t, rpID, origin)), http.StatusForbidden, "passkey_unknown")
	bob := s.identity(t, "bob")
	theirs := s.newDevice(t, rpID, origin)
	s.bindAs(t, theirs, s.link(t, bob.ID, s.config.ID))
	refused(t, "somebody else's passkey", s.prove(t, step, theirs), http.StatusForbidden, "signin_refused")
	step = s.post(t, "bind", object{"token": token})
	next := s.prove(t, step, s.device)
	who, _ := next.JSON["identity"].(object)
	if next.Status != http.StatusOK || who["id"] != string(s.ada.ID) || next.JSON["options"] == nil {
		t.Fatalf("got %d %s", next.Status, next.Body)
	}
	refused(t, "the proof again", s.prove(t, step, s.device), http.StatusBadRequest, "ceremony_expired")
	refused(t, "the old state", s.finishBinding(t, s.newDevice(t, rpID, origin), servertest.Answer{JSON: object{"state": step.Text("state"), "options": next.JSON["options"]}}),
		http.StatusBadRequest, "ceremony_expired")
	if got := s.finishBinding(t, s.newDevice(t, rpID, origin), next); got.Status != http.StatusOK {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
	if keys, err := s.Server.Directory.Passkeys(t.Context(), s.Site, s.ada.ID); err != nil || len(keys) != 2 {
		t.Errorf("%d passkeys, %v", len(keys), err)
	}
}

// Requirement: embedded-bind-proof, binding-proof-ends, binding-first
func TestAProofWithinAnApplicationEndsWithItsPasskey(t *testing.T) {
	s := newShop(t, recipe{})
	keys, err := s.Server.Directory.Passkeys(t.Context(), s.Site, s.ada.ID)
	servertest.Check(t, err)
	ordinary := directory.NewBinding{IdentityID: s.ada.ID, ConfigID: s.config.ID}
	b, err := s.Server.Directory.CreateBindingJob(t.Context(), s.Site, ordinary)
	servertest.Check(t, err)
	_, token, _ := strings.Cut(b.Link, "?token=")
	step := s.prove(t, s.post(t, "bind", object{"token": token}), s.device)
	if step.Status != http.StatusOK {
		t.Fatalf("got %d %s", step.Status, step.Body)
	}
	ref := directory.PasskeyRef{IdentityID: s.ada.ID, PasskeyID: keys[0].ID}
	servertest.Check(t, s.Server.Directory.RevokePasskey(t.Context(), s.Site, ref))
	refused(t, "its passkey was revoked", s.finishBinding(t, s.newDevice(t, rpID, origin), step), http.StatusNotFound, "link_unknown")
	// Nor does a link without a proof help whoever revoked it.
	lost := s.post(t, "bind", object{"token": s.link(t, s.ada.ID, s.config.ID)})
	refused(t, "an ordinary link", lost, http.StatusForbidden, "not_allowed")
	if !strings.Contains(string(lost.Body), "for recovery") {
		t.Errorf("it says %s", lost.Body)
	}
	ordinary.Recovery = true
	b, err = s.Server.Directory.CreateBindingJob(t.Context(), s.Site, ordinary)
	servertest.Check(t, err)
	_, token, _ = strings.Cut(b.Link, "?token=")
	if got := s.bindAs(t, s.newDevice(t, rpID, origin), token); got.Status != http.StatusOK {
		t.Errorf("for recovery: %d %s", got.Status, got.Body)
	}
}

// Where none of a person's passkeys can be used, a link alone is not enough, unless
// it is for recovery.
func TestWithoutAPasskeyToProveALinkAloneBindsNothing(t *testing.T) {
	s := newShop(t, recipe{})
	other := s.newConfig(t, func(c *model.AuthenticatorSettings) { c.RPID = "" })
	refused(t, "no passkey for this relying party", s.post(t, "bind", object{"token": s.link(t, s.ada.ID, other.ID)}), http.StatusForbidden, "not_allowed")
	b, err := s.Server.Directory.CreateBindingJob(t.Context(), s.Site, directory.NewBinding{IdentityID: s.ada.ID, ConfigID: other.ID, Recovery: true})
	servertest.Check(t, err)
	_, token, _ := strings.Cut(b.Link, "?token=")
	if got := s.bindAs(t, s.newDevice(t, s.Site.RPID, origin), token); got.Status != http.StatusOK {
		t.Errorf("for recovery: %d %s", got.Status, got.Body)
	}
}

// Requirement: embedded-bind-once
func TestOfTwoBrowsersWithOneLinkOneBinds(t *testing.T) {
	s := newShop(t, recipe{})
	bob := s.identity(t, "bob")
	token := s.link(t, bob.ID, s.config.ID)
	var steps, answers [8]servertest.Answer
	for i := range steps {
		steps[i] = s.post(t, "bind", object{"token": token})
	}
	var wg sync.WaitGroup
	for i := range steps {
		wg.Go(func() { answers[i] = s.finishBinding(t, s.newDevice(t, rpID, origin), steps[i]) })
	}
	wg.Wait()
	won := 0
	for _, a := range answers {
		if a.Status == http.StatusOK {
			won++
			continue
		}
		refused(t, "a loser", a, http.StatusGone, "link_used")
	}
	if keys, err := s.Server.Directory.Passkeys(t.Context(), s.Site, bob.ID); won != 1 || err != nil || len(keys) != 1 {
		t.Errorf("%d won, %d passkeys, %v", won, len(keys), err)
	}
}

// Requirement: embedded-bind-refused
func TestLinksThatLeadElsewhereOrNowhereAreRefusedByName(t *testing.T) {
	clock := &servertest.Clock{}
	s := newShop(t, recipe{server: func(c *server.Config) { c.Now = clock.Now }})
	bob := s.identity(t, "bob")
	hosted := s.link(t, bob.ID, "")
	refused(t, "of a page of the realm", s.post(t, "bind", object{"token": hosted}), http.StatusForbidden, "origin_not_trusted")
	refused(t, "of nobody", s.post(t, "bind", object{"token": ids.Secret()}), http.StatusNotFound, "link_unknown")
	refused(t, "no token", s.post(t, "bind", object{"token": ""}), http.StatusNotFound, "link_unknown")
	other := s.newConfig(t, func(c *model.AuthenticatorSettings) {
		c.TrustedOrigins, c.InvokeURL, c.RPID = []string{"https://other.example"}, "https://other.example", ""
	})
	got := s.post(t, "bind", object{"token": s.link(t, bob.ID, other.ID)})
	refused(t, "of another application", got, http.StatusForbidden, "origin_not_trusted")
	if got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("its page may read it: %v", got.Header)
	}
	if got := s.postFrom(t, "https://other.example", "bind", object{"token": s.link(t, bob.ID, other.ID)}); got.Status != http.StatusOK {
		t.Errorf("at its own page: %d %s", got.Status, got.Body)
	}
	token := s.link(t, bob.ID, s.config.ID)
	step := s.post(t, "bind", object{"token": token})
	refused(t, "a state of nobody", s.post(t, "bind/finish", object{"state": "x", "response": object{}}), http.StatusBadRequest, "ceremony_expired")
	refused(t, "a state of nobody to prove", s.post(t, "bind/proof", object{"state": "x", "response": object{}}), http.StatusBadRequest, "ceremony_expired")
	refused(t, "no passkey", s.post(t, "bind/finish", object{"state": step.Text("state"), "response": object{}}), http.StatusUnprocessableEntity, "passkey_invalid")
	mute := s.virtual()
	mute.Authenticator.Options.UserNotVerified = true
	refused(t, "a passkey without user verification", s.finishBinding(t, mute, step), http.StatusUnprocessableEntity, "passkey_invalid")
	refused(t, "a passkey for the realm's own relying party", s.post(t, "bind/finish", object{"state": step.Text("state"), "response": s.wrongRP(t, step)}),
		http.StatusUnprocessableEntity, "passkey_invalid")
	clock.Turn(10 * time.Minute)
	refused(t, "too slow", s.finishBinding(t, s.newDevice(t, rpID, origin), step), http.StatusBadRequest, "ceremony_expired")
	clock.Turn(8 * 24 * time.Hour)
	refused(t, "too old", s.post(t, "bind", object{"token": token}), http.StatusGone, "link_expired")
}

// wrongRP answers a step with a passkey that is made for another relying party.
func (s *shop) wrongRP(t testing.TB, step servertest.Answer) json.RawMessage {
	t.Helper()
	d := s.virtual()
	d.RP.ID = s.Site.RPID
	options, err := json.Marshal(step.JSON["options"])
	servertest.Check(t, err)
	response, err := d.Create(options)
	servertest.Check(t, err)
	return response
}

func TestASuspendedPersonAndATakenPasskeyBindNothing(t *testing.T) {
	s := newShop(t, recipe{})
	bob := s.identity(t, "bob")
	d := s.newDevice(t, rpID, origin)
	step := s.post(t, "bind", object{"token": s.link(t, bob.ID, s.config.ID)})
	if got := s.finishBinding(t, d, step); got.Status != http.StatusOK {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	carol := s.identity(t, "carol")
	refused(t, "a passkey that bob has", s.finishBinding(t, d, s.post(t, "bind", object{"token": s.link(t, carol.ID, s.config.ID)})), http.StatusConflict, "passkey_taken")
	token := s.link(t, carol.ID, s.config.ID)
	_, err := s.Server.Directory.Suspend(t.Context(), s.Site, carol.ID, "")
	servertest.Check(t, err)
	refused(t, "a suspended person", s.post(t, "bind", object{"token": token}), http.StatusForbidden, "not_allowed")
}

// Requirement: embedded-bind-link
func TestTheLinkOfAnEmbeddedJobLeadsToTheApplication(t *testing.T) {
	s := newShop(t, recipe{})
	bob := s.identity(t, "bob")
	b, err := s.Server.Directory.CreateBindingJob(t.Context(), s.Site, directory.NewBinding{IdentityID: bob.ID, ConfigID: s.config.ID, RedirectURI: origin + "/welcome?x=1"})
	servertest.Check(t, err)
	if !strings.HasPrefix(b.Link, s.Site.Issuer+"/bind?token=") {
		t.Fatalf("link %s", b.Link)
	}
	got := servertest.Do(t, http.MethodGet, b.Link, nil)
	want := s.config.BindURL(b.Link)
	if got.Status != http.StatusSeeOther || got.Header.Get("Location") != want || !strings.HasPrefix(want, origin+"/login/assent-bind?shop=1&link=http") {
		t.Errorf("got %d %s, want %s", got.Status, got.Header.Get("Location"), want)
	}
	_, token, _ := strings.Cut(b.Link, "?token=")
	if done := s.bindAs(t, s.newDevice(t, rpID, origin), token); done.Text("post_binding_redirect_uri") != origin+"/welcome?x=1" {
		t.Errorf("got %d %s", done.Status, done.Body)
	}
}

// Whoever tries links is slowed down, and whoever has one is not.
func TestLinksCannotBeTriedWithoutEnd(t *testing.T) {
	s := newShop(t, recipe{})
	last := servertest.Answer{}
	for range 31 {
		last = s.post(t, "bind", object{"token": ids.Secret()})
	}
	refused(t, "the 31st", last, http.StatusTooManyRequests, "too_many_requests")
	if last.Header.Get("Retry-After") == "" || last.Header.Get("Access-Control-Allow-Origin") != origin {
		t.Errorf("got %v", last.Header)
	}
	fresh := newShop(t, recipe{})
	token := fresh.link(t, fresh.identity(t, "bob").ID, fresh.config.ID)
	for range 40 {
		if got := fresh.post(t, "bind", object{"token": token}); got.Status != http.StatusOK {
			t.Fatalf("a link that is known: %d %s", got.Status, got.Body)
		}
	}
}
