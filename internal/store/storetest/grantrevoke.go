package storetest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/store"
)

// queryOf means one grant.
func (w *world) queryOf(g model.Grant) oauth.GrantQuery {
	return oauth.GrantQuery{RealmID: g.RealmID, ID: g.ID, At: start.Add(time.Minute), Until: start.Add(24 * time.Hour)}
}

// revoke revokes what a query means and returns the ids, oldest first.
func (w *world) revoke(q oauth.GrantQuery) []model.GrantID {
	w.Helper()
	return grantIDs(got(w.RevokeGrants(w.ctx, q, model.Effects{})))
}

func grantIDs(list []model.Grant) (out []model.GrantID) {
	for _, g := range list {
		out = append(out, g.ID)
	}
	slices.Sort(out)
	return out
}

// line is a grant, its child, its grandchild and so on.
func (w *world) line(n int) []model.Grant {
	w.Helper()
	list := []model.Grant{w.opened(w.home.grant())}
	for len(list) < n {
		list = append(list, w.opened(child(list[len(list)-1])))
	}
	return list
}

var grantRevocationPromises = []promise{
	{"RevokingAGrantTakesAllThatDescendFromItAndNoOther", func(w *world) {
		line := w.line(4)
		sibling := w.opened(child(line[1]))
		other := w.opened(w.home.grant())
		q := w.queryOf(line[1])
		list := got(w.RevokeGrants(w.ctx, q, model.Effects{}))
		same(w, grantIDs(list), grantIDs([]model.Grant{line[1], line[2], line[3], sibling}))
		for _, g := range list {
			same(w, g.RevokedAt, q.At)
			same(w, w.grant(g), g)
			r := model.Revocation{RealmID: g.RealmID, Kind: model.RevokeGrant, Key: string(g.ID), Before: q.At, ExpiresAt: q.Until, At: q.At}
			same(w, w.revocationOf(g), r)
		}
		for _, g := range []model.Grant{line[0], other} {
			same(w, w.grant(g), g)
			same(w, got(w.Revoked(w.ctx, g.RealmID, model.RevokeGrant, string(g.ID))), 0)
		}
	}},
	{"WhatWasRevokedBeforeIsLeftAlone", func(w *world) {
		line := w.line(3)
		q := w.queryOf(line[1])
		w.revoke(q)
		was, noted := w.grant(line[1]), w.revocationOf(line[1])
		later := w.queryOf(line[0])
		later.At, later.Until = q.At+9, q.Until+9
		same(w, w.revoke(later), []model.GrantID{line[0].ID})
		same(w, w.grant(line[1]), was)
		same(w, w.revocationOf(line[1]), noted)
		same(w, len(w.revoke(later)), 0)
	}},
	{"WhatIsUnderARevokedGrantIsFoundThroughIt", func(w *world) {
		line := w.line(3)
		r := w.revocation(model.RevokeGrant, string(line[1].ID)) // as one token's grant is revoked, by itself
		w.ok(w.Revoke(w.ctx, r, model.Effects{}))
		same(w, w.revoke(w.queryOf(line[0])), grantIDs([]model.Grant{line[0], line[2]}))
	}},
	{"ASessionTakesItsGrantsAndTheirChildren", func(w *world) {
		s, offline := w.home.grant(), w.opened(w.home.grant())
		s.SessionID = "ses_1"
		w.opened(s)
		exchanged := child(s)
		exchanged.SessionID = ""
		w.opened(exchanged)
		elsewhere := w.home.grant()
		elsewhere.SessionID = "ses_2"
		w.opened(elsewhere)
		q := oauth.GrantQuery{RealmID: s.RealmID, SessionID: "ses_1", At: start, Until: start.Add(time.Hour)}
		same(w, w.revoke(q), grantIDs([]model.Grant{s, exchanged}))
		same(w, w.grant(offline).RevokedAt+w.grant(elsewhere).RevokedAt, 0)
	}},
	{"AnApplicationTakesItsGrantsOfOnePersonOrOfAll", func(w *world) {
		mine, hers, nobodys, others := w.home.grant(), w.home.grant(), w.home.grant(), w.home.grant()
		hers.IdentityID, nobodys.IdentityID, others.ApplicationID = "idn_b", "", "agt_b"
		for _, g := range []model.Grant{mine, hers, nobodys, others} {
			w.opened(g)
		}
		q := oauth.GrantQuery{RealmID: mine.RealmID, IdentityID: mine.IdentityID, ApplicationID: mine.ApplicationID, At: start}
		same(w, w.revoke(q), []model.GrantID{mine.ID})
		q.IdentityID = ""
		same(w, w.revoke(q), grantIDs([]model.Grant{hers, nobodys}))
		same(w, w.grant(others), others)
	}},
	{"APersonTakesAllThatTheyGave", func(w *world) {
		mine, elsewhere, hers, nobodys := w.home.grant(), w.home.grant(), w.home.grant(), w.home.grant()
		elsewhere.ApplicationID, hers.IdentityID, nobodys.IdentityID = "agt_b", "idn_b", ""
		under := child(mine)
		under.IdentityID = "idn_c"
		for _, g := range []model.Grant{mine, elsewhere, hers, nobodys, under} {
			w.opened(g)
		}
		want := grantIDs([]model.Grant{mine, elsewhere, under})
		same(w, w.revoke(oauth.GrantQuery{RealmID: mine.RealmID, IdentityID: mine.IdentityID, At: start}), want)
		same(w, w.grant(hers), hers)
		same(w, w.grant(nobodys), nobodys)
	}},
	{"AQueryThatNamesNothingIsRefused", func(w *world) {
		g := w.opened(w.home.grant())
		if _, err := w.RevokeGrants(w.ctx, oauth.GrantQuery{RealmID: g.RealmID, At: start}, model.Effects{}); err == nil {
			w.Error("a query without a grant, a session, an application and a person was taken")
		}
		same(w, w.grant(g), g)
	}},
	{"EffectsAreWrittenOnceHoweverManyGrantsThereAre", checkManyGrants},
	{"EveryProcessHearsOfEachRevokedGrant", func(w *world) {
		var own, others changes
		w.follower(&others)
		s := w.open(store.Config{Publish: own.add})
		line := w.line(3)
		others.reset()
		q := w.queryOf(line[0])
		got(s.RevokeGrants(w.ctx, q, model.Effects{}))
		others.await(w, len(line), 5*time.Second)
		for _, heard := range [][]model.Change{own.all(), others.all()} {
			var keys []string
			for _, c := range heard {
				same(w, []any{c.Topic, c.At}, []any{model.TopicRevocation, q.At})
				keys = append(keys, c.Key)
			}
			slices.Sort(keys)
			same(w, keys, []string{string(line[0].ID), string(line[1].ID), string(line[2].ID)})
		}
	}},
	{"TheTokensOfAGrantAreRevokedFurtherAndFurtherAndItLives", func(w *world) {
		g, other := w.opened(w.home.grant()), w.opened(w.home.grant())
		r := w.revocation(model.RevokeGrantTokens, string(g.ID))
		w.ok(w.RevokeGrantTokens(w.ctx, r, model.Effects{}))
		w.refused(w.RevokeGrantTokens(w.ctx, r, model.Effects{}), model.ErrConflict)
		r.Before--
		w.refused(w.RevokeGrantTokens(w.ctx, r, model.Effects{}), model.ErrConflict)
		r.Before += 2
		w.ok(w.RevokeGrantTokens(w.ctx, r, model.Effects{}))
		same(w, got(w.Revoked(w.ctx, g.RealmID, model.RevokeGrantTokens, string(g.ID))), start+1)
		same(w, got(w.Revoked(w.ctx, g.RealmID, model.RevokeGrantTokens, string(other.ID))), 0)
		same(w, w.grant(g), g)
		w.ok(w.RefreshGrant(w.ctx, refreshing(g, 1), model.Effects{}))
		r.Key = "grt_unknown"
		w.refused(w.RevokeGrantTokens(w.ctx, r, model.Effects{}), model.ErrNotFound)
	}},
	{"NothingIsOpenedForATokenOfAGrantWhoseTokensWereRevoked", func(w *world) {
		g := w.opened(w.home.grant())
		w.ok(w.RevokeGrantTokens(w.ctx, w.revocation(model.RevokeGrantTokens, string(g.ID)), model.Effects{}))
		open := func(decided model.Millis, forToken bool) (oauth.Opening, error) {
			o := once(child(g))
			o.Decided, o.ForToken = decided, forToken
			return o, w.OpenGrant(w.ctx, o, model.Effects{})
		}
		o, err := open(start, true)
		w.refused(err, model.ErrConflict)
		w.noGrant(o)
		_, err = open(start+1, true) // for a token that was issued since then
		w.ok(err)
		_, err = open(start, false) // for the refresh token
		w.ok(err)
	}},
	{"WhatWasOpenedUnderAGrantUntilSomeTimeIsRevokedWithAllUnderIt", func(w *world) {
		g := w.opened(w.home.grant())
		old := w.opened(child(g))
		under := child(old)
		under.CreatedAt = start + 9
		w.opened(under)
		later := child(g)
		later.CreatedAt = start + 1
		w.opened(later)
		same(w, w.revoke(oauth.GrantQuery{RealmID: g.RealmID, ParentID: g.ID, OpenedBy: start, At: start}), grantIDs([]model.Grant{old, under}))
		same(w, w.grant(g), g)
		same(w, w.grant(later), later)
	}},
	{"AChildThatIsOpenedWhileItsParentIsRevokedDoesNotSurvive", checkConcurrentChild},
	{"ManyRevokeOneTreeAtOnceAndEachGrantHasOneRevoker", checkConcurrentRevokers},
}

func (w *world) revocationOf(g model.Grant) model.Revocation {
	w.Helper()
	for _, r := range got(w.Revocations(w.ctx, 0, start)) {
		if r.Kind == model.RevokeGrant && r.Key == string(g.ID) && r.RealmID == g.RealmID {
			return r
		}
	}
	w.Fatalf("grant %s has no revocation", g.ID)
	panic("unreachable")
}

// checkManyGrants revokes more than fit into one transaction, with effects that
// fail first: then nothing is revoked.
func checkManyGrants(w *world) {
	var heard changes
	w.Store = w.open(store.Config{Publish: heard.add})
	var all []model.Grant
	for range 230 {
		all = append(all, w.opened(w.home.grant()))
	}
	q := oauth.GrantQuery{RealmID: w.home.realm.ID, ApplicationID: w.home.app.ID, At: start}
	spoiled := newEffects(q.RealmID)
	spoiled.Events = append(spoiled.Events, spoiled.Events[0]) // an id twice
	list, err := w.RevokeGrants(w.ctx, q, spoiled)
	w.refused(err, model.ErrConflict)
	same(w, len(list), 0)
	same(w, len(heard.all())+len(w.events(q.RealmID)), 0)
	same(w, w.grant(all[0]), all[0])

	fx := newEffects(q.RealmID)
	same(w, grantIDs(got(w.RevokeGrants(w.ctx, q, fx))), grantIDs(all))
	same(w, w.events(q.RealmID), fx.Events)
	same(w, len(heard.all()), len(all)+len(fx.Changes)+len(fx.Revocations))
	got(w.RevokeGrants(w.ctx, q, newEffects(q.RealmID))) // nothing is left
	same(w, w.events(q.RealmID), fx.Events)
}

// checkConcurrentChild lets families grow on three nodes while their root is
// revoked. Whatever was opened is revoked in the end.
func checkConcurrentChild(w *world) {
	stores := []*store.Store{w.Store, w.open(store.Config{}), w.open(store.Config{})}
	survivors, opened := 0, 0
	for range 12 {
		root := w.opened(w.home.grant())
		var mu sync.Mutex
		var family []model.Grant
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				parent := root
				for range 25 {
					next := child(parent)
					err := stores[i%3].OpenGrant(w.ctx, oauth.Opening{Grant: next}, model.Effects{})
					if errors.Is(err, model.ErrConflict) {
						return
					}
					if err != nil {
						w.Error(err)
						return
					}
					mu.Lock()
					family = append(family, next)
					mu.Unlock()
					if rand.N(2) == 0 {
						parent = next // some have grandchildren, some many children
					}
				}
			})
		}
		time.Sleep(3 * time.Millisecond)
		got(stores[2].RevokeGrants(w.ctx, w.queryOf(root), model.Effects{}))
		wg.Wait()
		opened += len(family)
		for _, g := range family {
			if w.grant(g).RevokedAt == 0 {
				survivors++
			}
		}
	}
	if survivors != 0 || opened == 0 {
		w.Errorf("%d of %d grants outlived their root", survivors, opened)
	}
	w.Logf("%d grants were opened under roots that were being revoked", opened)
}

func checkConcurrentRevokers(w *world) {
	for range 5 {
		line := w.line(6)
		before := len(w.events(w.home.realm.ID))
		var mu sync.Mutex
		var revoked []model.Grant
		revokers := 0
		manyWin(w, race(w, func(s *store.Store, i int) error {
			q := w.queryOf(line[i%3]) // some begin further down
			list, err := s.RevokeGrants(w.ctx, q, model.Effects{Events: []model.Event{newEvent(q.RealmID, "test.revoked")}})
			mu.Lock()
			defer mu.Unlock()
			revoked = append(revoked, list...)
			if len(list) > 0 {
				revokers++
			}
			return err
		}), contenders, nil)
		same(w, grantIDs(revoked), grantIDs(line))
		same(w, len(w.events(w.home.realm.ID))-before, revokers)
	}
}
