package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/store"
)

// contenders is how many want the same thing at once. They come through three
// stores, as three processes would.
const contenders = 32

// race lets them go at the same moment and collects what each was told.
func race(w *world, want func(s *store.Store, i int) error) []error {
	w.Helper()
	stores := []*store.Store{w.Store, w.open(store.Config{}), w.open(store.Config{})}
	errs := make([]error, contenders)
	gun := make(chan struct{})
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			<-gun
			errs[i] = want(stores[i%len(stores)], i)
		})
	}
	close(gun)
	wg.Wait()
	return errs
}

// oneWins demands one winner, and that the others lost for the right reason.
func oneWins(w *world, errs []error) {
	w.Helper()
	manyWin(w, errs, 1, model.ErrConflict)
}

func manyWin(w *world, errs []error, want int, lost error) {
	w.Helper()
	winners := 0
	for _, err := range errs {
		switch {
		case err == nil:
			winners++
		case !errors.Is(err, lost):
			w.Errorf("a contender got %v, want %v", err, lost)
		}
	}
	if winners != want {
		w.Errorf("got %d winners, want %d", winners, want)
	}
}

var errSecond = errors.New("not the first")

func consume(w *world, s *store.Store, o model.Once) error {
	first, err := s.Consume(w.ctx, o)
	if err == nil && !first {
		return errSecond
	}
	return err
}

var racePromises = []promise{
	{"OneOfManyConsumes", func(w *world) {
		for range 5 {
			o := newOnce(w.home.realm.ID, model.OnceAssertion)
			manyWin(w, race(w, func(s *store.Store, _ int) error { return consume(w, s, o) }), 1, errSecond)
		}
	}},
	{"AllConsumeThingsOfTheirOwn", func(w *world) {
		manyWin(w, race(w, func(s *store.Store, _ int) error {
			return consume(w, s, newOnce(w.home.realm.ID, model.OnceAssertion))
		}), contenders, errSecond)
	}},
	{"OverlappingConsumersDecideEachThingOnce", func(w *world) {
		things := make([]model.Once, 40)
		for i := range things {
			things[i] = newOnce(w.home.realm.ID, model.OnceAssertion)
		}
		var mu sync.Mutex
		firsts := make([]int, len(things))
		manyWin(w, race(w, func(s *store.Store, i int) error {
			for k := range things {
				at := (k*7 + i*3) % len(things) // everyone in another order
				err := consume(w, s, things[at])
				if err == nil {
					mu.Lock()
					firsts[at]++
					mu.Unlock()
				} else if !errors.Is(err, errSecond) {
					return err
				}
			}
			return nil
		}), contenders, nil)
		for i, n := range firsts {
			if n != 1 {
				w.Errorf("thing %d was consumed %d times", i, n)
			}
		}
	}},
	{"OneOfManyAnswersAnApproval", func(w *world) {
		a := w.ask(w.home)
		states := []model.ApprovalState{model.ApprovalApproved, model.ApprovalDenied, model.ApprovalExpired, model.ApprovalWithdrawn}
		oneWins(w, race(w, func(s *store.Store, i int) error {
			return s.EndApproval(w.ctx, ending(a, states[i%4]), model.Effects{Events: []model.Event{newEvent(a.RealmID, "won")}})
		}))
		same(w, len(w.events(a.RealmID)), 1)
	}},
	{"OneOfManyFulfilsAnApproval", func(w *world) {
		a := w.ask(w.home)
		w.ok(w.EndApproval(w.ctx, ending(a, model.ApprovalApproved), model.Effects{}))
		oneWins(w, race(w, func(s *store.Store, _ int) error {
			return s.FulfilApproval(w.ctx, grantOf(a), start, model.Effects{})
		}))
	}},
	{"OneOfManyRedeemsAnApproval", func(w *world) {
		a := w.fulfilled()
		oneWins(w, race(w, func(s *store.Store, i int) error {
			return s.RedeemApproval(w.ctx, a.RealmID, a.ID, start+model.Millis(i), model.Effects{})
		}))
	}},
	{"OneOfManyOpensAGrantWithOneThing", func(w *world) {
		for range 3 {
			o := once(w.home.grant())
			grants := make([]model.Grant, contenders)
			errs := race(w, func(s *store.Store, i int) error {
				mine := o
				mine.Grant.ID = model.GrantID(ids.New("grt"))
				grants[i] = mine.Grant
				return s.OpenGrant(w.ctx, mine, model.Effects{Events: []model.Event{newEvent(o.Grant.RealmID, "won")}})
			})
			oneWins(w, errs)
			for i, g := range grants {
				if _, err := w.Grant(w.ctx, g.RealmID, g.ID); (err == nil) != (errs[i] == nil) {
					w.Errorf("who was told %v has a grant: %v", errs[i], err)
				}
			}
		}
		same(w, len(w.events(w.home.realm.ID)), 3)
	}},
	{"OneOfManyMovesARefreshToken", func(w *world) {
		g := w.opened(w.home.grant())
		for n := range int64(3) {
			oneWins(w, race(w, func(s *store.Store, _ int) error {
				return s.RefreshGrant(w.ctx, refreshing(g, n+1), model.Effects{Events: []model.Event{newEvent(g.RealmID, "won")}})
			}))
			same(w, w.grant(g).Refresh, n+2)
		}
		same(w, len(w.events(g.RealmID)), 3)
	}},
	{"RefreshingAndRevokingAtOnceEndsInARevokedGrant", func(w *world) {
		g := w.opened(w.home.grant())
		refreshed := 0
		var mu sync.Mutex
		manyWin(w, race(w, func(s *store.Store, i int) error {
			if i == contenders/2 {
				_, err := s.RevokeGrants(w.ctx, w.queryOf(g), model.Effects{})
				return err
			}
			for n := range int64(20) {
				err := s.RefreshGrant(w.ctx, refreshing(g, n+1), model.Effects{})
				if err == nil {
					mu.Lock()
					refreshed++
					mu.Unlock()
				} else if !errors.Is(err, model.ErrConflict) {
					return err
				}
			}
			return nil
		}), contenders, nil)
		now := w.grant(g)
		same(w, now.RevokedAt, w.queryOf(g).At)
		same(w, now.Refresh, int64(1+refreshed))
		w.refused(w.RefreshGrant(w.ctx, refreshing(g, now.Refresh), model.Effects{}), model.ErrConflict)
	}},
	{"OneOfManyDecidesADevice", func(w *world) {
		d := w.device(w.home)
		states := []model.DeviceState{model.DeviceApproved, model.DeviceDenied}
		errs := race(w, func(s *store.Store, i int) error {
			return s.DecideDevice(w.ctx, w.decided(d, states[i%2]), model.Effects{Events: []model.Event{newEvent(d.RealmID, "won")}})
		})
		oneWins(w, errs)
		same(w, w.deviceNow(d), w.decided(d, states[slices.Index(errs, nil)%2]))
		same(w, len(w.events(d.RealmID)), 1)
	}},
	{"OneOfManyRedeemsADevice", func(w *world) {
		d := w.approvedDevice()
		grants := make([]model.Grant, contenders)
		errs := race(w, func(s *store.Store, i int) error {
			o := w.deviceGrant(d)
			grants[i] = o.Grant
			return s.RedeemDevice(w.ctx, d.Digest, o, model.Effects{})
		})
		oneWins(w, errs)
		for i, g := range grants {
			if _, err := w.Grant(w.ctx, g.RealmID, g.ID); (err == nil) != (errs[i] == nil) {
				w.Errorf("who was told %v has a grant: %v", errs[i], err)
			}
		}
	}},
	{"OneOfManyTakesAUserCode", func(w *world) {
		code := w.home.device().UserCode
		oneWins(w, race(w, func(s *store.Store, _ int) error {
			d := w.home.device()
			d.UserCode = code
			return s.CreateDeviceRequest(w.ctx, d, model.Effects{})
		}))
	}},
	{"OneOfManyMakesASecretOfARealm", func(w *world) {
		oneWins(w, race(w, func(s *store.Store, _ int) error {
			return s.InsertRealmSecret(w.ctx, newRealmSecret(w.home.realm.ID))
		}))
	}},
	{"OneOfManyDeletesAnApplication", func(w *world) {
		a := w.registered(w.home, model.OriginDynamic, start)
		manyWin(w, race(w, func(s *store.Store, _ int) error {
			return s.DeleteApplication(w.ctx, a.RealmID, a.ID, start, model.Effects{})
		}), 1, model.ErrNotFound)
	}},
	{"OneOfManyUpdatesARegistration", func(w *world) {
		a := w.registered(w.home, model.OriginDynamic, start)
		secrets := make([][]byte, contenders)
		errs := race(w, func(s *store.Store, i int) error {
			mine := a
			secrets[i] = secret()
			mine.Secrets = []model.ClientSecret{{Digest: secrets[i], CreatedAt: 5}}
			return s.UpdateRegistration(w.ctx, mine, model.Effects{})
		})
		oneWins(w, errs)
		same(w, got(w.Application(w.ctx, a.RealmID, a.ID)).Secrets, []model.ClientSecret{{Digest: secrets[slices.Index(errs, nil)], CreatedAt: 5}})
	}},
	{"OneOfManyCompletesABinding", func(w *world) {
		j := w.job(w.home.person)
		oneWins(w, race(w, func(s *store.Store, _ int) error {
			return s.CompleteBinding(w.ctx, completion(j, newPasskey(w.home.person)), model.Effects{})
		}))
		same(w, len(got(w.Passkeys(w.ctx, w.home.realm.ID, w.home.person.ID))), 2)
	}},
	{"OneOfManyUsesARecoveryCode", func(w *world) {
		c := w.recoveryCode()
		manyWin(w, race(w, func(s *store.Store, _ int) error {
			return s.UseRecoveryCode(w.ctx, c, newJob(w.home.person), model.Effects{})
		}), 1, model.ErrNotFound)
	}},
	{"OneOfManyBindsACredential", func(w *world) {
		credential := secret()
		var jobs []model.BindingJob
		for range contenders {
			jobs = append(jobs, w.job(w.home.person))
		}
		oneWins(w, race(w, func(s *store.Store, i int) error {
			p := newPasskey(w.home.person)
			p.CredentialID = credential
			return s.CompleteBinding(w.ctx, completion(jobs[i], p), model.Effects{})
		}))
	}},
	{"OneOfManySignsInWithACeremony", func(w *world) {
		once := newOnce(w.home.realm.ID, model.OnceCeremony)
		oneWins(w, race(w, func(s *store.Store, _ int) error {
			return s.SignIn(w.ctx, once, newSession(w.home.passkey), useOf(w.home.passkey, start), model.Effects{})
		}))
	}},
	{"ManySignInAtOnceWithOnePasskey", func(w *world) {
		manyWin(w, race(w, func(s *store.Store, i int) error {
			once := newOnce(w.home.realm.ID, model.OnceCeremony)
			return s.SignIn(w.ctx, once, newSession(w.home.passkey), useOf(w.home.passkey, start+model.Millis(i)), model.Effects{})
		}), contenders, nil)
		same(w, w.homePasskey().LastUsedAt, start+contenders-1)
	}},
	{"OneOfManyActivatesAKey", func(w *world) {
		w.ok(w.InsertSigningKey(w.ctx, newSigningKey(w.home.realm.ID, "ES256", model.SigningActive), model.Effects{}))
		next := newSigningKey(w.home.realm.ID, "ES256", model.SigningNext)
		w.ok(w.InsertSigningKey(w.ctx, next, model.Effects{}))
		oneWins(w, race(w, func(s *store.Store, _ int) error {
			return s.ActivateSigningKey(w.ctx, next, start, start, model.Effects{})
		}))
		active := 0
		for _, k := range got(w.SigningKeys(w.ctx, w.home.realm.ID)) {
			if k.State == model.SigningActive {
				active++
			}
		}
		same(w, active, 1)
	}},
	{"OneOfManyInsertsTheActiveKey", func(w *world) {
		oneWins(w, race(w, func(s *store.Store, _ int) error {
			return s.InsertSigningKey(w.ctx, newSigningKey(w.home.realm.ID, "ES256", model.SigningActive), model.Effects{})
		}))
	}},
	{"ManyOpenABindingJobAndTheFirstInstantStays", func(w *world) {
		j := w.job(w.home.person)
		manyWin(w, race(w, func(s *store.Store, _ int) error {
			return s.OpenBindingJob(w.ctx, j.RealmID, j.ID, start+1)
		}), contenders, nil)
		w.ok(w.OpenBindingJob(w.ctx, j.RealmID, j.ID, start+2))
		same(w, w.bindingJob(j).UpdatedAt, start+1)
	}},
	{"ThePendingLimitHoldsForManyAtOnce", func(w *world) {
		manyWin(w, race(w, func(s *store.Store, _ int) error {
			return s.CreateApproval(w.ctx, w.home.approval(), 3, model.Effects{})
		}), 3, model.ErrTooMany)
	}},
	{"OneOfManyTakesAUsername", func(w *world) {
		oneWins(w, race(w, func(s *store.Store, _ int) error {
			return s.CreateIdentity(w.ctx, newPerson(w.home.realm.ID, "bob"), model.Effects{})
		}))
	}},
	{"OneOfManyUpdatesAVersion", func(w *world) {
		oneWins(w, race(w, func(s *store.Store, _ int) error { return s.UpdateApplication(w.ctx, w.home.app, model.Effects{}) }))
		oneWins(w, race(w, func(s *store.Store, _ int) error { return s.UpdateIdentity(w.ctx, w.home.person, model.Effects{}) }))
		oneWins(w, race(w, func(s *store.Store, _ int) error { return s.UpdateRealm(w.ctx, w.home.realm, model.Effects{}) }))
	}},
	{"NoTwoNodesLeaseOneItem", func(w *world) {
		var items []model.OutboxItem
		for range 40 {
			items = append(items, newItem(w.home.realm.ID))
		}
		w.send(items...)
		var mu sync.Mutex
		holders := make(map[model.OutboxID]int)
		manyWin(w, race(w, func(s *store.Store, i int) error {
			for range 10 {
				leased, err := s.LeaseOutbox(w.ctx, fmt.Sprint("node", i), start, time.Minute, 4)
				if err != nil {
					return err
				}
				mu.Lock()
				for _, item := range leased {
					holders[item.ID]++
				}
				mu.Unlock()
			}
			return nil
		}), contenders, nil)
		for id, n := range holders {
			if n != 1 {
				w.Errorf("item %s was leased by %d", id, n)
			}
		}
		same(w, len(holders), len(items))
	}},
	{"ManyRevokeTheSameAtOnce", func(w *world) {
		manyWin(w, race(w, func(s *store.Store, i int) error {
			r := w.revocation(model.RevokeIdentity, string(w.home.person.ID))
			r.Before += model.Millis(i)
			return s.Revoke(w.ctx, r, model.Effects{})
		}), contenders, nil)
		same(w, got(w.Revoked(w.ctx, w.home.realm.ID, model.RevokeIdentity, string(w.home.person.ID))), start+contenders-1)
	}},
	{"ManyLifesAtOnceOfFewPeopleDoNotStandInEachOthersWay", checkNoDeadlock},
}

// checkNoDeadlock mixes whole approvals of one person, one application and one
// passkey on three nodes. A deadlock would show as a pause of a second or more
// (deadlock_timeout), or as an error.
func checkNoDeadlock(w *world) {
	slowest := make([]time.Duration, contenders)
	manyWin(w, race(w, func(s *store.Store, i int) error {
		for range 5 {
			began := time.Now()
			a := w.home.approval()
			if err := s.CreateApproval(w.ctx, a, 1000, newEffects(a.RealmID)); err != nil {
				return err
			}
			e := ending(a, model.ApprovalApproved)
			use := useOf(w.home.passkey, e.At)
			e.Passkey = &use
			if err := s.EndApproval(w.ctx, e, newEffects(a.RealmID)); err != nil {
				return err
			}
			once := newOnce(a.RealmID, model.OnceCeremony)
			if err := s.SignIn(w.ctx, once, newSession(w.home.passkey), use, newEffects(a.RealmID)); err != nil {
				return err
			}
			if err := s.FulfilApproval(w.ctx, grantOf(a), start, newEffects(a.RealmID)); err != nil {
				return err
			}
			slowest[i] = max(slowest[i], time.Since(began))
		}
		return nil
	}), contenders, nil)
	same(w, len(w.events(w.home.realm.ID)), contenders*5*4)
	w.Logf("the slowest life took %v", slices.Max(slowest))
}
