package resource_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/resource"
)

// A line is the network between an API and its issuer: a TCP proxy that can be
// cut, as a whole or for the feed alone.
type line struct {
	listener net.Listener
	to       string

	mu    sync.Mutex
	cut   func(path string) bool // which requests no longer arrive
	black bool                   // those wait for ever, in place of being hung up on
	open  map[net.Conn]string    // by path
	count map[string]int         // requests that came, by path
}

// newLine listens; whoever comes before the line leads somewhere is hung up on.
func newLine(t testing.TB) *line {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	servertest.Check(t, err)
	p := &line{listener: l, open: map[net.Conn]string{}, count: map[string]int{}, cut: everything}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { p.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		p.cutOff(everything, false)
		all.Wait()
	})
	return p
}

func everything(string) bool   { return true }
func nothing(string) bool      { return false }
func theFeed(path string) bool { return strings.HasPrefix(path, "/v1/revocations") }
func (p *line) url() string {
	return "http://localhost" + p.listener.Addr().String()[len("127.0.0.1"):]
}
func (p *line) lead(target string) { u, _ := url.Parse(target); p.to = "127.0.0.1:" + u.Port() }

// cutOff cuts what is open and what comes.
func (p *line) cutOff(cut func(string) bool, black bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.black = cut, black
	for c, path := range p.open {
		if cut(path) && !black {
			_ = c.Close()
		}
	}
}

func (p *line) mend() { p.cutOff(nothing, false); p.hangUp() }

// hangUp ends what waits for ever.
func (p *line) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		_ = c.Close()
	}
}

// carried is how many requests came for such paths.
func (p *line) carried(which func(path string) bool) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for path, count := range p.count {
		if which(path) {
			n += count
		}
	}
	return n
}

// carry is one connection with one request.
func (p *line) carry(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	first, err := r.ReadString('\n')
	if err != nil {
		return
	}
	path := strings.Split(first+"  ", " ")[1]
	p.mu.Lock()
	cut, black := p.cut(path), p.black
	p.open[c] = path
	p.count[path]++
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.open, c)
	}()
	if cut {
		if black {
			_, _ = io.Copy(io.Discard, r) // until somebody hangs up
		}
		return
	}
	p.exchange(c, path, io.MultiReader(strings.NewReader(first), r))
}

func (p *line) exchange(c net.Conn, path string, request io.Reader) {
	up, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer func() { _ = up.Close() }()
	go func() { _, _ = io.Copy(up, request); _ = up.(*net.TCPConn).CloseWrite() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := up.Read(buf)
		p.mu.Lock()
		swallow := p.cut(path) // what was under way when the line went black
		p.mu.Unlock()
		if n > 0 && !swallow {
			if _, err := c.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if swallow {
				_, _ = io.Copy(io.Discard, c)
			}
			return
		}
	}
}

// far is an API whose issuer is at the other end of a line that can be cut.
func far(t testing.TB) (*house, *line) {
	t.Helper()
	p := newLine(t)
	w := servertest.Start(t, func(c *server.Config) {
		p.lead(c.BaseURL)
		c.BaseURL = p.url()
	})
	p.mend()
	h := &house{World: w}
	h.settle(t)
	return h, p
}

// patient is a configuration whose feed is lost soon, with a connection for each
// request.
func (h *house) patient(lost resource.Lost) resource.Config {
	cfg := h.config()
	cfg.MaxStale, cfg.Lost = 2*time.Second, lost
	cfg.HTTPClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return cfg
}

// Requirement: mw-feed-lost
func TestWhileTheFeedIsLostTokensAreIntrospectedOrRefusedAsConfigured(t *testing.T) {
	for name, black := range map[string]bool{"hung up": false, "silent": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, p := far(t)
			ask, no := ready(t, h.patient(resource.Introspect)), ready(t, h.patient(resource.Refuse))
			app, opaque := h.service(t, model.ApplicationSettings{}), h.service(t, model.ApplicationSettings{OpaqueTokens: true})
			gone, goneToo, kept, keptToo := h.token(t, app), h.token(t, opaque), h.token(t, h.service(t, model.ApplicationSettings{})), h.token(t, h.service(t, model.ApplicationSettings{OpaqueTokens: true}))
			all := []string{gone, goneToo, kept, keptToo}
			for _, token := range all {
				passes(t, ask, token)
				passes(t, no, token)
			}
			p.cutOff(theFeed, black)
			for _, id := range []string{app.ID, opaque.ID} {
				_, err := h.Server.Applications.RevokeTokens(t.Context(), h.Site, model.ClientID(id), "operator")
				servertest.Check(t, err)
			}
			lost := func(s *resource.Server) func() bool {
				return func() bool { return errors.Is(s.Health(), resource.ErrFeedLost) }
			}
			soon(t, "the feed is lost to the one", lost(ask))
			soon(t, "the feed is lost to the other", lost(no))
			for _, token := range all {
				if got := refusal(t, no, bearer(token)); got == nil || got.Status() != 503 || !errors.Is(got, resource.ErrFeedLost) {
					t.Errorf("lost, refuse: %v", got)
				}
			}
			for _, token := range []string{gone, goneToo} {
				checkRefusal(t, "lost, introspect", refusal(t, ask, bearer(token)), resource.InvalidToken, "the token is not active")
			}
			passes(t, ask, kept)
			passes(t, ask, keptToo)
			p.cutOff(everything, black)
			if got := refusal(t, ask, bearer(kept)); got == nil || got.Status() != 503 {
				t.Errorf("nobody can be asked: %v", got)
			}
			p.mend()
			for _, s := range []*resource.Server{ask, no} {
				soon(t, "the feed is back", func() bool { return s.Health() == nil })
				passes(t, s, kept)
				passes(t, s, keptToo)
				refused(t, s, gone, revoked)
				got := refusal(t, s, bearer(goneToo))
				if got == nil || got.Challenge.Error != resource.InvalidToken {
					t.Errorf("after all, opaque: %v", got)
				}
			}
		})
	}
}

// Requirement: mw-start
func TestAnAPIStartsBeforeItsIssuer(t *testing.T) {
	h, p := far(t)
	token := h.token(t, h.service(t, model.ApplicationSettings{}))
	p.cutOff(everything, false)
	s := started(t, h.patient(resource.Introspect))
	soon(t, "it says what it waits for", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		err := s.Ready(ctx)
		return errors.Is(err, context.DeadlineExceeded) && strings.Contains(err.Error(), "discovery")
	})
	if s.Health() == nil {
		t.Error("healthy without an issuer")
	}
	w := ask(s.Require(echo), "GET", "/", nil, "Authorization", "Bearer "+token)
	if w.Code != 503 || w.Header().Get("Retry-After") != "1" || w.Header().Get("WWW-Authenticate") != "" || w.Body.String() != `{"error":"temporarily_unavailable"}` {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := ask(s.Require(echo), "GET", "/", nil); w.Code != 401 {
		t.Errorf("without a token: %d", w.Code)
	}
	p.mend()
	late, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	servertest.Check(t, s.Ready(late))
	passes(t, s, token)
	if w := ask(s.Require(echo), "GET", "/", nil, "Authorization", "Bearer "+token); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
