package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
)

// machinePromises compare the store with a map that follows the rules of an
// approval's life, over random stories.
var machinePromises = []promise{
	{"ApprovalsLiveAsTheirStateMachineSays", func(w *world) {
		rapid.Check(w.TB, func(t *rapid.T) {
			m := &machine{w: w, now: start, all: make(map[model.ApprovalID]*model.Approval), known: make(map[asker]bool)}
			// People of this story alone; nothing of another one gets in.
			for range 2 {
				p := newPerson(w.home.realm.ID, "")
				w.ok(w.CreateIdentity(w.ctx, p, model.Effects{}))
				m.people = append(m.people, p.ID)
			}
			m.apps = []model.ClientID{"agt_a", "agt_b"}
			t.Repeat(map[string]func(*rapid.T){
				"ask": m.ask, "end": m.end, "fulfil": m.fulfil, "redeem": m.redeem, "wait": m.wait, "": m.check,
			})
		})
	}},
}

type asker struct {
	person model.IdentityID
	app    model.ClientID
}

type machine struct {
	w      *world
	now    model.Millis
	people []model.IdentityID
	apps   []model.ClientID
	order  []model.ApprovalID // oldest first
	all    map[model.ApprovalID]*model.Approval
	known  map[asker]bool
}

// maxPending is the limit that every story has.
const maxPending = 2

func (m *machine) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 90).Draw(t, "seconds")) * time.Second)
}

func (m *machine) ask(t *rapid.T) {
	a := m.w.home.approval()
	a.IdentityID = rapid.SampledFrom(m.people).Draw(t, "person")
	a.ApplicationID = rapid.SampledFrom(m.apps).Draw(t, "application")
	a.CreatedAt, a.ExpiresAt = m.now, m.now.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "minutes"))*time.Minute)
	pending := 0
	for _, other := range m.all {
		if other.State == model.ApprovalPending && other.ExpiresAt > m.now &&
			other.IdentityID == a.IdentityID && other.ApplicationID == a.ApplicationID {
			pending++
		}
	}
	var want error
	if pending >= maxPending {
		want = model.ErrTooMany
	}
	a.FirstTime = true // whether it is, the store knows
	m.expect(t, "ask", m.w.CreateApproval(m.w.ctx, a, maxPending, model.Effects{}), want)
	if want == nil {
		a.FirstTime = !m.known[asker{a.IdentityID, a.ApplicationID}]
		m.all[a.ID] = &a
		m.order = append(m.order, a.ID)
	}
}

// some draws one of the story's approvals.
func (m *machine) some(t *rapid.T) *model.Approval {
	if len(m.order) == 0 {
		t.Skip("nobody has asked yet")
	}
	return m.all[rapid.SampledFrom(m.order).Draw(t, "approval")]
}

func (m *machine) end(t *rapid.T) {
	a := m.some(t)
	e := model.Ending{RealmID: a.RealmID, ID: a.ID, At: m.now, Evidence: []byte("{}"), State: rapid.SampledFrom([]model.ApprovalState{
		model.ApprovalApproved, model.ApprovalDenied, model.ApprovalExpired, model.ApprovalWithdrawn}).Draw(t, "state")}
	answered := e.State == model.ApprovalApproved || e.State == model.ApprovalDenied
	var want error
	if a.State != model.ApprovalPending || answered && m.now >= a.ExpiresAt {
		want = model.ErrConflict
	}
	m.expect(t, "end", m.w.EndApproval(m.w.ctx, e, model.Effects{}), want)
	if want == nil {
		a.State, a.EndedAt, a.Evidence = e.State, e.At, e.Evidence
		m.known[asker{a.IdentityID, a.ApplicationID}] = m.known[asker{a.IdentityID, a.ApplicationID}] || e.State == model.ApprovalApproved
	}
}

func (m *machine) fulfil(t *rapid.T) {
	a := m.some(t)
	g := grantOf(*a)
	var want error
	if a.State != model.ApprovalApproved {
		want = model.ErrConflict
	}
	m.expect(t, "fulfil", m.w.FulfilApproval(m.w.ctx, g, m.now, model.Effects{}), want)
	if want == nil {
		a.State, a.GrantID, a.FulfilledAt = model.ApprovalFulfilled, g.ID, m.now
	}
}

func (m *machine) redeem(t *rapid.T) {
	a := m.some(t)
	var want error
	switch {
	case a.State != model.ApprovalFulfilled:
		want = model.ErrNotFound
	case a.RedeemedAt != 0:
		want = model.ErrConflict
	}
	m.expect(t, "redeem", m.w.RedeemApproval(m.w.ctx, a.RealmID, a.ID, m.now, model.Effects{}), want)
	if want == nil {
		a.RedeemedAt = m.now
	}
}

// check looks at one approval and at the lists of one person.
func (m *machine) check(t *rapid.T) {
	if len(m.order) == 0 {
		return
	}
	a := m.some(t)
	row, err := m.w.Approval(m.w.ctx, a.RealmID, a.ID)
	m.expect(t, "read", err, nil)
	if diff := cmp.Diff(*a, row, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the row differs (-model +store):\n%s", diff)
	}
	for _, pending := range []bool{true, false} {
		q := approval.Query{RealmID: a.RealmID, IdentityID: a.IdentityID, Now: m.now, Pending: pending, Limit: 100}
		list, err := m.w.Approvals(m.w.ctx, q)
		m.expect(t, "list", err, nil)
		if diff := cmp.Diff(m.listed(q), idsOf(list)); diff != "" {
			t.Errorf("the list with pending=%v differs (-model +store):\n%s", pending, diff)
		}
	}
}

func (m *machine) listed(q approval.Query) (want []model.ApprovalID) {
	for _, id := range slices.Backward(m.order) {
		a := m.all[id]
		pending := a.State == model.ApprovalPending
		if a.IdentityID == q.IdentityID && pending == q.Pending && (!pending || a.ExpiresAt > q.Now) {
			want = append(want, id)
		}
	}
	return want
}

func (m *machine) expect(t *rapid.T, doing string, err, want error) {
	if !errors.Is(err, want) {
		t.Fatalf("%s: got %v, want %v", doing, err, want)
	}
}
