package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/store"
)

var realmPromises = []promise{
	{"TenantsComeBackAsWritten", func(w *world) {
		list := got(w.Tenants(w.ctx))
		if len(list) != 1 || list[0].Name != "Acme" || list[0].CreatedAt != start {
			w.Errorf("got %+v", list)
		}
	}},
	{"TenantNamesAndIDsAreUnique", func(w *world) {
		there := got(w.Tenants(w.ctx))[0]
		w.refused(w.CreateTenant(w.ctx, model.Tenant{ID: model.TenantID(ids.New("ten")), Name: there.Name}, model.Effects{}), model.ErrConflict)
		w.refused(w.CreateTenant(w.ctx, model.Tenant{ID: there.ID, Name: "Other"}, model.Effects{}), model.ErrConflict)
	}},
	{"ADatabaseBelongsToTheFirstBaseURLThatClaimsIt", func(w *world) {
		_, err := w.BaseURL(w.ctx)
		w.refused(err, model.ErrNotFound)
		said := make([]string, 8)
		var wg sync.WaitGroup
		for i := range said {
			wg.Go(func() { said[i] = got(w.ClaimBaseURL(w.ctx, fmt.Sprintf("https://%d.example", i))) })
		}
		wg.Wait()
		kept := got(w.BaseURL(w.ctx))
		same(w, said, slices.Repeat([]string{kept}, len(said)))
		same(w, got(w.open(store.Config{}).ClaimBaseURL(w.ctx, "https://late.example")), kept)
	}},
	{"RealmsComeBackAsWritten", func(w *world) {
		r := w.home.realm
		r.ID, r.Name, r.Default = model.RealmID(ids.New("rlm")), "third", false
		r.Policy = model.RealmPolicy{AskAnyone: true, RPID: "example.org"}
		r.TokensInvalidBefore = start.Add(time.Second)
		w.ok(w.CreateRealm(w.ctx, r, model.Effects{}))
		same(w, got(w.Realms(w.ctx)), []model.Realm{w.home.realm, w.away.realm, r})
	}},
	{"RealmNamesAreUniqueAndOneIsTheDefault", func(w *world) {
		taken := w.home.realm
		taken.ID, taken.Default = model.RealmID(ids.New("rlm")), false
		w.refused(w.CreateRealm(w.ctx, taken, model.Effects{}), model.ErrConflict)
		second := w.home.realm
		second.ID, second.Name = model.RealmID(ids.New("rlm")), "second"
		w.refused(w.CreateRealm(w.ctx, second, model.Effects{}), model.ErrConflict)
		second.ID = w.home.realm.ID
		second.Default = false
		w.refused(w.CreateRealm(w.ctx, second, model.Effects{}), model.ErrConflict)
	}},
	{"ARealmNeedsItsTenant", func(w *world) {
		r := w.away.realm
		r.ID, r.Name, r.TenantID = model.RealmID(ids.New("rlm")), "lost", "ten_nobody"
		w.refused(w.CreateRealm(w.ctx, r, model.Effects{}), model.ErrNotFound)
	}},
	{"AnUpdateOfARealmNeedsItsVersion", func(w *world) {
		r := w.home.realm
		r.DisplayName, r.Status, r.TokensInvalidBefore = "Home", model.RealmDisabled, 7
		w.ok(w.UpdateRealm(w.ctx, r, model.Effects{}))
		w.refused(w.UpdateRealm(w.ctx, r, model.Effects{}), model.ErrConflict)
		r.Version = 2
		same(w, got(w.Realms(w.ctx))[0], r)
		r.ID = "rlm_nobody"
		w.refused(w.UpdateRealm(w.ctx, r, model.Effects{}), model.ErrConflict)
	}},
	{"AnUpdateOfARealmCannotTakeANameOrMakeASecondDefault", func(w *world) {
		r := w.away.realm
		r.Name = w.home.realm.Name
		w.refused(w.UpdateRealm(w.ctx, r, model.Effects{}), model.ErrConflict)
		r = w.away.realm
		r.Default = true
		w.refused(w.UpdateRealm(w.ctx, r, model.Effects{}), model.ErrConflict)
		same(w, got(w.Realms(w.ctx))[1], w.away.realm)
	}},
}

func newSigningKey(realm model.RealmID, alg string, state model.SigningKeyState) model.SigningKey {
	return model.SigningKey{RealmID: realm, KID: model.SigningKeyID(ids.New("key")), Alg: alg,
		PublicJWK: []byte(`{"kty":"EC"}`), Sealed: []byte{0, 1, 0xff}, State: state, CreatedAt: start}
}

var keysPromises = []promise{
	{"KeysComeBackOldestFirst", func(w *world) {
		older := newSigningKey(w.home.realm.ID, "ES256", model.SigningActive)
		older.CreatedAt, older.ActivatedAt, older.RetiredAt, older.PublishUntil = start-5, 1, 2, 3
		newer := newSigningKey(w.home.realm.ID, "ES256", model.SigningNext)
		w.ok(w.InsertSigningKey(w.ctx, newer, model.Effects{}))
		w.ok(w.InsertSigningKey(w.ctx, older, model.Effects{}))
		same(w, got(w.SigningKeys(w.ctx, w.home.realm.ID)), []model.SigningKey{older, newer})
	}},
	{"OneActiveAndOneNextPerAlgorithm", func(w *world) {
		for _, state := range []model.SigningKeyState{model.SigningActive, model.SigningNext} {
			for _, alg := range []string{"ES256", "EdDSA"} {
				w.ok(w.InsertSigningKey(w.ctx, newSigningKey(w.home.realm.ID, alg, state), model.Effects{}))
				w.refused(w.InsertSigningKey(w.ctx, newSigningKey(w.home.realm.ID, alg, state), model.Effects{}), model.ErrConflict)
			}
			w.ok(w.InsertSigningKey(w.ctx, newSigningKey(w.away.realm.ID, "ES256", state), model.Effects{}))
		}
		for range 2 {
			w.ok(w.InsertSigningKey(w.ctx, newSigningKey(w.home.realm.ID, "ES256", model.SigningRetired), model.Effects{}))
		}
	}},
	{"AKIDIsTakenOnce", func(w *world) {
		k := newSigningKey(w.home.realm.ID, "ES256", model.SigningRetired)
		w.ok(w.InsertSigningKey(w.ctx, k, model.Effects{}))
		w.refused(w.InsertSigningKey(w.ctx, k, model.Effects{}), model.ErrConflict)
	}},
	{"ActivationRetiresTheActiveKeyOfTheAlgorithmAlone", func(w *world) {
		realm := w.home.realm.ID
		active := newSigningKey(realm, "ES256", model.SigningActive)
		other := newSigningKey(realm, "EdDSA", model.SigningActive)
		next := newSigningKey(realm, "ES256", model.SigningNext)
		active.CreatedAt, other.CreatedAt = start-2, start-1
		for _, k := range []model.SigningKey{active, other, next} {
			w.ok(w.InsertSigningKey(w.ctx, k, model.Effects{}))
		}
		at, until := start.Add(time.Hour), start.Add(2*time.Hour)
		w.ok(w.ActivateSigningKey(w.ctx, next, at, until, model.Effects{}))
		active.State, active.RetiredAt, active.PublishUntil = model.SigningRetired, at, until
		activated := next
		activated.State, activated.ActivatedAt = model.SigningActive, at
		want := []model.SigningKey{active, other, activated}
		same(w, got(w.SigningKeys(w.ctx, realm)), want)
		w.refused(w.ActivateSigningKey(w.ctx, next, at+1, until+1, model.Effects{}), model.ErrConflict)
		same(w, got(w.SigningKeys(w.ctx, realm)), want)
	}},
	{"TheFirstKeyIsActivatedWithoutAnOlderOne", func(w *world) {
		k := newSigningKey(w.home.realm.ID, "ES256", model.SigningNext)
		w.ok(w.InsertSigningKey(w.ctx, k, model.Effects{}))
		w.ok(w.ActivateSigningKey(w.ctx, k, start, start, model.Effects{}))
		if list := got(w.SigningKeys(w.ctx, k.RealmID)); list[0].State != model.SigningActive {
			w.Errorf("got %+v", list)
		}
	}},
}

var applicationPromises = []promise{
	{"AnApplicationComesBackWithItsKeysAndUnexpiredSecrets", func(w *world) {
		a := newApp(w.home.realm.ID)
		a.OwnerID, a.TokensInvalidBefore = w.home.person.ID, 5
		a.Keys = []model.ClientKey{
			{KID: "k1", JWK: []byte(`{}`), Status: model.KeyActive, CreatedAt: 1},
			{KID: "k2", JWK: []byte(`{"a":1}`), Status: model.KeyRetiring, CreatedAt: 2, RetireAt: 3, LastUsedAt: 4}}
		now := model.MillisOf(time.Now())
		kept := []model.ClientSecret{{Digest: secret(), CreatedAt: 1}, {Digest: secret(), CreatedAt: 2, ExpiresAt: now.Add(time.Hour)}}
		a.Secrets = append([]model.ClientSecret{{Digest: secret(), CreatedAt: 3, ExpiresAt: now.Add(-time.Hour)}}, kept...)
		w.ok(w.CreateApplication(w.ctx, a, model.Effects{}))
		a.Secrets = kept
		same(w, got(w.Application(w.ctx, a.RealmID, a.ID)), a)
		same(w, got(w.Applications(w.ctx, a.RealmID)), []model.Application{w.home.app, a})
	}},
	{"AnApplicationsIDIsTakenOnceAndItsRealmMustExist", func(w *world) {
		w.refused(w.CreateApplication(w.ctx, w.home.app, model.Effects{}), model.ErrConflict)
		w.refused(w.CreateApplication(w.ctx, newApp("rlm_nobody"), model.Effects{}), model.ErrNotFound)
	}},
	{"AKIDTwiceLeavesNothingOfTheApplication", func(w *world) {
		a := newApp(w.home.realm.ID)
		a.Keys = []model.ClientKey{{KID: "k", JWK: []byte(`{}`)}, {KID: "k", JWK: []byte(`{}`)}}
		w.refused(w.CreateApplication(w.ctx, a, model.Effects{}), model.ErrConflict)
		_, err := w.Application(w.ctx, a.RealmID, a.ID)
		w.refused(err, model.ErrNotFound)
	}},
	{"AnUpdateOfAnApplicationNeedsItsVersionAndLeavesItsKeys", func(w *world) {
		a := newApp(w.home.realm.ID)
		a.Keys = []model.ClientKey{{KID: "k", JWK: []byte(`{}`), Status: model.KeyActive, CreatedAt: 1}}
		w.ok(w.CreateApplication(w.ctx, a, model.Effects{}))
		a.Name, a.Status, a.Settings.StrictAudience, a.TokensInvalidBefore = "robot", model.ApplicationFrozen, true, 9
		keys := a.Keys
		a.Keys = nil
		w.ok(w.UpdateApplication(w.ctx, a, model.Effects{}))
		w.refused(w.UpdateApplication(w.ctx, a, model.Effects{}), model.ErrConflict)
		a.Version, a.Keys = 2, keys
		same(w, got(w.Application(w.ctx, a.RealmID, a.ID)), a)
	}},
	{"AnUnknownApplicationIsNotFound", func(w *world) {
		_, err := w.Application(w.ctx, w.home.realm.ID, "agt_nobody")
		w.refused(err, model.ErrNotFound)
	}},
}
