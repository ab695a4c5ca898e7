package approval_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/sdk/evidence"
)

// unsure is a database that loses the connection while it commits: what it was
// told to do it has done, or not, and says that it does not know.
type unsure struct {
	approval.Store
	commits bool
	before  func() // what somebody else does first
}

func (u unsure) lose(do func() error) error {
	if u.before != nil {
		u.before()
	}
	if u.commits {
		if err := do(); err != nil {
			return err
		}
	}
	return model.ErrCommitUnknown
}

func (u unsure) CreateApproval(ctx context.Context, a model.Approval, n int, fx model.Effects) error {
	return u.lose(func() error { return u.Store.CreateApproval(ctx, a, n, fx) })
}

func (u unsure) EndApproval(ctx context.Context, e model.Ending, fx model.Effects) error {
	return u.lose(func() error { return u.Store.EndApproval(ctx, e, fx) })
}

func (u unsure) FulfilApproval(ctx context.Context, g model.Grant, at model.Millis, fx model.Effects) error {
	return u.lose(func() error { return u.Store.FulfilApproval(ctx, g, at, fx) })
}

func (u unsure) RedeemApproval(ctx context.Context, r model.RealmID, id model.ApprovalID, at model.Millis, fx model.Effects) error {
	return u.lose(func() error { return u.Store.RedeemApproval(ctx, r, id, at, fx) })
}

func TestAfterACommitOfUnknownOutcomeTheAnswerIsWhatHappened(t *testing.T) {
	w := newWorld(t)
	yes := func(s *approval.Service, a model.Approval) (model.Approval, error) {
		return s.Decide(t.Context(), w.Site, w.person, a.ID, signed(t, w.decision(t, a, evidence.Approve), w.device))
	}
	t.Run("a decision that was committed", func(t *testing.T) {
		a := w.asked(t, action())
		got, err := yes(w.service(unsure{Store: w.Store, commits: true}), a)
		check(t, err)
		if got.State != model.ApprovalApproved || !bytes.Equal(got.Evidence, w.read(t, a.ID).Evidence) {
			t.Errorf("got %s", got.State)
		}
		w.verified(t, got)
	})
	t.Run("a decision that was not", func(t *testing.T) {
		a := w.asked(t, action())
		if _, err := yes(w.service(unsure{Store: w.Store}), a); !errors.Is(err, model.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		w.still(t, a.ID)
		if _, err := yes(w.Service, a); err != nil {
			t.Errorf("the same again: %v", err)
		}
	})
	t.Run("a decision that somebody else made first", func(t *testing.T) {
		a := w.asked(t, action())
		s := w.service(unsure{Store: w.Store, before: func() {
			_, err := w.answer(t, a, evidence.Deny)
			check(t, err)
		}})
		if _, err := yes(s, a); refusedAs(t, err) != "denied" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("the same answer of somebody else is not ours", func(t *testing.T) {
		a := w.asked(t, action())
		s := w.service(unsure{Store: w.Store, before: func() {
			_, err := w.answer(t, a, evidence.Approve)
			check(t, err)
		}})
		if _, err := yes(s, a); refusedAs(t, err) != "approved" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a withdrawal", func(t *testing.T) {
		a := w.asked(t, action())
		got, err := w.service(unsure{Store: w.Store, commits: true}).Withdraw(t.Context(), w.Site, a)
		if err != nil || got.State != model.ApprovalWithdrawn {
			t.Errorf("got %s, %v", got.State, err)
		}
	})
	t.Run("a question", func(t *testing.T) {
		a, err := w.service(unsure{Store: w.Store, commits: true}).Ask(t.Context(), w.Site, w.request(action()))
		check(t, err)
		if got := w.read(t, a.ID); got.State != model.ApprovalPending {
			t.Errorf("got %s", got.State)
		}
		a, err = w.service(unsure{Store: w.Store}).Ask(t.Context(), w.Site, w.request(action()))
		if !errors.Is(err, model.ErrCommitUnknown) {
			t.Errorf("one that was not stored: %+v, %v", a, err)
		}
	})
}

// The one who fulfilled must not be told that it failed: the token would be
// lost. Whoever cannot be sure that they were the one must not be told that it
// worked: there would be two.
func TestOneFulfilmentStaysOneWhateverIsKnownOfItsCommit(t *testing.T) {
	w := newWorld(t)
	approved := func() model.Approval {
		a := w.asked(t, action())
		a, err := w.answer(t, a, evidence.Approve)
		check(t, err)
		return a
	}
	a := approved()
	g := w.grant(a)
	check(t, w.service(unsure{Store: w.Store, commits: true}).Fulfil(t.Context(), g))
	if got := w.read(t, a.ID); got.GrantID != g.ID {
		t.Errorf("fulfilled by %s, want %s", got.GrantID, g.ID)
	}
	if err := w.Fulfil(t.Context(), w.grant(a)); !errors.Is(err, model.ErrConflict) {
		t.Errorf("a second time: %v", err)
	}

	a = approved()
	if err := w.service(unsure{Store: w.Store}).Fulfil(t.Context(), w.grant(a)); !errors.Is(err, model.ErrCommitUnknown) {
		t.Errorf("one that was not committed: %v", err)
	}
	check(t, w.Fulfil(t.Context(), w.grant(a)))

	a = approved()
	s := w.service(unsure{Store: w.Store, before: func() { check(t, w.Fulfil(t.Context(), w.grant(a))) }})
	if err := s.Fulfil(t.Context(), w.grant(a)); !errors.Is(err, model.ErrCommitUnknown) {
		t.Errorf("one that another made: %v", err)
	}

	// A redemption names nobody, so its caller cannot be told from another's.
	for _, commits := range []bool{true, false} {
		s := w.service(unsure{Store: w.Store, commits: commits})
		if _, err := s.Redeem(t.Context(), w.Site, a.ID, w.app.ID); !errors.Is(err, model.ErrCommitUnknown) {
			t.Errorf("redemption (committed: %v): %v", commits, err)
		}
	}
	if _, err := w.Redeem(t.Context(), w.Site, a.ID, w.app.ID); !errors.Is(err, approval.ErrRedeemed) {
		t.Errorf("after one that was committed: %v", err)
	}
}
