package storetest

import (
	"errors"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// grantMachinePromises compare the store with a map that follows the rules of
// a grant's life, over random stories.
var grantMachinePromises = []promise{
	{"GrantsLiveAsTheirStateMachineSays", func(w *world) {
		rapid.Check(w.TB, func(t *rapid.T) {
			m := &grantMachine{w: w, now: start, all: make(map[model.GrantID]*model.Grant), used: make(map[*model.Once]bool)}
			// Names of this story alone; nothing of another one gets in.
			for range 2 {
				m.people = append(m.people, model.IdentityID(ids.New("idn")))
				m.apps = append(m.apps, model.ClientID(ids.New("app")))
				m.sessions = append(m.sessions, model.SessionID(ids.New("ses")))
				o := newOnce(w.home.realm.ID, model.OncePushed)
				m.codes = append(m.codes, &o)
			}
			m.sessions = append(m.sessions, "") // offline
			t.Repeat(map[string]func(*rapid.T){"open": m.open, "refresh": m.refresh, "revoke": m.revoke, "wait": m.wait, "": m.check})
		})
	}},
}

type grantMachine struct {
	w        *world
	now      model.Millis
	people   []model.IdentityID
	apps     []model.ClientID
	sessions []model.SessionID
	codes    []*model.Once
	used     map[*model.Once]bool
	order    []model.GrantID // oldest first
	all      map[model.GrantID]*model.Grant
}

func (m *grantMachine) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "minutes")) * time.Minute)
}

// some draws one of the story's grants.
func (m *grantMachine) some(t *rapid.T, label string) *model.Grant {
	if len(m.order) == 0 {
		t.Skip("there is no grant yet")
	}
	return m.all[rapid.SampledFrom(m.order).Draw(t, label)]
}

func (m *grantMachine) open(t *rapid.T) {
	g := model.Grant{RealmID: m.w.home.realm.ID, ID: model.GrantID(ids.New("grt")), Kind: "authorization_code",
		IdentityID: rapid.SampledFrom(m.people).Draw(t, "person"), ApplicationID: rapid.SampledFrom(m.apps).Draw(t, "application"),
		SessionID: rapid.SampledFrom(m.sessions).Draw(t, "session"), Refresh: int64(rapid.IntRange(0, 1).Draw(t, "refresh")),
		CreatedAt: m.now, ExpiresAt: m.now.Add(time.Hour)}
	o := oauth.Opening{Grant: g}
	var want error
	if len(m.order) > 0 && rapid.Bool().Draw(t, "has a parent") {
		parent := m.some(t, "parent")
		o.Grant.ParentID = parent.ID
		if parent.RevokedAt != 0 {
			want = model.ErrConflict
		}
	}
	if rapid.Bool().Draw(t, "uses something up") {
		o.Once = rapid.SampledFrom(m.codes).Draw(t, "code")
		if m.used[o.Once] {
			want = model.ErrConflict
		}
	}
	m.expect(t, "open", m.w.OpenGrant(m.w.ctx, o, model.Effects{}), want)
	if want == nil {
		m.all[g.ID] = &o.Grant
		m.order = append(m.order, g.ID)
		if o.Once != nil {
			m.used[o.Once] = true
		}
	}
}

func (m *grantMachine) refresh(t *rapid.T) {
	g := m.some(t, "grant")
	r := model.Refreshing{RealmID: g.RealmID, ID: g.ID, From: g.Refresh + int64(rapid.IntRange(-1, 1).Draw(t, "number")),
		At: m.now, Expires: m.now.Add(2 * time.Hour)}
	var want error
	if r.From != g.Refresh || g.Refresh == 0 || g.RevokedAt != 0 || g.ExpiresAt <= m.now {
		want = model.ErrConflict
	}
	m.expect(t, "refresh", m.w.RefreshGrant(m.w.ctx, r, model.Effects{}), want)
	if want == nil {
		g.Refresh, g.RefreshedAt, g.ExpiresAt = g.Refresh+1, r.At, r.Expires
	}
}

func (m *grantMachine) revoke(t *rapid.T) {
	g := m.some(t, "grant")
	q := oauth.GrantQuery{RealmID: g.RealmID, At: m.now, Until: m.now.Add(time.Hour)}
	var means func(*model.Grant) bool
	switch kind := rapid.IntRange(0, 3).Draw(t, "query"); {
	case kind == 0 && g.SessionID != "":
		q.SessionID = g.SessionID
		means = func(o *model.Grant) bool { return o.SessionID == g.SessionID }
	case kind == 1:
		q.ApplicationID = g.ApplicationID
		means = func(o *model.Grant) bool { return o.ApplicationID == g.ApplicationID }
	case kind == 2:
		q.ApplicationID, q.IdentityID = g.ApplicationID, g.IdentityID
		means = func(o *model.Grant) bool { return o.ApplicationID == g.ApplicationID && o.IdentityID == g.IdentityID }
	default:
		q.ID = g.ID
		means = func(o *model.Grant) bool { return o == g }
	}
	list, err := m.w.RevokeGrants(m.w.ctx, q, model.Effects{})
	m.expect(t, "revoke", err, nil)
	if diff := cmp.Diff(m.revoked(means), grantIDs(list), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("other grants were revoked (-model +store):\n%s", diff)
	}
}

// revoked revokes in the model what is meant and what descends from it.
// Parents are older than their children.
func (m *grantMachine) revoked(means func(*model.Grant) bool) (list []model.GrantID) {
	reached := make(map[model.GrantID]bool)
	for _, id := range m.order {
		g := m.all[id]
		reached[id] = means(g) || reached[g.ParentID]
		if reached[id] && g.RevokedAt == 0 {
			g.RevokedAt = m.now
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// check looks at one grant and whether its tokens are revoked.
func (m *grantMachine) check(t *rapid.T) {
	if len(m.order) == 0 {
		return
	}
	g := m.some(t, "looked at")
	row, err := m.w.Grant(m.w.ctx, g.RealmID, g.ID)
	m.expect(t, "read", err, nil)
	if diff := cmp.Diff(*g, row, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the row differs (-model +store):\n%s", diff)
	}
	before, err := m.w.Revoked(m.w.ctx, g.RealmID, model.RevokeGrant, string(g.ID))
	m.expect(t, "read the revocation", err, nil)
	if before != g.RevokedAt {
		t.Errorf("tokens until %d are revoked, want %d", before, g.RevokedAt)
	}
}

func (m *grantMachine) expect(t *rapid.T, doing string, err, want error) {
	if !errors.Is(err, want) {
		t.Fatalf("%s: got %v, want %v", doing, err, want)
	}
}
