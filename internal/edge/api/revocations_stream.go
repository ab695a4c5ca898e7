package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/revocation"
)

// feedBeat is how often a stream says that nothing changed. A reader that hears
// nothing for longer has lost us.
const feedBeat = 5 * time.Second

// streamRevocations sends what there is, and then each change (server-sent
// events, HTML Living Standard, Section 9.2). That nothing changed is said too: only
// a node that has heard everything may say it.
func (a *API) streamRevocations(w http.ResponseWriter, r *http.Request, f *feedReader) error {
	q := f.query(httpx.Site(r), r.Header.Get("Last-Event-ID"))
	if q.Since == "" {
		q.Since = r.URL.Query().Get("after")
	}
	give, err := a.takePlace(q.Site, f)
	if err != nil {
		return err
	}
	defer give()
	ctx, cancel := a.untilStop(r.Context())
	defer cancel()
	page, err := a.cfg.Feed.Read(ctx, q)
	if err != nil {
		return unsure(err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	s := &stream{w: w, rc: http.NewResponseController(w)}
	defer func() { _ = s.rc.SetWriteDeadline(time.Time{}) }() // the connection may serve on
	s.send("retry: 1000\n\n")
	s.sendPage(page)
	for s.err == nil && ctx.Err() == nil {
		q = f.query(q.Site, page.Cursor)
		if page, err = a.cfg.Feed.Await(ctx, q, beatBefore(&f.AccessToken)); err != nil {
			return unsure(err)
		}
		page, err = a.afterWait(r, q, f, page)
		switch {
		case page.News():
			s.sendPage(page)
		case err == nil:
			s.send(": nothing new\n\n")
		}
		if err != nil {
			return err
		}
	}
	return nil // the reader went away, or the server stops
}

// beatBefore is how long a stream waits before it looks at its reader again: no
// longer than the reader's token lives. Whether it has ended the clock of the
// service says, which may be a little behind.
func beatBefore(t *oauth.AccessToken) time.Duration {
	return max(100*time.Millisecond, min(feedBeat, time.Until(time.Unix(t.ExpiresAt, 0))))
}

func (s *stream) sendPage(p revocation.Page) {
	data, err := json.Marshal(p)
	if err != nil {
		s.err = fmt.Errorf("encode revocations: %w", err)
		return
	}
	s.send("id: " + p.Cursor + "\nevent: revocations\ndata: " + string(data) + "\n\n")
}
