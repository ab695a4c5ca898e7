package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
)

// Event streams.
const (
	heartbeat  = 20 * time.Second // below the idle limits of common proxies
	streamLife = 15 * time.Minute // then the browser comes back, and proves its session again
)

// events tells a person's browser that something changed (server-sent events,
// HTML Living Standard, Section 9.2). A waiting stream costs no query.
func (a *API) events(w http.ResponseWriter, r *http.Request) error {
	who, err := a.person(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	if a.cfg.Stopping != nil {
		defer context.AfterFunc(a.cfg.Stopping, cancel)()
	}
	s := &stream{w: w, rc: http.NewResponseController(w)}
	watch := a.cfg.Approvals.WatchPerson(who.ID)
	defer watch.Stop()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	s.send("retry: 2000\n\n")
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	seen := map[model.ApprovalID]model.ApprovalState{}
	for s.err == nil {
		select {
		case <-watch.C:
			a.tell(ctx, s, who, seen)
		case <-beat.C:
			s.send(": still here\n\n")
		case <-ctx.Done():
			return nil
		}
	}
	return nil // the browser went away
}

// tell sends what changed since the last time. A wake-up does not say what;
// the newest approvals do.
func (a *API) tell(ctx context.Context, s *stream, who model.Identity, seen map[model.ApprovalID]model.ApprovalState) {
	for _, pending := range []bool{true, false} {
		page, err := a.cfg.Approvals.List(ctx, approval.Query{RealmID: who.RealmID, IdentityID: who.ID, Pending: pending, Limit: 20})
		if err != nil {
			s.err = fmt.Errorf("list approvals: %w", err)
			return
		}
		for _, ap := range page.Approvals {
			if seen[ap.ID] == ap.State {
				continue
			}
			seen[ap.ID] = ap.State
			data, err := json.Marshal(map[string]any{"id": ap.ID, "state": ap.State})
			if err != nil {
				s.err = err
				return
			}
			s.send("event: approvals\ndata: " + string(data) + "\n\n")
		}
	}
}

type stream struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	err error
}

func (s *stream) send(text string) {
	if s.err != nil {
		return
	}
	if _, s.err = s.w.Write([]byte(text)); s.err == nil {
		s.err = s.rc.Flush()
	}
}
