package storetest

import (
	"errors"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// deviceMachinePromises compare the store with a map that follows the rules of
// RFC 8628, over random stories.
var deviceMachinePromises = []promise{
	{"DeviceRequestsLiveAsTheirStateMachineSays", func(w *world) {
		rapid.Check(w.TB, func(t *rapid.T) {
			m := &deviceMachine{w: w, now: start, all: make(map[[32]byte]*model.DeviceRequest)}
			for range 3 { // few, so that they are taken
				m.codes = append(m.codes, ids.Secret()[:12])
			}
			t.Repeat(map[string]func(*rapid.T){"ask": m.ask, "decide": m.decide, "redeem": m.redeem, "wait": m.wait, "": m.check})
		})
	}},
}

type deviceMachine struct {
	w     *world
	now   model.Millis
	codes []string
	order [][32]byte // oldest first
	all   map[[32]byte]*model.DeviceRequest
}

func (m *deviceMachine) wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(1, 9).Draw(t, "minutes")) * time.Minute)
}

func (m *deviceMachine) some(t *rapid.T) *model.DeviceRequest {
	if len(m.order) == 0 {
		t.Skip("no device has asked yet")
	}
	return m.all[rapid.SampledFrom(m.order).Draw(t, "request")]
}

func (m *deviceMachine) ask(t *rapid.T) {
	d := m.w.home.device()
	d.UserCode = rapid.SampledFrom(m.codes).Draw(t, "user code")
	d.CreatedAt, d.ExpiresAt = m.now, m.now.Add(10*time.Minute)
	var want error
	for _, other := range m.all {
		if other.UserCode == d.UserCode && other.ExpiresAt > m.now {
			want = model.ErrConflict
		}
	}
	m.expect(t, "ask", m.w.CreateDeviceRequest(m.w.ctx, d, model.Effects{}), want)
	if want != nil {
		return
	}
	for i, digest := range m.order { // who had the code before makes room
		if m.all[digest].UserCode == d.UserCode {
			delete(m.all, digest)
			m.order = append(m.order[:i], m.order[i+1:]...)
			break
		}
	}
	m.all[d.Digest] = &d
	m.order = append(m.order, d.Digest)
}

func (m *deviceMachine) decide(t *rapid.T) {
	d := m.some(t)
	state := rapid.SampledFrom([]model.DeviceState{model.DeviceApproved, model.DeviceDenied}).Draw(t, "state")
	decided := m.w.decided(*d, state)
	decided.DecidedAt = m.now
	var want error
	if d.State != model.DevicePending || m.now >= d.ExpiresAt {
		want = model.ErrConflict
	}
	m.expect(t, "decide", m.w.DecideDevice(m.w.ctx, decided, model.Effects{}), want)
	if want == nil {
		*d = decided
	}
}

func (m *deviceMachine) redeem(t *rapid.T) {
	d := m.some(t)
	o := m.w.deviceGrant(*d)
	var want error
	if d.State != model.DeviceApproved {
		want = model.ErrConflict
	}
	m.expect(t, "redeem", m.w.RedeemDevice(m.w.ctx, d.Digest, o, model.Effects{}), want)
	_, err := m.w.Grant(m.w.ctx, o.Grant.RealmID, o.Grant.ID)
	if want != nil {
		m.expect(t, "look for a grant", err, model.ErrNotFound)
		return
	}
	m.expect(t, "look for the grant", err, nil)
	d.State = model.DeviceRedeemed
}

// check looks at one request and at whom its user code finds.
func (m *deviceMachine) check(t *rapid.T) {
	if len(m.order) == 0 {
		return
	}
	d := m.some(t)
	row, err := m.w.DeviceRequest(m.w.ctx, d.RealmID, d.Digest)
	m.expect(t, "read", err, nil)
	if diff := cmp.Diff(*d, row, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the row differs (-model +store):\n%s", diff)
	}
	var want error
	if d.State != model.DevicePending || m.now >= d.ExpiresAt {
		want = model.ErrNotFound
	}
	found, err := m.w.DeviceByUserCode(m.w.ctx, d.RealmID, d.UserCode, m.now)
	m.expect(t, "find by user code", err, want)
	if want == nil && found.Digest != d.Digest {
		t.Errorf("user code %s finds another request", d.UserCode)
	}
}

func (m *deviceMachine) expect(t *rapid.T, doing string, err, want error) {
	if !errors.Is(err, want) {
		t.Fatalf("%s: got %v, want %v", doing, err, want)
	}
}
