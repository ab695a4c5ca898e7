package oauthhttp_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
)

// An acting is somebody who acts for the person of a chain with a token of their
// own, and what came of it: the front end's token, and the one that the service
// behind it got for that. The front end knows people by names of its own.
type acting struct {
	*chain
	actor        *servertest.Flow
	tokens       servertest.Answer // of the actor
	token, child string
}

func newActing(t *testing.T, w *servertest.World, opaque bool) acting {
	t.Helper()
	a := acting{chain: newChain(t, w, model.ApplicationSettings{SubjectType: "pairwise", OpaqueTokens: opaque})}
	a.actor = w.Flow(t, application.NewApplication{Name: "Actor", Resources: []string{a.App.ID}})
	a.tokens = a.actor.Tokens(t)
	a.token = swapped(t, w, a.App, a.Tokens(t).Text("access_token"), "actor_token", a.tokens.Text("access_token"), "actor_token_type", accessType)
	a.child = swapped(t, w, a.back, a.token, "audience", dbURL)
	if !active(t, w, a.back, a.token) || !active(t, w, a.back, a.child) {
		t.Fatal("a fresh token is inactive")
	}
	return a
}

func (a *acting) jti(t *testing.T) string {
	t.Helper()
	return claimsOf(t, a.tokens.Text("access_token"))["jti"].(string)
}

func (a *acting) grant(t *testing.T) model.GrantID {
	t.Helper()
	return model.GrantID(claimsOf(t, a.tokens.Text("access_token"))["grant_id"].(string))
}

// Requirement: exchange-actor-revoked
func TestATokenDiesWithWhoActsByIt(t *testing.T) {
	for name, stop := range map[string]func(*testing.T, *acting) error{
		"the actor token": func(t *testing.T, a *acting) error {
			a.Post(t, "/oauth/revoke", a.actor.Form("token", a.tokens.Text("access_token")))
			return nil
		},
		"its grant": func(t *testing.T, a *acting) error {
			a.Post(t, "/oauth/revoke", a.actor.Form("token", a.tokens.Text("refresh_token")))
			return nil
		},
		"the access tokens of its grant": func(t *testing.T, a *acting) error {
			_, err := a.Server.RevokeGrantTokens(t.Context(), a.Site, a.grant(t), "operator")
			return err
		},
		"its application": func(t *testing.T, a *acting) error {
			return a.Server.Applications.SetStatus(t.Context(), a.Site, model.ClientID(a.actor.App.ID), model.ApplicationFrozen, "operator")
		},
		"the actor": func(t *testing.T, a *acting) error {
			_, err := a.Server.Directory.Suspend(t.Context(), a.Site, a.actor.Identity.ID, "operator")
			return err
		},
		"all tokens of the actor": func(t *testing.T, a *acting) error {
			_, err := a.Server.Directory.RevokeTokens(t.Context(), a.Site, directory.Ref[model.IdentityID]{ID: a.actor.Identity.ID, Actor: "operator"})
			return err
		},
	} {
		for _, opaque := range []bool{false, true} {
			w := servertest.Start(t, nil)
			a := newActing(t, w, opaque)
			servertest.Check(t, stop(t, &a))
			for which, token := range map[string]string{"token": a.token, "token from that": a.child} {
				if active(t, w, a.back, token) {
					t.Errorf("%s is stopped (opaque: %v): the %s lives on", name, opaque, which)
				}
			}
			wantError(t, name, swap(t, w, a.back, a.token, "audience", dbURL), "invalid_request")
		}
	}
}

// Resource servers look these names up in the revocation feed. Each client sees
// people by the names that it knows.
//
// Requirement: exchange-actor-revoked, subject-pairwise
func TestATokenHangsUnderWhoActsByIt(t *testing.T) {
	w := servertest.Start(t, nil)
	a := newActing(t, w, false)
	front, back := claimsOf(t, a.token), claimsOf(t, a.child)
	name := front["act"].(map[string]any)["sub"].(string)
	for _, tt := range []struct {
		who    string
		claims map[string]any
		wants  []string
		not    string
	}{
		{"front", front, []string{a.jti(t), string(a.grant(t)), a.actor.App.ID, name}, string(a.actor.Identity.ID)},
		{"back", back, []string{a.jti(t), string(a.grant(t)), a.actor.App.ID, string(a.actor.Identity.ID), front["jti"].(string), a.App.ID}, name},
	} {
		parents := tt.claims["parents"].([]any)
		for _, want := range tt.wants {
			if !slices.Contains(parents, any(want)) {
				t.Errorf("%s: %s is not in %v", tt.who, want, parents)
			}
		}
		if slices.Contains(parents, any(tt.not)) {
			t.Errorf("%s: %v has a name that is not for it", tt.who, parents)
		}
	}
	if !strings.HasPrefix(name, "pw_") {
		t.Errorf("the actor is %s at the front", name)
	}
}

// Requirement: exchange-actor-revoked
func TestATokenEndsWithTheTokenOfWhoActs(t *testing.T) {
	w, clock := clocked(t)
	c := newChain(t, w, model.ApplicationSettings{})
	actor := w.Flow(t, application.NewApplication{Resources: []string{c.back.ID}})
	theirs := actor.Tokens(t).Text("access_token")
	clock.Turn(4 * time.Minute)
	got := claimsOf(t, swapped(t, w, c.back, c.Tokens(t).Text("access_token"), "audience", dbURL, "actor_token", theirs, "actor_token_type", accessType))
	if end := claimsOf(t, theirs)["exp"]; got["exp"] != end {
		t.Errorf("exp = %v, that of the actor token is %v", got["exp"], end)
	}
}

// An ID token says who acts, and for how long they are signed in.
//
// Requirement: exchange-actor-revoked
func TestWhoActsByASignInDoesSoForAsLongAsItLasts(t *testing.T) {
	for name, stop := range map[string]func(*testing.T, *servertest.Flow, string){
		"suspended": func(t *testing.T, actor *servertest.Flow, _ string) {
			_, err := actor.Server.Directory.Suspend(t.Context(), actor.Site, actor.Identity.ID, "operator")
			servertest.Check(t, err)
		},
		"signed out": func(t *testing.T, actor *servertest.Flow, id string) {
			if got := browserOf(actor.Person).open(t, actor.Site.Issuer+"/oauth/logout?id_token_hint="+id); got.status/100 > 3 {
				t.Fatalf("logout: %d", got.status)
			}
		},
	} {
		w := servertest.Start(t, nil)
		c := newChain(t, w, model.ApplicationSettings{})
		actor := *c.Flow
		actor.Person, actor.Identity = w.Person(t, "bob")
		id := actor.Tokens(t).Text("id_token")
		subject := c.Tokens(t).Text("access_token")
		got := swapped(t, w, c.App, subject, "actor_token", id, "actor_token_type", idType)
		if !active(t, w, c.App, got) {
			t.Fatal("a fresh token is inactive")
		}
		stop(t, &actor, id)
		if active(t, w, c.App, got) {
			t.Errorf("%s: the token lives on", name)
		}
		wantError(t, name, swap(t, w, c.App, subject, "actor_token", id, "actor_token_type", idType), "invalid_request")
		if !active(t, w, c.App, subject) {
			t.Errorf("%s: the subject's own token is dead", name)
		}
	}
}
