package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/audit"
	"github.com/assent-id/assent/internal/service/oauth"
)

var tenantPromises = []promise{
	{"AChangeOfATenantNeedsItsVersion", func(w *world) {
		t := model.Tenant{ID: model.TenantID(ids.New("ten")), Name: "Other", CreatedAt: start, UpdatedAt: start, Version: 1}
		w.ok(w.CreateTenant(w.ctx, t, model.Effects{}))
		t.Name, t.UpdatedAt = "Renamed", start+1
		w.ok(w.UpdateTenant(w.ctx, t, model.Effects{}))
		w.refused(w.UpdateTenant(w.ctx, t, model.Effects{}), model.ErrConflict)
		t.Version = 2
		same(w, got(w.Tenants(w.ctx))[1], t)
		t.Name = "Acme"
		w.refused(w.UpdateTenant(w.ctx, t, model.Effects{}), model.ErrConflict)
	}},
	{"ATenantWithRealmsStays", func(w *world) {
		home := got(w.Tenants(w.ctx))[0]
		w.refused(w.DeleteTenant(w.ctx, home, model.Effects{}), model.ErrConflict)
		t := model.Tenant{ID: model.TenantID(ids.New("ten")), Name: "Other", CreatedAt: start, Version: 1}
		w.ok(w.CreateTenant(w.ctx, t, model.Effects{}))
		stale := t
		stale.Version = 7
		w.refused(w.DeleteTenant(w.ctx, stale, model.Effects{}), model.ErrConflict)
		w.ok(w.DeleteTenant(w.ctx, t, model.Effects{}))
		same(w, len(got(w.Tenants(w.ctx))), 1)
	}},
	{"ARealmComesBackWithItsThemeAndItsLogos", func(w *world) {
		r := w.away.realm
		r.Theme = model.Theme{Accent: "#0b5d3b", LogoLight: "abc"}
		l := model.Logo{RealmID: r.ID, Variant: "light", MediaType: "image/png", Data: []byte{1, 2, 0xff}}
		w.ok(w.SetLogo(w.ctx, r, l, model.Effects{}))
		w.refused(w.SetLogo(w.ctx, r, l, model.Effects{}), model.ErrConflict)
		r.Version++
		same(w, got(w.Realms(w.ctx))[1], r)
		same(w, got(w.Logo(w.ctx, r.ID, "light")), l)
		_, err := w.Logo(w.ctx, r.ID, "dark")
		w.refused(err, model.ErrNotFound)
		_, err = w.Logo(w.ctx, w.home.realm.ID, "light")
		w.refused(err, model.ErrNotFound)
		l.Data = nil
		w.ok(w.SetLogo(w.ctx, r, l, model.Effects{}))
		_, err = w.Logo(w.ctx, r.ID, "light")
		w.refused(err, model.ErrNotFound)
	}},
	{"OnlyADisabledRealmIsDeletedAndNeverTheDefaultOne", func(w *world) {
		w.refused(w.DeleteRealm(w.ctx, w.away.realm, model.Effects{}), model.ErrConflict)
		for _, r := range []model.Realm{w.home.realm, w.away.realm} {
			r.Status = model.RealmDisabled
			w.ok(w.UpdateRealm(w.ctx, r, model.Effects{}))
		}
		home, away := got(w.Realms(w.ctx))[0], got(w.Realms(w.ctx))[1]
		w.refused(w.DeleteRealm(w.ctx, home, model.Effects{}), model.ErrConflict)
		stale := away
		stale.Version--
		w.refused(w.DeleteRealm(w.ctx, stale, model.Effects{}), model.ErrConflict)
		w.ok(w.DeleteRealm(w.ctx, away, model.Effects{}))
		same(w, len(got(w.Realms(w.ctx))), 1)
		_, err := w.Identity(w.ctx, away.ID, w.away.person.ID)
		w.refused(err, model.ErrNotFound)
		same(w, got(w.Identity(w.ctx, home.ID, w.home.person.ID)).ID, w.home.person.ID)
	}},
}

var trailPromises = []promise{
	{"EventsAreFoundByWhatIsKnownOfThem", func(w *world) {
		var all []model.Event
		for i := range 6 {
			at := start.Add(time.Duration(i) * time.Hour)
			e := model.Event{ID: model.EventID(ids.At("evt", at.Time())), RealmID: w.home.realm.ID, Type: fmt.Sprintf("type.%d", i%2), Actor: fmt.Sprintf("actor%d", i%3), Target: "t", At: at}
			all = append(all, e)
		}
		foreign := all[0]
		foreign.RealmID, foreign.ID = w.away.realm.ID, model.EventID(ids.New("evt"))
		w.ok(w.RecordEvents(w.ctx, append(slices.Clone(all), foreign)))
		slices.Reverse(all)
		find := func(q audit.Query) []model.Event {
			q.RealmID = w.home.realm.ID
			if q.Limit == 0 {
				q.Limit = 10
			}
			return got(w.FindEvents(w.ctx, q)).Events
		}
		same(w, find(audit.Query{}), all)
		same(w, find(audit.Query{Type: "type.1"}), []model.Event{all[0], all[2], all[4]})
		same(w, find(audit.Query{Actor: "actor0", Target: "t"}), []model.Event{all[2], all[5]})
		same(w, find(audit.Query{After: all[3].At, Before: all[1].At}), all[2:4])
		first := got(w.FindEvents(w.ctx, audit.Query{RealmID: w.home.realm.ID, Type: "type.1", Limit: 2}))
		same(w, first.Next, all[2].ID)
		same(w, find(audit.Query{Type: "type.1", From: first.Next}), []model.Event{all[4]})
		same(w, got(w.FindEvents(w.ctx, audit.Query{RealmID: w.home.realm.ID, Limit: 10})).Next, model.EventID(""))
	}},
	{"GrantsAreListedByWhoseTheyAre", func(w *world) {
		r := w.home.realm.ID
		give := func(person model.IdentityID, app model.ClientID) model.Grant {
			g := model.Grant{RealmID: r, ID: model.GrantID(ids.New("grt")), Kind: "authorization_code", IdentityID: person, ApplicationID: app, Scope: "openid",
				CreatedAt: start, ExpiresAt: start.Add(time.Hour)}
			w.ok(w.OpenGrant(w.ctx, oauth.Opening{Grant: g}, model.Effects{}))
			return g
		}
		a1, b1, a2, other := give("idn_a", "app_1"), give("idn_b", "app_1"), give("idn_a", "app_1"), give("idn_a", "app_2")
		give2 := a1
		give2.RealmID = w.away.realm.ID
		w.ok(w.OpenGrant(w.ctx, oauth.Opening{Grant: give2}, model.Effects{}))
		list := func(q oauth.GrantList) []model.GrantID {
			q.RealmID = r
			if q.Limit == 0 {
				q.Limit = 10
			}
			var found []model.GrantID
			for _, g := range got(w.ListGrants(w.ctx, q)) {
				found = append(found, g.ID)
			}
			return found
		}
		same(w, list(oauth.GrantList{}), []model.GrantID{other.ID, a2.ID, b1.ID, a1.ID})
		same(w, list(oauth.GrantList{Limit: 2, After: other.ID}), []model.GrantID{a2.ID, b1.ID})
		same(w, list(oauth.GrantList{IdentityID: "idn_a"}), []model.GrantID{other.ID, a2.ID, a1.ID})
		same(w, list(oauth.GrantList{IdentityID: "idn_a", ApplicationID: "app_1"}), []model.GrantID{a2.ID, a1.ID})
		same(w, list(oauth.GrantList{ApplicationID: "app_1"}), []model.GrantID{b1.ID, a2.ID, a1.ID})
		same(w, list(oauth.GrantList{ApplicationID: "app_1", After: b1.ID, AfterIdentity: "idn_b"}), []model.GrantID{a2.ID, a1.ID})
		same(w, list(oauth.GrantList{ApplicationID: "app_1", After: a2.ID, AfterIdentity: "idn_a"}), []model.GrantID{a1.ID})
	}},
}
