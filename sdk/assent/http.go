package assent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	callTimeout = 15 * time.Second
	maxAnswer   = 4 << 20 // bytes; evidence is the longest thing that is read
)

// A call is one request to the server.
type call struct {
	method string
	url    string
	form   url.Values    // sent with client authentication
	bearer string        // or sent with this token
	prove  bool          // with a DPoP proof, if the client has a key for that
	wait   time.Duration // how long the server is asked to hold its answer
}

// An answer is a response, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends one request and reads the answer. Whatever keeps an answer from
// arriving is ErrUnreachable, except the end of ctx, which is returned as it is.
func (c *Client) do(ctx context.Context, cl call) (*answer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout+cl.wait, errSlow)
	defer cancel()
	r, err := c.request(ctx, cl)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, lost(ctx, cl, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, lost(ctx, cl, err)
	}
	if len(body) > maxAnswer {
		return nil, invalid("the answer of "+path(cl.url)+" is too long", nil)
	}
	c.prover.note(r.URL, resp.Header)
	return &answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

var errSlow = errors.New("no answer in time")

func (c *Client) request(ctx context.Context, cl call) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, cl.method, cl.url, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	if cl.wait > 0 {
		r.Header.Set("Prefer", "wait="+seconds(cl.wait)) // RFC 7240, Section 4.3
	}
	if cl.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+cl.bearer)
	}
	if cl.prove && c.prover != nil {
		if err := c.prover.prove(r, ""); err != nil {
			return nil, err
		}
	}
	if cl.form == nil {
		return r, nil
	}
	form := maps.Clone(cl.form) // an assertion is for one attempt alone
	if err := c.auth.apply(r, form); err != nil {
		return nil, err
	}
	text := form.Encode()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Body = io.NopCloser(strings.NewReader(text))
	r.ContentLength = int64(len(text))
	return r, nil
}

func lost(ctx context.Context, cl call, err error) error {
	if ctx.Err() != nil && !errors.Is(context.Cause(ctx), errSlow) {
		return ctx.Err()
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // the URL says nothing new
	}
	return &Error{Kind: ErrUnreachable, Reason: path(cl.url), Err: err}
}

// path is a URL without what might be secret.
func path(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "the server"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

// refusal is nil for a 200, and otherwise what the body says is wrong.
func (a *answer) refusal() error {
	if a.status == http.StatusOK {
		return nil
	}
	var body struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Code        string `json:"code"`
		Detail      string `json:"detail"`
	}
	_ = json.Unmarshal(a.body, &body) // a proxy's HTML page has no code
	e := &ServerError{Status: a.status, Code: body.Error, Description: body.Description}
	if e.Code == "" {
		e.Code, e.Description = body.Code, body.Detail
	}
	return e
}

// away reports whether the server, or something before it, is not able to
// answer now.
func (a *answer) away() bool {
	return a.status >= 500 || a.status == http.StatusTooManyRequests
}

// get reads a document, trying again until the deadline while the server is away.
func (c *Client) get(ctx context.Context, cl call, deadline time.Time) (*answer, error) {
	var pause backoff
	for {
		a, err := c.do(ctx, cl)
		if err == nil && a.away() {
			err = &Error{Kind: ErrUnreachable, Reason: path(cl.url), Err: a.refusal()}
		}
		if !errors.Is(err, ErrUnreachable) {
			return a, err
		}
		if !pause.sleep(ctx, deadline) {
			return nil, err
		}
	}
}

// A backoff is the growing pause between attempts to reach a server.
type backoff struct{ last time.Duration }

const (
	firstPause = 200 * time.Millisecond
	maxPause   = 5 * time.Second
)

// sleep pauses, and reports whether there is time for another attempt.
func (b *backoff) sleep(ctx context.Context, deadline time.Time) bool {
	b.last = min(max(2*b.last, firstPause), maxPause)
	pause := b.last/2 + rand.N(b.last/2+1) //nolint:gosec // jitter, so that many clients do not come back at once
	if !time.Now().Add(pause).Before(deadline) {
		pause = time.Until(deadline)
	}
	return sleep(ctx, pause) == nil && time.Now().Before(deadline)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
