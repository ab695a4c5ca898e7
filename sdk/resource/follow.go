package resource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/assent-id/assent/sdk/assent"
)

const (
	maxFeed     = 256 << 20 // bytes of one answer
	longestWait = 10 * time.Second
	emptyPause  = time.Second
)

// A follower keeps the feed up to date with long polls.
type follower struct {
	s      *Server
	url    string
	wait   time.Duration // how long the issuer is asked to hold its answer
	slack  time.Duration // and how much later it may arrive
	cursor string
	more   bool // there is more behind the cursor, so nothing is waited for
	lost   bool // the log has been told
}

// follow reads the feed until ctx ends.
func (s *Server) follow(ctx context.Context, at string) {
	f := &follower{s: s, url: at, slack: min(s.cfg.MaxStale/3, longestWait)}
	f.wait = min(max(f.slack, time.Second).Truncate(time.Second), longestWait)
	var pause backoff
	longest := min(maxPause, max(s.cfg.MaxStale/3, firstPause))
	for ctx.Err() == nil {
		asked := time.Now()
		news, err := f.once(ctx)
		switch {
		case err != nil:
			f.trouble(ctx, err)
			pause.sleep(ctx, longest)
			continue
		case !news && time.Since(asked) < f.wait/2:
			// Something on the way does not hold answers: it is not asked in a circle.
			(&backoff{last: emptyPause}).sleep(ctx, emptyPause)
		}
		pause = backoff{}
	}
}

// once asks once, and reports whether there was anything new.
func (f *follower) once(ctx context.Context) (news bool, err error) {
	a, err := f.poll(ctx)
	if r, ok := errors.AsType[*feedRefusal](err); ok && r.status == http.StatusUnauthorized {
		a, err = f.poll(ctx) // the token may have been revoked with others: there is a new one
	}
	if err != nil {
		return false, err
	}
	first := f.cursor == ""
	switch {
	case first && !a.Complete && !a.More:
		return false, errors.New("the first answer is not complete")
	case a.More && a.Cursor == f.cursor:
		return false, errors.New("there is more behind a page, and the page does not lead there")
	}
	if err := f.s.feed.merge(a); err != nil {
		f.cursor, f.more = "", false // what was left out must come again
		return false, err
	}
	f.cursor, f.more = a.Cursor, a.More
	if !a.More { // until then, what was revoked long ago may still come
		f.s.feed.hear()
		f.found()
	}
	return first || a.More || len(a.Revocations) > 0, nil
}

// found tells those who wait for it, and the log.
func (f *follower) found() {
	if f.lost {
		f.s.cfg.Logger.Info("the revocation feed is back", "issuer", f.s.cfg.Issuer)
		f.lost = false
		f.s.note(nil)
	}
	select {
	case <-f.s.ready:
	default:
		close(f.s.ready)
	}
}

// trouble tells the log when the feed is lost. It is lost at once where waiting
// will not help, and else when it has been silent for too long.
func (f *follower) trouble(ctx context.Context, err error) {
	_, refused := errors.AsType[*feedRefusal](err)
	if refused {
		f.s.feed.heard.Store(nil)
	}
	if ctx.Err() != nil || f.s.feed.fresh() {
		return
	}
	news := f.s.setTrouble(err)
	if f.lost && (!refused || !news) {
		return
	}
	f.lost = true
	f.s.cfg.Logger.Error("the revocation feed is lost: revoked tokens cannot be told from others", "issuer", f.s.cfg.Issuer,
		"then", f.s.cfg.Lost.String(), "error", err)
}

// A feedRefusal is an answer that means that this client may not read the feed.
type feedRefusal struct {
	status int
	why    string
}

func (r *feedRefusal) Error() string {
	text := fmt.Sprintf("the issuer refuses the revocation feed to this client with HTTP status %d", r.status)
	if r.why != "" {
		text += " (" + r.why + ")"
	}
	return text
}

// poll is one request.
func (f *follower) poll(ctx context.Context) (announcement, error) {
	var a announcement
	ctx, cancel := context.WithTimeout(ctx, f.wait+max(f.slack, time.Second))
	defer cancel()
	token, err := f.s.client.Token(ctx, assent.TokenRequest{Resource: []string{f.s.cfg.Issuer}})
	if err != nil {
		return a, refusedToken(err)
	}
	r, err := f.request(ctx, token.Token)
	if err != nil {
		return a, err
	}
	resp, err := f.s.http.Do(r)
	if err != nil {
		return a, fmt.Errorf("revocation feed: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		f.s.client.Forget(token.Token)
		return a, refusedFeed(resp)
	case http.StatusForbidden:
		return a, refusedFeed(resp)
	default:
		return a, fmt.Errorf("revocation feed: HTTP status %d", resp.StatusCode)
	}
	return a, readAnnouncement(resp, &a)
}

func (f *follower) request(ctx context.Context, token string) (*http.Request, error) {
	target := f.url
	if f.cursor != "" {
		target += "?after=" + url.QueryEscape(f.cursor)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	if !f.more {
		r.Header.Set("Prefer", "wait="+strconv.Itoa(int(f.wait/time.Second))) // RFC 7240, Section 4.3
	}
	return r, nil
}

// refusedToken tells a client that the issuer does not want (any more) from an
// issuer that is away. The first is knowledge: the client was frozen, or the realm
// disabled, and what else was revoked will never be heard.
func refusedToken(err error) error {
	if e, ok := errors.AsType[*assent.ServerError](err); ok {
		switch e.Status {
		case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden: // RFC 6749, Section 5.2
			return &feedRefusal{status: e.Status, why: e.Code}
		}
	}
	return fmt.Errorf("get a token for the revocation feed: %w", err)
}

func refusedFeed(resp *http.Response) error {
	var body struct {
		Error string `json:"error"`
		Code  string `json:"code"`
	}
	if text, err := readAll(resp.Body, maxDocument); err == nil {
		_ = json.Unmarshal(text, &body) // a proxy's page has no code
	}
	if body.Code == "" {
		body.Code = body.Error
	}
	return &feedRefusal{status: resp.StatusCode, why: body.Code}
}

func readAnnouncement(resp *http.Response, a *announcement) error {
	body, err := readAll(resp.Body, maxFeed)
	if err != nil {
		return fmt.Errorf("revocation feed: %w", err)
	}
	if err := json.Unmarshal(body, a); err != nil {
		return fmt.Errorf("revocation feed: %w", err)
	}
	if a.Cursor == "" || a.Revocations == nil {
		return errors.New("revocation feed: the answer is of another kind")
	}
	return nil
}
