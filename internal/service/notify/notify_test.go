package notify_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/notify"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/litetest"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A channel keeps what it was given, and fails as it is told.
type channel struct {
	mu   sync.Mutex
	got  []string
	fail error
}

func (c *channel) Deliver(_ context.Context, site *model.Site, payload json.RawMessage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if site.Realm.ID != "rlm_1" {
		return errors.New("wrong realm")
	}
	if c.fail != nil {
		return c.fail
	}
	c.got = append(c.got, string(payload))
	return nil
}

func (c *channel) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.got)
}

type realms struct{}

func (realms) ByID(_ context.Context, id model.RealmID) (*model.Site, error) {
	return &model.Site{Realm: model.Realm{ID: id}}, nil
}

// A world is an outbox on a real database, and a clock that stands still.
type world struct {
	store *store.Store
	mail  *channel
	clock atomic.Int64 // Unix milliseconds
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{mail: &channel{}}
	w.clock.Store(time.Now().UnixMilli())
	var err error
	w.store, err = store.Open(t.Context(), store.Config{URL: litetest.Database(t)})
	check(t, err)
	t.Cleanup(func() { check(t, w.store.Close()) })
	return w
}

func (w *world) now() time.Time          { return time.UnixMilli(w.clock.Load()) }
func (w *world) advance(d time.Duration) { w.clock.Add(d.Milliseconds()) }

func (w *world) node() *notify.Service {
	return notify.New(notify.Config{Store: w.store, Realms: realms{}, Now: w.now, Channels: map[string]notify.Channel{"mail": w.mail}})
}

// put puts items into the outbox, due now and worth sending for an hour.
func (w *world) put(t *testing.T, payloads ...string) {
	t.Helper()
	now := model.MillisOf(w.now())
	var fx model.Effects
	for _, p := range payloads {
		fx.Outbox = append(fx.Outbox, model.OutboxItem{ID: model.OutboxID(ids.New("out")), RealmID: "rlm_1", Channel: "mail",
			Payload: json.RawMessage(p), NotBefore: now, ExpiresAt: now.Add(time.Hour)})
	}
	tenant := model.TenantID(ids.New("ten"))
	check(t, w.store.CreateTenant(t.Context(), model.Tenant{ID: tenant, Name: string(tenant)}, fx))
}

func deliver(t *testing.T, s *notify.Service) int {
	t.Helper()
	n, err := s.Deliver(t.Context())
	check(t, err)
	return n
}

func TestWhatWasDeliveredIsNotDeliveredAgain(t *testing.T) {
	w := newWorld(t)
	w.put(t, `1`, `2`)
	s := w.node()
	if n := deliver(t, s); n != 2 || w.mail.count() != 2 {
		t.Errorf("took %d, delivered %d, want 2", n, w.mail.count())
	}
	w.advance(30 * time.Minute)
	if n := deliver(t, s); n != 0 {
		t.Errorf("took %d again", n)
	}
}

func TestOfManyNodesOneDeliversEachItem(t *testing.T) {
	w := newWorld(t)
	const items = 60
	for i := range items {
		w.put(t, strconv.Itoa(i))
	}
	var wg sync.WaitGroup
	for range 4 {
		s := w.node()
		wg.Go(func() {
			for {
				n, err := s.Deliver(t.Context())
				if err != nil {
					t.Error(err)
				}
				if n == 0 || err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	for _, p := range w.mail.got {
		if seen[p] {
			t.Errorf("%s was delivered twice", p)
		}
		seen[p] = true
	}
	if len(seen) != items {
		t.Errorf("%d of %d were delivered", len(seen), items)
	}
}

func TestWhatFailsIsTriedAgainWithGrowingPauses(t *testing.T) {
	w := newWorld(t)
	w.put(t, `1`)
	s := w.node()
	w.mail.fail = errors.New("the mail server is away")
	var pauses []time.Duration
	for range 5 {
		if n := deliver(t, s); n != 1 {
			t.Fatalf("took %d, want 1", n)
		}
		next, err := w.store.NextOutbox(t.Context())
		check(t, err)
		pauses = append(pauses, next.Time().Sub(w.now()))
		w.advance(pauses[len(pauses)-1] - time.Millisecond)
		if n := deliver(t, s); n != 0 {
			t.Error("tried again before its time")
		}
		w.advance(time.Millisecond)
	}
	for i := 1; i < len(pauses); i++ {
		if pauses[i] <= pauses[i-1] || pauses[i] > 10*time.Minute {
			t.Errorf("pauses = %v, want growing ones of at most 10 minutes", pauses)
		}
	}
	w.mail.fail = nil
	if deliver(t, s); w.mail.count() != 1 {
		t.Error("not delivered when the mail server was back")
	}
}

func TestWhatIsMootOrTooLateIsDropped(t *testing.T) {
	w := newWorld(t)
	s := w.node()
	w.put(t, `1`)
	w.mail.fail = notify.ErrMoot
	deliver(t, s)
	w.mail.fail = nil
	w.put(t, `2`)
	w.advance(time.Hour)
	deliver(t, s)
	w.advance(24 * time.Hour)
	if n := deliver(t, s); n != 0 || w.mail.count() != 0 {
		t.Errorf("took %d later, delivered %q", n, w.mail.got)
	}
}

func TestWhatHasNoEndIsAlwaysWorthSending(t *testing.T) {
	w := newWorld(t)
	fx := model.Effects{Outbox: []model.OutboxItem{{ID: model.OutboxID(ids.New("out")), RealmID: "rlm_1", Channel: "mail", Payload: json.RawMessage(`1`)}}}
	check(t, w.store.CreateTenant(t.Context(), model.Tenant{ID: "ten_1", Name: "x"}, fx))
	if deliver(t, w.node()); w.mail.count() != 1 {
		t.Error("not delivered")
	}
}

// A node that died between delivering and noting it: at least once, never not
// at all.
func TestANodeThatDiedLeavesItsItemsToOthers(t *testing.T) {
	w := newWorld(t)
	w.put(t, `1`)
	if items, err := w.store.LeaseOutbox(t.Context(), "dead", model.MillisOf(w.now()), time.Minute, 10); err != nil || len(items) != 1 {
		t.Fatalf("leased %d, %v", len(items), err)
	}
	s := w.node()
	if n := deliver(t, s); n != 0 {
		t.Error("took what another node has")
	}
	w.advance(time.Minute)
	if deliver(t, s); w.mail.count() != 1 {
		t.Error("not delivered after the lease ran out")
	}
}

func TestAnItemForAChannelThatThisNodeLacksWaits(t *testing.T) {
	w := newWorld(t)
	w.put(t, `1`)
	lacking := notify.New(notify.Config{Store: w.store, Realms: realms{}, Now: w.now})
	if n := deliver(t, lacking); n != 1 {
		t.Errorf("took %d", n)
	}
	w.advance(time.Minute)
	if deliver(t, w.node()); w.mail.count() != 1 {
		t.Error("the node that has the channel did not get it")
	}
}

func TestTheOutboxRunsUntilItIsStopped(t *testing.T) {
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.node().Run(ctx); close(ended) }()
	w.put(t, `1`)
	for end := time.Now().Add(20 * time.Second); w.mail.count() == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not delivered in 20 s")
		}
	}
	stop()
	<-ended
}

func TestNewsOfTheOutboxWakesIt(t *testing.T) {
	w := newWorld(t)
	h := &hub.Hub{}
	s := notify.New(notify.Config{Store: w.store, Realms: realms{}, Now: w.now, Hub: h, Channels: map[string]notify.Channel{"mail": w.mail}})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { s.Run(ctx); close(ended) }()
	time.Sleep(100 * time.Millisecond) // it has looked, found nothing and sleeps
	w.put(t, `1`)
	began := time.Now()
	h.Publish([]model.Change{{ID: "chg_1", Topic: model.TopicOutbox, Key: "mail"}})
	for w.mail.count() == 0 && time.Since(began) < 20*time.Second {
		time.Sleep(time.Millisecond)
	}
	if took := time.Since(began); took > 3*time.Second { // unwoken it looks every 5 s
		t.Errorf("delivered after %v", took)
	}
	stop()
	<-ended
}

// One receiver that answers late keeps nobody else waiting.
func TestASlowReceiverHoldsNobodyUp(t *testing.T) {
	w := newWorld(t)
	w.put(t, `1`, `2`, `3`)
	gate := make(chan struct{})
	slow := &slowChannel{first: gate}
	s := notify.New(notify.Config{Store: w.store, Realms: realms{}, Now: w.now, Channels: map[string]notify.Channel{"mail": slow}})
	ended := make(chan error, 1)
	go func() { _, err := s.Deliver(t.Context()); ended <- err }()
	for end := time.Now().Add(20 * time.Second); slow.done.Load() < 2; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the others wait for the slow one")
		}
	}
	close(gate)
	check(t, <-ended)
	if n := slow.done.Load(); n != 3 {
		t.Errorf("%d were delivered, want 3", n)
	}
}

// A slowChannel takes its time with one item.
type slowChannel struct {
	first chan struct{}
	done  atomic.Int32
}

func (c *slowChannel) Deliver(_ context.Context, _ *model.Site, payload json.RawMessage) error {
	if string(payload) == "1" {
		<-c.first
	}
	c.done.Add(1)
	return nil
}

func TestTheMailboxKeepsTheNewestMessages(t *testing.T) {
	var n int
	m := &notify.Mailbox{}
	mail := &notify.Mail{Transport: m, Compose: func(_ context.Context, _ *model.Site, p json.RawMessage) (notify.Message, error) {
		if string(p) == `"moot"` {
			return notify.Message{}, notify.ErrMoot
		}
		n++
		return notify.Message{Subject: strconv.Itoa(n)}, nil
	}}
	for range 250 {
		check(t, mail.Deliver(t.Context(), nil, json.RawMessage(`1`)))
	}
	if err := mail.Deliver(t.Context(), nil, json.RawMessage(`"moot"`)); !errors.Is(err, notify.ErrMoot) {
		t.Errorf("a moot one: %v", err)
	}
	got := m.Messages()
	if len(got) != 200 || got[0].Subject != "250" || got[199].Subject != "51" {
		t.Errorf("%d messages, from %s to %s", len(got), got[0].Subject, got[len(got)-1].Subject)
	}
}
