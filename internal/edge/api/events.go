package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
)

// Event streams.
const (
	heartbeat  = 20 * time.Second // below the idle limits of common proxies
	streamLife = 15 * time.Minute // then the browser comes back, and proves its session again
	maxStreams = 30               // of one person at once
	sendWithin = 30 * time.Second // a browser that does not read is gone
)

// events tells a person's browser that something changed (server-sent events,
// HTML Living Standard, Section 9.2). A waiting stream costs no query.
func (a *API) events(w http.ResponseWriter, r *http.Request) error {
	who, err := a.person(r)
	if err != nil {
		return err
	}
	give, ok := a.streams.Take(string(who.ID))
	if !ok {
		return &httpx.Problem{Status: http.StatusTooManyRequests, Code: "too_many_streams", Detail: "Close some of your other tabs."}
	}
	defer give()
	ctx, cancel := context.WithTimeout(r.Context(), streamLife)
	defer cancel()
	if a.cfg.Stopping != nil {
		defer context.AfterFunc(a.cfg.Stopping, cancel)()
	}
	watch := a.cfg.Approvals.WatchPerson(who.ID)
	defer watch.Stop()
	s := &stream{w: w, rc: http.NewResponseController(w), seen: map[model.ApprovalID]model.ApprovalState{}}
	if _, err := a.news(ctx, s, who); err != nil { // what there is already is no news
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	s.send("retry: 2000\n\n")
	defer func() { _ = s.rc.SetWriteDeadline(time.Time{}) }() // the connection may serve on
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for s.err == nil {
		select {
		case <-watch.C:
			s.err = a.tell(ctx, s, r)
		case <-beat.C:
			s.send(": still here\n\n")
		case <-ctx.Done():
			return nil
		}
	}
	return nil // the browser went away, or may not hear more
}

// tell sends what changed since the last time, to somebody who is still signed
// in: a stream must not outlive the session that it was opened with.
func (a *API) tell(ctx context.Context, s *stream, r *http.Request) error {
	who, err := a.person(r)
	if err != nil {
		return err
	}
	changed, err := a.news(ctx, s, who)
	for _, ap := range changed {
		data, err := json.Marshal(map[string]any{"id": ap.ID, "state": ap.State})
		if err != nil {
			return err
		}
		s.send("event: approvals\ndata: " + string(data) + "\n\n")
	}
	return errors.Join(err, s.err)
}

// newest is how many pending and how many ended approvals are looked at.
const newest = 20

// news lists what changed since it was last asked. A wake-up does not say what;
// the newest approvals do.
func (a *API) news(ctx context.Context, s *stream, who model.Identity) ([]model.Approval, error) {
	var changed []model.Approval
	for _, pending := range []bool{true, false} {
		page, err := a.cfg.Approvals.List(ctx, approval.Query{RealmID: who.RealmID, IdentityID: who.ID, Pending: pending, Limit: newest})
		if err != nil {
			return nil, fmt.Errorf("list approvals: %w", err)
		}
		for _, ap := range page.Approvals {
			if s.seen[ap.ID] != ap.State {
				s.seen[ap.ID] = ap.State
				changed = append(changed, ap)
			}
		}
	}
	return changed, nil
}

type stream struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	seen map[model.ApprovalID]model.ApprovalState
	err  error
}

func (s *stream) send(text string) {
	if s.err != nil {
		return
	}
	// Not every writer has deadlines; one that has none was not asked for.
	_ = s.rc.SetWriteDeadline(time.Now().Add(sendWithin))
	if _, s.err = s.w.Write([]byte(text)); s.err == nil {
		s.err = s.rc.Flush()
	}
}
