package storetest

import (
	"encoding/json"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// grant is one with a refresh token, of the person and the application of a
// place.
func (p place) grant() model.Grant {
	return model.Grant{RealmID: p.realm.ID, ID: model.GrantID(ids.New("grt")), Kind: "authorization_code",
		IdentityID: p.person.ID, ApplicationID: p.app.ID, Scope: "openid email",
		Terms:   model.GrantTerms{Resources: []string{"https://api.example"}, AuthTime: 7, ACR: "passkey", AMR: []string{"hwk", "user"}},
		Refresh: 1, RefreshedAt: start, CreatedAt: start, ExpiresAt: start.Add(time.Hour)}
}

// opened stores a grant.
func (w *world) opened(g model.Grant) model.Grant {
	w.Helper()
	w.ok(w.OpenGrant(w.ctx, oauth.Opening{Grant: g}, model.Effects{}))
	return g
}

// child is a grant that came from another.
func child(of model.Grant) model.Grant {
	of.ParentID, of.ID = of.ID, model.GrantID(ids.New("grt"))
	return of
}

// once is a grant with something that it uses up.
func once(g model.Grant) oauth.Opening {
	o := newOnce(g.RealmID, model.OncePushed)
	return oauth.Opening{Grant: g, Once: &o, Decided: start}
}

// grant reads one back.
func (w *world) grant(g model.Grant) model.Grant {
	w.Helper()
	return got(w.Grant(w.ctx, g.RealmID, g.ID))
}

// noGrant demands that it is not there, and that what it would have used up is
// as it was.
func (w *world) noGrant(o oauth.Opening) {
	w.Helper()
	_, err := w.Grant(w.ctx, o.Grant.RealmID, o.Grant.ID)
	w.refused(err, model.ErrNotFound)
	if o.Once != nil {
		same(w, got(w.Consume(w.ctx, *o.Once)), true)
	}
}

func refreshing(g model.Grant, from int64) model.Refreshing {
	return model.Refreshing{RealmID: g.RealmID, ID: g.ID, From: from, At: start.Add(time.Minute), Expires: start.Add(2 * time.Hour)}
}

var grantPromises = []promise{
	{"AGrantComesBackAsWritten", func(w *world) {
		g := w.home.grant()
		g.ApprovalID, g.SessionID, g.ParentID = "apr_1", "ses_1", w.opened(w.home.grant()).ID
		g.Terms.Details = []json.RawMessage{json.RawMessage(`{"type":"a","n":1}`)}
		g.Terms.Claims, g.Terms.Act = json.RawMessage(`{"userinfo":{}}`), json.RawMessage(`{"sub":"agt_1"}`)
		g.Terms.SessionID, g.Terms.JKT, g.Terms.Subject = "ses_1", "thumb", "workload"
		same(w, w.grant(w.opened(g)), g)
	}},
	{"AGrantOfNobodyAndWithoutTermsComesBackToo", func(w *world) {
		g := model.Grant{RealmID: w.home.realm.ID, ID: model.GrantID(ids.New("grt")), Kind: "client_credentials",
			ApplicationID: w.home.app.ID, CreatedAt: start, ExpiresAt: start.Add(time.Minute)}
		same(w, w.grant(w.opened(g)), g)
	}},
	{"AGrantOfAnApprovalHasItsTermsAndItsRefreshToken", func(w *world) {
		a := w.ask(w.home)
		w.ok(w.EndApproval(w.ctx, ending(a, model.ApprovalApproved), model.Effects{}))
		g := w.home.grant()
		g.Kind, g.ApprovalID = "ciba", a.ID
		w.ok(w.FulfilApproval(w.ctx, g, start, model.Effects{}))
		same(w, w.grant(g), g)
	}},
	{"WhatAGrantUsesUpIsUsedOnceAndAGrantIDIsTakenOnce", func(w *world) {
		o := once(w.home.grant())
		w.ok(w.OpenGrant(w.ctx, o, model.Effects{}))
		again := o
		again.Grant.ID = model.GrantID(ids.New("grt"))
		w.refused(w.OpenGrant(w.ctx, again, model.Effects{}), model.ErrConflict)
		w.noGrant(oauth.Opening{Grant: again.Grant})
		same(w, got(w.Consume(w.ctx, *o.Once)), false)
		taken := once(o.Grant)
		w.refused(w.OpenGrant(w.ctx, taken, model.Effects{}), model.ErrConflict)
		same(w, got(w.Consume(w.ctx, *taken.Once)), true)
	}},
	{"WhatWasRevokedSinceTheDecisionOpensNothing", checkRevokedOpensNothing},
	{"ARightOfNowAsksNothingOfThePast", func(w *world) {
		w.revokedAt("application", start)
		g := w.opened(w.home.grant())
		same(w, w.grant(g), g)
	}},
	{"AnEndedSessionOpensNothingAndRefreshesNothing", func(w *world) {
		s, other := w.session(), w.session()
		g, stays := w.home.grant(), w.home.grant()
		g.SessionID, stays.SessionID = s.ID, other.ID
		w.opened(g)
		w.opened(stays)
		w.ok(w.EndSession(w.ctx, s.RealmID, s.ID, start, model.Effects{}))
		late := once(g)
		late.Grant.ID = model.GrantID(ids.New("grt"))
		w.refused(w.OpenGrant(w.ctx, late, model.Effects{}), model.ErrConflict)
		w.noGrant(late)
		w.refused(w.RefreshGrant(w.ctx, refreshing(g, 1), model.Effects{}), model.ErrConflict)
		w.ok(w.RefreshGrant(w.ctx, refreshing(stays, 1), model.Effects{}))
	}},
	{"AChildNeedsAParentThatIsThereAndAlive", func(w *world) {
		parent := w.opened(w.home.grant())
		kept := once(child(parent))
		w.ok(w.OpenGrant(w.ctx, kept, model.Effects{}))
		same(w, w.grant(kept.Grant), kept.Grant)
		same(w, w.grant(parent), parent)
		orphan := once(child(w.home.grant()))
		w.refused(w.OpenGrant(w.ctx, orphan, model.Effects{}), model.ErrConflict)
		w.noGrant(orphan)
		w.revoke(w.queryOf(parent))
		late := once(child(parent))
		w.refused(w.OpenGrant(w.ctx, late, model.Effects{}), model.ErrConflict)
		w.noGrant(late)
	}},
	{"RefreshingMovesTheNumberTheInstantAndTheEndAndNothingElse", func(w *world) {
		g := w.opened(w.home.grant())
		r := refreshing(g, 1)
		w.ok(w.RefreshGrant(w.ctx, r, model.Effects{}))
		g.Refresh, g.RefreshedAt, g.ExpiresAt = 2, r.At, r.Expires
		same(w, w.grant(g), g)
		w.refused(w.RefreshGrant(w.ctx, r, model.Effects{}), model.ErrConflict)
		r.From = 3
		w.refused(w.RefreshGrant(w.ctx, r, model.Effects{}), model.ErrConflict)
		same(w, w.grant(g), g)
	}},
	{"WhatIsOverRevokedUnknownOrWithoutARefreshTokenIsNotRefreshed", func(w *world) {
		over, revoked, without := w.home.grant(), w.home.grant(), w.home.grant()
		over.ExpiresAt = refreshing(over, 1).At
		without.Refresh = 0
		for _, g := range []model.Grant{over, revoked, without} {
			w.opened(g)
		}
		w.revoke(w.queryOf(revoked))
		for _, g := range []model.Grant{over, revoked, without, w.home.grant()} {
			w.refused(w.RefreshGrant(w.ctx, refreshing(g, g.Refresh), model.Effects{}), model.ErrConflict)
		}
		over.ExpiresAt++ // one instant more is enough
		over.ID = model.GrantID(ids.New("grt"))
		w.ok(w.RefreshGrant(w.ctx, refreshing(w.opened(over), 1), model.Effects{}))
	}},
	{"WhatWasRevokedSinceAGrantBeganRefreshesNothing", func(w *world) {
		for _, what := range revocable {
			g := w.opened(w.home.grant())
			w.revokedAt(what, g.CreatedAt)
			w.refused(w.RefreshGrant(w.ctx, refreshing(g, 1), model.Effects{}), model.ErrConflict)
			w.revokedAt(what, g.CreatedAt-1)
			w.ok(w.RefreshGrant(w.ctx, refreshing(g, 1), model.Effects{}))
		}
	}},
	{"AnUnknownGrantIsNotFound", func(w *world) {
		_, err := w.Grant(w.ctx, w.home.realm.ID, "grt_nobody")
		w.refused(err, model.ErrNotFound)
	}},
}

// revocable is everything that can make all that it has invalid.
var revocable = []string{"realm", "application", "identity"}

// revokedAt makes what the realm, the application or the person of home got
// until an instant invalid.
func (w *world) revokedAt(what string, at model.Millis) {
	w.Helper()
	switch what {
	case "realm":
		w.home.realm.TokensInvalidBefore = at
		w.ok(w.UpdateRealm(w.ctx, w.home.realm, model.Effects{}))
		w.home.realm.Version++
	case "application":
		w.home.app.TokensInvalidBefore = at
		w.ok(w.UpdateApplication(w.ctx, w.home.app, model.Effects{}))
		w.home.app.Version++
	case "identity":
		w.home.person.TokensInvalidBefore = at
		w.ok(w.UpdateIdentity(w.ctx, w.home.person, model.Effects{}))
		w.home.person.Version++
	default:
		w.Fatalf("nothing revokes a %s", what)
	}
}

func checkRevokedOpensNothing(w *world) {
	for _, what := range revocable {
		o := once(w.home.grant())
		w.revokedAt(what, o.Decided)
		w.refused(w.OpenGrant(w.ctx, o, model.Effects{}), model.ErrConflict)
		w.noGrant(o)
		if what == "identity" { // nobody's grant does not hang on a person
			nobody := once(w.home.grant())
			nobody.Grant.IdentityID = ""
			w.ok(w.OpenGrant(w.ctx, nobody, model.Effects{}))
		}
		w.revokedAt(what, o.Decided-1) // what was revoked before the decision does not touch it
		w.ok(w.OpenGrant(w.ctx, once(o.Grant), model.Effects{}))
	}
}
