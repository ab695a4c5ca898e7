package notify_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/notify"
)

// A listener answers posts with one status after another, and keeps them.
type listener struct {
	*httptest.Server
	mu       sync.Mutex
	statuses []int
	got      []string // method, type, token and body
}

func listen(t *testing.T, statuses ...int) *listener {
	t.Helper()
	l := &listener{statuses: statuses}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.got = append(l.got, r.Method+" "+r.URL.Path+" "+r.Header.Get("Content-Type")+" "+r.Header.Get("Authorization")+" "+string(body))
		w.Header().Set("Location", l.URL+"/elsewhere")
		w.WriteHeader(l.statuses[min(len(l.got), len(l.statuses))-1])
	}))
	t.Cleanup(l.Close)
	return l
}

// posting is a node whose channel posts to the listener.
func (w *world) posting(l *listener) *notify.Service {
	post := &notify.Post{Out: fetch.New(fetch.Config{Allow: []string{"127.0.0.1"}}),
		Call: func(_ context.Context, _ *model.Site, payload json.RawMessage) (notify.Call, error) {
			if string(payload) == `"moot"` {
				return notify.Call{}, notify.ErrMoot
			}
			return notify.Call{URL: l.URL + "/told", Type: "application/json", Body: payload, Token: "tkn"}, nil
		}}
	return notify.New(notify.Config{Store: w.store, Realms: realms{}, Now: w.now, Channels: map[string]notify.Channel{"mail": post}})
}

// What a server may do better the next time is sent again, and nothing else is.
//
// Requirement: ciba-ping, fetch-no-redirect
func TestAPostIsRepeatedWhileThatCouldHelp(t *testing.T) {
	const sent = `POST /told application/json Bearer tkn {"a":1}`
	tests := []struct {
		name     string
		statuses []int
		want     int // times that it is sent in an hour
	}{
		{"taken", []int{204}, 1},
		{"taken with a body", []int{200}, 1},
		{"not authorised", []int{401}, 1},
		{"forbidden", []int{403}, 1},
		{"gone", []int{410}, 1},
		{"elsewhere", []int{302}, 1},
		{"elsewhere, with the body", []int{307}, 1},
		{"out of order, then taken", []int{500, 503, 204}, 3},
		{"too many, then not authorised", []int{429, 401}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, l := newWorld(t), listen(t, tt.statuses...)
			s := w.posting(l)
			w.put(t, `{"a":1}`)
			for range 40 {
				deliver(t, s)
				w.advance(time.Minute)
			}
			want := make([]string, tt.want)
			for i := range want {
				want[i] = sent
			}
			if diff := cmp.Diff(want, l.got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAPostThatIsMootIsNotSent(t *testing.T) {
	w, l := newWorld(t), listen(t, 200)
	s := w.posting(l)
	w.put(t, `"moot"`)
	if n := deliver(t, s); n != 1 || len(l.got) != 0 {
		t.Errorf("took %d, sent %q", n, l.got)
	}
	if n := deliver(t, s); n != 0 {
		t.Errorf("took %d again", n)
	}
}

// A server that is not there now may be there later.
func TestAPostToNobodyIsTriedAgain(t *testing.T) {
	w, l := newWorld(t), listen(t, 200)
	l.Close()
	s := w.posting(l)
	w.put(t, `{"a":1}`)
	for range 3 {
		if n := deliver(t, s); n != 1 {
			t.Fatalf("took %d, want 1", n)
		}
		w.advance(10 * time.Minute)
	}
}
