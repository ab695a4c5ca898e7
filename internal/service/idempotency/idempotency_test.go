package idempotency_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/idempotency"
)

// memory keeps requests as the database does; the store's own suite proves that.
type memory struct {
	mu   sync.Mutex
	rows map[string]model.Idempotent
}

func (m *memory) ReserveIdempotent(_ context.Context, i model.Idempotent, now model.Millis) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, there := m.rows[key(i)]; there && old.ExpiresAt > now {
		return model.ErrConflict
	}
	m.rows[key(i)] = i
	return nil
}

func (m *memory) Idempotent(_ context.Context, realm model.RealmID, digest []byte) (model.Idempotent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, there := m.rows[key(model.Idempotent{RealmID: realm, Digest: digest})]
	if !there {
		return i, model.ErrNotFound
	}
	return i, nil
}

func (m *memory) AnswerIdempotent(_ context.Context, i model.Idempotent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, there := m.rows[key(i)]; !there || old.Status != 0 || old.CreatedAt != i.CreatedAt {
		return model.ErrConflict
	}
	m.rows[key(i)] = i
	return nil
}

func (m *memory) ReleaseIdempotent(_ context.Context, i model.Idempotent) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old := m.rows[key(i)]; old.Status == 0 && old.CreatedAt == i.CreatedAt {
		delete(m.rows, key(i))
	}
	return nil
}

func key(i model.Idempotent) string { return string(i.RealmID) + " " + string(i.Digest) }

type world struct {
	*idempotency.Service
	kept *memory
	now  time.Time
}

func start(t *testing.T) *world {
	t.Helper()
	ring, err := seal.NewKeyring(seal.GenerateKey())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{kept: &memory{rows: map[string]model.Idempotent{}}, now: time.UnixMilli(1_790_000_000_000)}
	w.Service = idempotency.New(idempotency.Config{Store: w.kept, Keyring: ring, Now: func() time.Time { return w.now }})
	return w
}

func (w *world) begin(t *testing.T, r idempotency.Request) (*idempotency.Answer, *idempotency.Claim, error) {
	t.Helper()
	return w.Begin(t.Context(), r)
}

var request = idempotency.Request{RealmID: "rlm_1", Caller: "svc_1", Key: "k", Content: []byte("POST /x {}")}

// Requirement: frame-idempotency
func TestARequestIsAnsweredAgainUntilItsKeyExpires(t *testing.T) {
	w := start(t)
	_, claim, err := w.begin(t, request)
	if err != nil || claim == nil {
		t.Fatalf("first: %v", err)
	}
	if _, _, err := w.begin(t, request); !errors.Is(err, idempotency.ErrInProgress) {
		t.Errorf("while it runs: %v", err)
	}
	want := idempotency.Answer{Status: 201, Header: map[string][]string{"Location": {"/x/1"}}, Body: []byte(`{"secret":"s3cr3t"}`)}
	if err := w.Finish(t.Context(), claim, want); err != nil {
		t.Fatal(err)
	}
	got, again, err := w.begin(t, request)
	if err != nil || again != nil || got.Status != 201 || string(got.Body) != string(want.Body) || got.Header["Location"][0] != "/x/1" {
		t.Errorf("again: %+v, %v", got, err)
	}
	for _, row := range w.kept.rows {
		if bytes.Contains(row.Answer, []byte("s3cr3t")) || bytes.Contains(row.Request, request.Content) {
			t.Error("the answer is not sealed")
		}
	}
	w.now = w.now.Add(idempotency.Life)
	if got, claim, err := w.begin(t, request); got != nil || claim == nil || err != nil {
		t.Errorf("a day later: %v, %v", got, err)
	}
}

// Requirement: frame-idempotency
func TestAKeyMeansOneRequestOfOneCaller(t *testing.T) {
	w := start(t)
	if _, _, err := w.begin(t, request); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func(*idempotency.Request)
		want   error
	}{
		"another content": {func(r *idempotency.Request) { r.Content = []byte("POST /y {}") }, idempotency.ErrReused},
		"another caller":  {func(r *idempotency.Request) { r.Caller = "svc_2" }, nil},
		"another realm":   {func(r *idempotency.Request) { r.RealmID = "rlm_2" }, nil},
		"another key":     {func(r *idempotency.Request) { r.Key = "k2" }, nil},
		"no key":          {func(r *idempotency.Request) { r.Key = "" }, idempotency.ErrKey},
		"a blank":         {func(r *idempotency.Request) { r.Key = "a b" }, idempotency.ErrKey},
	} {
		r := request
		tt.change(&r)
		if _, _, err := w.begin(t, r); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", name, err, tt.want)
		}
	}
}

// Requirement: frame-idempotency
func TestAReleasedKeyMayComeWithAnotherRequest(t *testing.T) {
	w := start(t)
	_, claim, err := w.begin(t, request)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Release(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	other := request
	other.Content = []byte("POST /x {corrected}")
	if _, claim, err := w.begin(t, other); claim == nil || err != nil {
		t.Errorf("got %v", err)
	}
}
