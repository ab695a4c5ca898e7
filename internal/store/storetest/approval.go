package storetest

import (
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
)

func (p place) approval() model.Approval {
	return model.Approval{RealmID: p.realm.ID, ID: model.ApprovalID(ids.New("apr")), Kind: "ciba",
		State: model.ApprovalPending, IdentityID: p.person.ID, ApplicationID: p.app.ID,
		Statement: []byte(`{"typ":"assent.statement.v1"}`), StatementHash: "hash", AuthReqDigest: secret(),
		Interval: 5, CreatedAt: start, ExpiresAt: start.Add(5 * time.Minute)}
}

// ask stores a pending approval.
func (w *world) ask(p place) model.Approval {
	w.Helper()
	a := p.approval()
	w.ok(w.CreateApproval(w.ctx, a, 1000, model.Effects{}))
	return a
}

func ending(a model.Approval, state model.ApprovalState) model.Ending {
	return model.Ending{RealmID: a.RealmID, ID: a.ID, State: state, At: start.Add(time.Minute), Evidence: []byte(`{"e":1}`)}
}

func grantOf(a model.Approval) model.Grant {
	return model.Grant{RealmID: a.RealmID, ID: model.GrantID(ids.New("grt")), Kind: "ciba", IdentityID: a.IdentityID,
		ApplicationID: a.ApplicationID, ApprovalID: a.ID, Scope: "deploy", CreatedAt: start, ExpiresAt: start.Add(time.Hour)}
}

func (w *world) approval(a model.Approval) model.Approval {
	w.Helper()
	return got(w.Approval(w.ctx, a.RealmID, a.ID))
}

// fulfilled is an approval that went all the way.
func (w *world) fulfilled() model.Approval {
	w.Helper()
	a := w.ask(w.home)
	w.ok(w.EndApproval(w.ctx, ending(a, model.ApprovalApproved), model.Effects{}))
	w.ok(w.FulfilApproval(w.ctx, grantOf(a), start, model.Effects{}))
	return a
}

var approvalPromises = []promise{
	{"AnApprovalComesBackByIDAndByRequest", func(w *world) {
		a := w.ask(w.home)
		same(w, w.approval(a), a)
		same(w, got(w.ApprovalByRequest(w.ctx, a.RealmID, a.AuthReqDigest)), a)
	}},
	{"ApprovalsWithoutARequestAreNotFoundByAnEmptyOne", func(w *world) {
		for range 2 {
			a := w.home.approval()
			a.AuthReqDigest = nil
			w.ok(w.CreateApproval(w.ctx, a, 10, model.Effects{}))
			same(w, w.approval(a), a)
		}
		_, err := w.ApprovalByRequest(w.ctx, w.home.realm.ID, nil)
		w.refused(err, model.ErrNotFound)
	}},
	{"APingStaysUntilTheApprovalEnds", func(w *world) {
		a := w.home.approval()
		a.Ping = []byte(`{"client":"x"}`)
		w.ok(w.CreateApproval(w.ctx, a, 10, model.Effects{}))
		same(w, w.approval(a), a)
		w.ok(w.EndApproval(w.ctx, ending(a, model.ApprovalDenied), model.Effects{}))
		if kept := w.approval(a).Ping; len(kept) != 0 {
			w.Errorf("it is still there: %s", kept)
		}
	}},
	{"IDsAndRequestsAreTakenOnce", func(w *world) {
		a := w.ask(w.home)
		again := w.home.approval()
		again.ID = a.ID
		w.refused(w.CreateApproval(w.ctx, again, 10, model.Effects{}), model.ErrConflict)
		again = w.home.approval()
		again.AuthReqDigest = a.AuthReqDigest
		w.refused(w.CreateApproval(w.ctx, again, 10, model.Effects{}), model.ErrConflict)
	}},
	{"PendingOnesAreLimitedPerApplicationAndPerson", checkPendingLimit},
	{"EachEndingIsRecorded", func(w *world) {
		for _, state := range []model.ApprovalState{model.ApprovalApproved, model.ApprovalDenied, model.ApprovalExpired, model.ApprovalWithdrawn} {
			a := w.ask(w.home)
			e := ending(a, state)
			w.ok(w.EndApproval(w.ctx, e, model.Effects{}))
			a.State, a.EndedAt, a.Evidence = state, e.At, e.Evidence
			same(w, w.approval(a), a)
		}
	}},
	{"OnlyAPendingApprovalEnds", func(w *world) {
		states := []model.ApprovalState{model.ApprovalApproved, model.ApprovalDenied, model.ApprovalExpired, model.ApprovalWithdrawn}
		for _, first := range states {
			a := w.ask(w.home)
			w.ok(w.EndApproval(w.ctx, ending(a, first), model.Effects{}))
			for _, second := range states {
				w.refused(w.EndApproval(w.ctx, ending(a, second), model.Effects{}), model.ErrConflict)
			}
			same(w, w.approval(a).State, first)
		}
		nobody := w.home.approval()
		w.refused(w.EndApproval(w.ctx, ending(nobody, model.ApprovalDenied), model.Effects{}), model.ErrNotFound)
	}},
	{"NobodyAnswersAtOrAfterTheExpiry", func(w *world) {
		a := w.ask(w.home)
		for _, state := range []model.ApprovalState{model.ApprovalApproved, model.ApprovalDenied} {
			e := ending(a, state)
			e.At = a.ExpiresAt
			w.refused(w.EndApproval(w.ctx, e, model.Effects{}), model.ErrConflict)
		}
		e := ending(a, model.ApprovalExpired)
		e.At = a.ExpiresAt
		w.ok(w.EndApproval(w.ctx, e, model.Effects{}))
	}},
	{"AnAnswerRecordsTheUseOfThePasskey", func(w *world) {
		e := ending(w.ask(w.home), model.ApprovalApproved)
		use := useOf(w.home.passkey, e.At)
		e.Passkey = &use
		w.ok(w.EndApproval(w.ctx, e, model.Effects{}))
		p := w.homePasskey()
		same(w, []any{p.SignCount, p.BackupState, p.LastUsedAt}, []any{uint32(7), true, e.At})
	}},
	{"WhatWasDecidedBeforeEverythingWasRevokedGivesNothing", checkRevokedGivesNothing},
	{"ARevokedPasskeyAnswersNothing", func(w *world) {
		revoked := newPasskey(w.home.person)
		revoked.RevokedAt = start
		w.ok(w.bind(revoked))
		a := w.ask(w.home)
		e := ending(a, model.ApprovalApproved)
		use := useOf(revoked, e.At)
		e.Passkey = &use
		w.refused(w.EndApproval(w.ctx, e, model.Effects{}), model.ErrNotFound)
		same(w, w.approval(a), a)
	}},
	{"TheFirstTimeEndsWithTheFirstApprovalOfThisPersonForThisApplication", func(w *world) {
		first := func(p place) bool {
			a := p.approval()
			a.FirstTime = true
			w.ok(w.CreateApproval(w.ctx, a, 100, model.Effects{}))
			return w.approval(a).FirstTime
		}
		otherPerson, otherApp := w.home, w.home
		otherPerson.person.ID, otherApp.app.ID = "idn_other", "agt_other"
		same(w, first(w.home), true)
		w.ok(w.EndApproval(w.ctx, ending(w.ask(w.home), model.ApprovalDenied), model.Effects{}))
		same(w, first(w.home), true)
		w.ok(w.EndApproval(w.ctx, ending(w.ask(w.home), model.ApprovalApproved), model.Effects{}))
		same(w, []bool{first(w.home), first(otherPerson), first(otherApp), first(w.away)}, []bool{false, true, true, true})
		same(w, w.approval(w.ask(otherApp)).FirstTime, false) // nobody claimed that it is
	}},
	{"OnlyAnApprovedOneIsFulfilledAndOnce", func(w *world) {
		a := w.ask(w.home)
		w.refused(w.FulfilApproval(w.ctx, grantOf(a), start, model.Effects{}), model.ErrConflict)
		w.ok(w.EndApproval(w.ctx, ending(a, model.ApprovalApproved), model.Effects{}))
		g := grantOf(a)
		w.ok(w.FulfilApproval(w.ctx, g, start+5, model.Effects{}))
		w.refused(w.FulfilApproval(w.ctx, grantOf(a), start+6, model.Effects{}), model.ErrConflict)
		a = w.approval(a)
		same(w, []any{a.State, a.GrantID, a.FulfilledAt}, []any{model.ApprovalFulfilled, g.ID, start + 5})
		w.refused(w.FulfilApproval(w.ctx, grantOf(w.home.approval()), start, model.Effects{}), model.ErrNotFound)
	}},
	{"AGrantsIDIsTakenOnceAndTheApprovalStaysApproved", func(w *world) {
		a, b := w.fulfilled(), w.ask(w.home)
		w.ok(w.EndApproval(w.ctx, ending(b, model.ApprovalApproved), model.Effects{}))
		g := grantOf(b)
		g.ID = w.approval(a).GrantID
		w.refused(w.FulfilApproval(w.ctx, g, start, model.Effects{}), model.ErrConflict)
		same(w, w.approval(b).State, model.ApprovalApproved)
	}},
	{"OnlyAFulfilledOneIsRedeemedAndOnce", func(w *world) {
		pending, done := w.ask(w.home), w.fulfilled()
		w.refused(w.RedeemApproval(w.ctx, pending.RealmID, pending.ID, start, model.Effects{}), model.ErrNotFound)
		w.refused(w.RedeemApproval(w.ctx, pending.RealmID, "apr_nobody", start, model.Effects{}), model.ErrNotFound)
		w.ok(w.RedeemApproval(w.ctx, done.RealmID, done.ID, start+8, model.Effects{}))
		w.refused(w.RedeemApproval(w.ctx, done.RealmID, done.ID, start+9, model.Effects{}), model.ErrConflict)
		same(w, w.approval(done).RedeemedAt, start+8)
		same(w, w.approval(done).State, model.ApprovalFulfilled)
	}},
}

func checkPendingLimit(w *world) {
	for range 2 {
		w.ok(w.CreateApproval(w.ctx, w.home.approval(), 2, model.Effects{}))
	}
	refused := w.home.approval()
	w.refused(w.CreateApproval(w.ctx, refused, 2, model.Effects{}), model.ErrTooMany)
	_, err := w.Approval(w.ctx, refused.RealmID, refused.ID)
	w.refused(err, model.ErrNotFound)

	other := w.home
	other.app.ID = "agt_other"
	w.ok(w.CreateApproval(w.ctx, other.approval(), 2, model.Effects{}))
	other = w.home
	other.person.ID = "idn_other"
	w.ok(w.CreateApproval(w.ctx, other.approval(), 2, model.Effects{}))
	w.ok(w.CreateApproval(w.ctx, w.away.approval(), 2, model.Effects{}))

	// Time makes room, and so does an end.
	later := w.home.approval()
	later.CreatedAt, later.ExpiresAt = refused.ExpiresAt, refused.ExpiresAt.Add(time.Minute)
	w.ok(w.CreateApproval(w.ctx, later, 1, model.Effects{}))
	w.ok(w.EndApproval(w.ctx, ending(later, model.ApprovalWithdrawn), model.Effects{}))
	later.ID, later.AuthReqDigest = model.ApprovalID(ids.New("apr")), secret()
	w.ok(w.CreateApproval(w.ctx, later, 1, model.Effects{}))
}

var listingPromises = []promise{
	{"ListsHaveWhatIsPendingOrWhatEndedNewestFirst", func(w *world) {
		var pending, ended []model.ApprovalID
		for i := range 6 {
			a := w.ask(w.home)
			if i%2 == 0 {
				w.ok(w.EndApproval(w.ctx, ending(a, model.ApprovalDenied), model.Effects{}))
				ended = append([]model.ApprovalID{a.ID}, ended...)
				continue
			}
			pending = append([]model.ApprovalID{a.ID}, pending...)
		}
		w.ask(w.away)
		q := approval.Query{RealmID: w.home.realm.ID, IdentityID: w.home.person.ID, Now: start, Limit: 10}
		over := got(w.Approvals(w.ctx, q))
		same(w, idsOf(over), ended)
		want := w.approval(over[0])
		want.Evidence = nil // lists leave it out
		same(w, over[0], want)
		q.Pending = true
		list := got(w.Approvals(w.ctx, q))
		same(w, idsOf(list), pending)
		same(w, list[0], w.approval(list[0]))
		q.Now = list[0].ExpiresAt
		same(w, len(got(w.Approvals(w.ctx, q))), 0)
	}},
	{"PagesOfPendingOnesMissAndRepeatNothingWhileOthersAsk", func(w *world) { checkPages(w, true) }},
	{"PagesOfEndedOnesMissAndRepeatNothingWhileOthersEnd", func(w *world) { checkPages(w, false) }},
	{"DueOnesAreThoseWhoseTimeIsUpOldestFirst", func(w *world) {
		var want []model.ApprovalID
		for i, minutes := range []int{3, 1, 2, 4} {
			a := w.home.approval()
			if i == 2 {
				a = w.away.approval()
			}
			a.ExpiresAt = start.Add(time.Duration(minutes) * time.Minute)
			w.ok(w.CreateApproval(w.ctx, a, 10, model.Effects{}))
			want = append(want, a.ID)
		}
		want = []model.ApprovalID{want[1], want[2], want[0]}
		now := start.Add(3 * time.Minute)
		same(w, idsOf(got(w.DueApprovals(w.ctx, now, 10))), want)
		same(w, idsOf(got(w.DueApprovals(w.ctx, now, 2))), want[:2])
		e := model.Ending{RealmID: w.home.realm.ID, ID: want[0], State: model.ApprovalExpired, At: now}
		w.ok(w.EndApproval(w.ctx, e, model.Effects{}))
		same(w, idsOf(got(w.DueApprovals(w.ctx, now, 10))), want[1:])
	}},
}

func idsOf(list []model.Approval) (out []model.ApprovalID) {
	for _, a := range list {
		out = append(out, a.ID)
	}
	return out
}

// askMany asks n times at home and ends them if they are not to be pending.
func (w *world) askMany(n int, pending bool) (asked []model.ApprovalID) {
	w.Helper()
	for range n {
		a := w.ask(w.home)
		if !pending {
			w.ok(w.EndApproval(w.ctx, ending(a, model.ApprovalDenied), model.Effects{}))
		}
		asked = append(asked, a.ID)
	}
	return asked
}

func checkPages(w *world, pending bool) {
	want := w.askMany(9, pending)
	slices.Reverse(want)
	q := approval.Query{RealmID: w.home.realm.ID, IdentityID: w.home.person.ID, Now: start, Pending: pending, Limit: 4}
	var all []model.ApprovalID
	for {
		page := idsOf(got(w.Approvals(w.ctx, q)))
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
		q.Before = page[len(page)-1]
		w.askMany(2, pending) // newer ones do not move the pages
	}
	same(w, all, want)
}

func checkRevokedGivesNothing(w *world) {
	decide := func() (model.Approval, model.Millis) {
		a := w.ask(w.home)
		e := ending(a, model.ApprovalApproved)
		w.ok(w.EndApproval(w.ctx, e, model.Effects{}))
		return a, e.At
	}
	fulfil := func(a model.Approval, at model.Millis) error {
		return w.FulfilApproval(w.ctx, grantOf(a), at+1, model.Effects{})
	}
	for _, what := range revocable {
		a, decided := decide()
		w.revokedAt(what, decided)
		w.refused(fulfil(a, decided), model.ErrConflict)
		w.revokedAt(what, decided-1) // what was revoked before the decision does not touch it
		w.ok(fulfil(a, decided))
	}
}
