package approval_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/gate"
	"github.com/assent-id/assent/internal/service/keys"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/signin/signintest"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/litetest"
	"github.com/assent-id/assent/internal/store/pgtest"
	"github.com/assent-id/assent/sdk/evidence"
)

// grant is what an approval's token hangs under.
func (w *world) grant(a model.Approval) model.Grant {
	now := model.MillisOf(w.Clock.Now())
	return model.Grant{RealmID: a.RealmID, ID: model.GrantID(ids.New("grt")), Kind: "ciba", IdentityID: a.IdentityID,
		ApplicationID: a.ApplicationID, ApprovalID: a.ID, CreatedAt: now, ExpiresAt: now.Add(time.Minute)}
}

// ends are the ways in which an approval ends.
var ends = []struct {
	state model.ApprovalState
	end   func(testing.TB, *world, model.Approval) (model.Approval, error)
}{
	{model.ApprovalApproved, func(t testing.TB, w *world, a model.Approval) (model.Approval, error) {
		return w.answer(t, a, evidence.Approve)
	}},
	{model.ApprovalDenied, func(t testing.TB, w *world, a model.Approval) (model.Approval, error) {
		return w.answer(t, a, evidence.Deny)
	}},
	{model.ApprovalDenied, func(t testing.TB, w *world, a model.Approval) (model.Approval, error) { // saying no must be easy
		no := signed(t, w.decision(t, a, evidence.Deny), w.device)
		return w.Decide(t.Context(), w.Site, w.person, a.ID, approval.Answer{Decision: no.Decision})
	}},
	{model.ApprovalWithdrawn, func(t testing.TB, w *world, a model.Approval) (model.Approval, error) {
		return w.Withdraw(t.Context(), w.Site, a)
	}},
	{model.ApprovalExpired, func(t testing.TB, w *world, a model.Approval) (model.Approval, error) {
		w.Clock.Advance(a.ExpiresAt.Time().Sub(w.Clock.Now()))
		return w.ForPerson(t.Context(), w.Site, w.person.ID, a.ID)
	}},
}

func TestEveryEndLeavesEvidenceThatAStrangerCanCheckForEver(t *testing.T) {
	w := newWorld(t)
	bound, err := w.Directory.Passkeys(t.Context(), w.Site, w.person.ID)
	check(t, err)
	var ended []model.Approval
	for _, tt := range ends {
		a := w.asked(t, action())
		if _, err := approval.Evidence(a); !errors.Is(err, approval.ErrNotEnded) {
			t.Errorf("evidence of a pending one: %v", err)
		}
		got, err := tt.end(t, w, a)
		check(t, err)
		if got.State != tt.state || got.EndedAt != model.MillisOf(w.Clock.Now()) {
			t.Errorf("ended as %s at %d, want %s", got.State, got.EndedAt, tt.state)
		}
		if diff := cmp.Diff(map[string]int{"approval.asked": 1, "approval." + string(tt.state): 1}, w.trail(t, a.ID)); diff != "" {
			t.Errorf("%s: events: %s", tt.state, diff)
		}
		ended = append(ended, w.read(t, a.ID))
	}
	intact := func(when string) {
		t.Helper()
		for i, a := range ended {
			v := w.verified(t, a)
			decided := ends[i].state == model.ApprovalApproved || ends[i].state == model.ApprovalDenied
			if v.Outcome != string(ends[i].state) || v.Statement.ID != string(a.ID) || (v.Decision != nil) != decided {
				t.Errorf("%s: evidence of %s says %s of %s", when, a.ID, v.Outcome, v.Statement.ID)
			}
			if v.Passkey != nil && !v.SoftwarePasskey {
				t.Errorf("%s: a software passkey passes for a person", when)
			}
		}
	}
	intact("at once")
	check(t, w.Directory.RevokePasskey(t.Context(), w.Site, directory.PasskeyRef{IdentityID: w.person.ID, PasskeyID: bound[0].ID}))
	intact("after the passkey was removed")
	check(t, w.Keys.Prepare(t.Context(), w.Site, jose.EdDSA))
	check(t, w.Keys.Activate(t.Context(), w.Site, jose.EdDSA))
	w.Clock.Advance(5 * 365 * 24 * time.Hour)
	intact("years after the realm's key was rotated")
}

// What has ended stays as it ended, whoever tries what.
func TestNothingLeadsOutOfAnEnd(t *testing.T) {
	w := newWorld(t)
	for _, first := range ends {
		for _, second := range ends {
			a := w.asked(t, action())
			_, err := first.end(t, w, a)
			check(t, err)
			before := w.read(t, a.ID)
			_, err = second.end(t, w, a)
			want := string(first.state)
			switch {
			case second.state == model.ApprovalExpired:
				want = "" // reading an ended one is no transition
			case first.state == model.ApprovalExpired:
				want = approval.ErrExpired.Error()
			}
			if got := refusedAs(t, err); got != want {
				t.Errorf("%s after %s: refused as %q, want %q", second.state, first.state, got, want)
			}
			n, err := w.ExpireDue(t.Context())
			if diff := cmp.Diff(before, w.read(t, a.ID)); diff != "" || n != 0 || err != nil {
				t.Errorf("%s after %s (%d due, %v): %s", second.state, first.state, n, err, diff)
			}
		}
	}
}

// An approval's whole life against the few lines that say what it may be.
func TestAnApprovalMovesAsItsStatesAllow(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(rt *rapid.T) {
		a := w.asked(t, evidence.Action{BindingMessage: "x"})
		state, redeemed := model.ApprovalPending, false
		for _, op := range rapid.SliceOfN(rapid.SampledFrom([]string{"approve", "deny", "withdraw", "wait", "expire", "fulfil", "redeem"}), 1, 6).Draw(rt, "ops") {
			var err error
			pending, legal := state == model.ApprovalPending, false
			to := state
			switch op {
			case "approve":
				_, err = w.answer(t, a, evidence.Approve)
				legal, to = pending, model.ApprovalApproved
			case "deny":
				_, err = w.answer(t, a, evidence.Deny)
				legal, to = pending, model.ApprovalDenied
			case "withdraw":
				_, err = w.Withdraw(t.Context(), w.Site, a)
				legal, to = pending, model.ApprovalWithdrawn
			case "wait":
				w.Clock.Advance(time.Minute)
				legal = true
			case "expire":
				w.Clock.Advance(5 * time.Minute)
				_, err = w.ExpireDue(t.Context())
				if legal = true; pending {
					to = model.ApprovalExpired
				}
			case "fulfil":
				err = w.Fulfil(t.Context(), w.grant(a))
				legal, to = state == model.ApprovalApproved, model.ApprovalFulfilled
			case "redeem":
				_, err = w.Redeem(t.Context(), w.Site, a.ID, w.app.ID)
				legal = state == model.ApprovalFulfilled && !redeemed
				redeemed = redeemed || legal
			}
			// Time is up for everything but what has ended.
			if now := model.MillisOf(w.Clock.Now()); pending && now >= a.ExpiresAt && op != "expire" {
				if op == "approve" || op == "deny" {
					legal, state = false, model.ApprovalExpired
				}
			}
			if (err == nil) != legal {
				rt.Fatalf("%s in state %s: %v", op, state, err)
			}
			if legal {
				state = to
			}
			if got := w.read(t, a.ID); got.State != state || (got.RedeemedAt != 0) != redeemed {
				rt.Fatalf("after %s: %s, redeemed at %d, want %s", op, got.State, got.RedeemedAt, state)
			}
		}
	})
}

func TestOfManyEndsAtOnceOneWins(t *testing.T) {
	w := newWorld(t)
	for range 5 {
		a := w.read(t, w.asked(t, action()).ID)
		var won atomic.Pointer[model.Approval]
		var wins atomic.Int32
		var wg sync.WaitGroup
		for i := range 16 {
			tt := ends[i%4] // all but the clock
			wg.Go(func() {
				got, err := tt.end(t, w, a)
				if err == nil {
					won.Store(&got)
					wins.Add(1)
				} else if _, ended := errors.AsType[*approval.EndedError](err); !ended {
					t.Errorf("%s: %v", tt.state, err)
				}
			})
		}
		wg.Wait()
		if wins.Load() != 1 {
			t.Fatalf("%d won, want 1", wins.Load())
		}
		if diff := cmp.Diff(*won.Load(), w.read(t, a.ID)); diff != "" {
			t.Errorf("the winner was told otherwise than it is: %s", diff)
		}
		w.verified(t, w.read(t, a.ID))
	}
}

func TestAnApprovalIsExpiredForWhoeverReadsItFirst(t *testing.T) {
	w := newWorld(t)
	digest := ids.DigestOf("auth_req_id")
	readers := map[string]func(model.Approval) (model.Approval, error){
		"the person": func(a model.Approval) (model.Approval, error) {
			return w.ForPerson(t.Context(), w.Site, w.person.ID, a.ID)
		},
		"the asker": func(a model.Approval) (model.Approval, error) {
			return w.ForClient(t.Context(), w.Site, w.app.ID, a.ID)
		},
		"a poll": func(model.Approval) (model.Approval, error) {
			return w.ByRequest(t.Context(), w.Site, w.app.ID, digest)
		},
	}
	for name, read := range readers {
		digest = ids.DigestOf(name)
		r := w.request(action())
		r.AuthReq = digest
		a, err := w.Ask(t.Context(), w.Site, r)
		check(t, err)
		w.Clock.Advance(5*time.Minute - time.Millisecond)
		if got, err := read(a); err != nil || got.State != model.ApprovalPending {
			t.Errorf("%s, a millisecond early: %s, %v", name, got.State, err)
		}
		w.Clock.Advance(time.Millisecond)
		if got, err := read(a); err != nil || got.State != model.ApprovalExpired || len(got.Evidence) == 0 {
			t.Errorf("%s: %s, %v", name, got.State, err)
		}
	}
	a := w.asked(t, action())
	w.Clock.Advance(5 * time.Minute)
	if n, err := w.ExpireDue(t.Context()); n != 1 || err != nil {
		t.Errorf("nobody read it: %d expired, %v", n, err)
	}
	if got := w.read(t, a.ID); got.State != model.ApprovalExpired {
		t.Errorf("nobody read it: %s", got.State)
	}
}

func TestApprovalsAreFoundByThoseConcernedOnly(t *testing.T) {
	w := newWorld(t)
	digest := ids.DigestOf("auth_req_id")
	r := w.request(action())
	r.AuthReq = digest
	a, err := w.Ask(t.Context(), w.Site, r)
	check(t, err)
	ctx := t.Context()
	for name, find := range map[string]func() (model.Approval, error){
		"another person":           func() (model.Approval, error) { return w.ForPerson(ctx, w.Site, "idn_other", a.ID) },
		"another client":           func() (model.Approval, error) { return w.ForClient(ctx, w.Site, "svc_other", a.ID) },
		"another client's poll":    func() (model.Approval, error) { return w.ByRequest(ctx, w.Site, "svc_other", digest) },
		"the person elsewhere":     func() (model.Approval, error) { return w.ForPerson(ctx, w.Other, w.person.ID, a.ID) },
		"the client elsewhere":     func() (model.Approval, error) { return w.ForClient(ctx, w.Other, w.app.ID, a.ID) },
		"its poll elsewhere":       func() (model.Approval, error) { return w.ByRequest(ctx, w.Other, w.app.ID, digest) },
		"the person, another one":  func() (model.Approval, error) { return w.ForPerson(ctx, w.Site, w.person.ID, "apr_other") },
		"a redemption elsewhere":   func() (model.Approval, error) { _, err := w.Redeem(ctx, w.Other, a.ID, w.app.ID); return a, err },
		"a redemption of no token": func() (model.Approval, error) { _, err := w.Redeem(ctx, w.Site, a.ID, w.app.ID); return a, err },
	} {
		if _, err := find(); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// nodes are servers on one database, with a realm in it.
func nodes(t *testing.T, url string, now func() time.Time) ([]*approval.Service, *store.Store, *model.Site) {
	t.Helper()
	ring, err := seal.NewKeyring(seal.GenerateKey())
	check(t, err)
	var services []*approval.Service
	var db *store.Store
	var site *model.Site
	for range 2 {
		h := &hub.Hub{}
		db, err = store.Open(t.Context(), store.Config{URL: url, Publish: h.Publish, Resync: h.Resync})
		check(t, err)
		t.Cleanup(func() { check(t, db.Close()) })
		realms, err := realm.New(realm.Config{Store: db, Hub: h, BaseURL: signintest.Base})
		check(t, err)
		site, _, err = realms.EnsureDefault(t.Context(), "Acme", model.RealmPolicy{})
		check(t, err)
		services = append(services, approval.New(approval.Config{Store: db, Hub: h, Realms: realms, Now: now, MaxPending: 100,
			Signer: keys.New(keys.Config{Store: db, Hub: h, Keyring: ring}), Gate: gate.New(gate.Config{Store: db})}))
	}
	return services, db, site
}

func TestServersThatExpireAtOnceEndEachApprovalOnce(t *testing.T) {
	for engine, url := range map[string]func() string{
		"sqlite":   func() string { return litetest.Database(t) },
		"postgres": func() string { return pgtest.Database(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			const n = 20
			var clock atomic.Int64
			clock.Store(time.Now().UnixMilli())
			servers, db, site := nodes(t, url(), func() time.Time { return time.UnixMilli(clock.Load()) })
			app := &model.Application{RealmID: site.Realm.ID, ID: "svc_1", Name: "A"}
			for range n {
				_, err := servers[0].Ask(t.Context(), site, approval.Request{Kind: "ciba", Client: app, Person: model.Identity{ID: "idn_1"},
					Action: evidence.Action{BindingMessage: "x"}, Lifetime: time.Minute, AuthReq: ids.DigestOf(ids.Secret())})
				check(t, err)
			}
			clock.Add(time.Minute.Milliseconds())
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					if _, err := servers[i%2].ExpireDue(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			events, err := db.Events(t.Context(), site.Realm.ID, "", 200)
			check(t, err)
			expired := map[string]int{}
			for _, e := range events {
				if e.Type == "approval.expired" {
					expired[e.Target]++
				}
			}
			if len(expired) != n {
				t.Errorf("%d of %d expired", len(expired), n)
			}
			for id, times := range expired {
				if times != 1 {
					t.Errorf("%s expired %d times", id, times)
				}
			}
		})
	}
}

// some realms are lost; the others' approvals must not wait for them.
type some struct{ lost model.RealmID }

func (s some) ByID(_ context.Context, id model.RealmID) (*model.Site, error) {
	if id == s.lost {
		return nil, model.ErrUnavailable
	}
	return &model.Site{Realm: model.Realm{ID: id}}, nil
}

type signer struct{}

func (signer) Sign(context.Context, *model.Site, string, string, []byte) (string, error) {
	return "x.y.z", nil
}

func TestOneRealmsTroubleDoesNotKeepOthersApprovalsOpen(t *testing.T) {
	w := newWorld(t)
	w.asked(t, action())
	r := w.request(action())
	r.Lifetime = 6 * time.Minute // due after the one in trouble
	other, err := w.Ask(t.Context(), w.Other, r)
	check(t, err)
	w.Clock.Advance(6 * time.Minute)
	s := approval.New(approval.Config{Store: w.Store, Signer: signer{}, Realms: some{lost: w.Site.Realm.ID}, Now: w.Clock.Now})
	if n, err := s.ExpireDue(t.Context()); n != 1 || !errors.Is(err, model.ErrUnavailable) {
		t.Errorf("%d expired, %v; want one, and the other's trouble", n, err)
	}
	if a, err := w.Store.Approval(t.Context(), w.Other.Realm.ID, other.ID); err != nil || a.State != model.ApprovalExpired {
		t.Errorf("the other realm's: %s, %v", a.State, err)
	}
}
