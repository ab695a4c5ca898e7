package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/fetch"
)

// A host is a real server on loopback, and counts who comes.
type host struct {
	*httptest.Server
	visits atomic.Int64
}

func serve(t *testing.T, tls bool, h http.HandlerFunc) *host {
	t.Helper()
	s := &host{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.visits.Add(1)
		h(w, r)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if tls {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func (h *host) address() string { return h.Listener.Addr().String() }

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

func write(parts ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, p := range parts {
			_, _ = io.WriteString(w, p)
			_ = http.NewResponseController(w).Flush() // so there is no Content-Length
		}
	}
}

// trusting is a fetcher that knows the certificates of httptest.
func trusting(t *testing.T, allow ...string) *fetch.Fetcher {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return fetch.New(fetch.Config{Allow: allow, RootCAs: roots})
}

// refused wants an error of a kind.
func refused(t *testing.T, name string, err error, want fetch.Kind) *fetch.Error {
	t.Helper()
	e, ok := errors.AsType[*fetch.Error](err)
	if !ok || e.Kind != want {
		t.Errorf("%s: got %v, want %q", name, err, want)
		return &fetch.Error{}
	}
	return e
}

func TestADocumentArrivesOverTLS(t *testing.T) {
	var asked *http.Request
	s := serve(t, true, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Clone(context.Background())
		w.Header().Set("Content-Type", "application/json")
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "before"})
		_, _ = io.WriteString(w, `{"a":1}`)
	})
	f := trusting(t, "127.0.0.1")
	for range 2 { // the second time there would be a cookie to send
		res, err := f.Get(t.Context(), s.URL+"/doc?x=1", fetch.Limits{Accept: "application/json"})
		if err != nil {
			t.Fatal(err)
		}
		if string(res.Body) != `{"a":1}` || res.Status != 200 || !res.JSON() {
			t.Errorf("got %d %q, JSON %v", res.Status, res.Body, res.JSON())
		}
		if asked.URL.RequestURI() != "/doc?x=1" || asked.Header.Get("Accept") != "application/json" || asked.Host != s.address() {
			t.Errorf("asked for %s of %s with %v", asked.URL, asked.Host, asked.Header)
		}
		for _, name := range []string{"Cookie", "Authorization", "Referer"} {
			if v := asked.Header.Get(name); v != "" {
				t.Errorf("it sent %s: %s", name, v)
			}
		}
		if v := asked.Header.Get("Accept-Encoding"); v != "identity" {
			t.Errorf("it asked for the encoding %q", v)
		}
	}
}

func TestAMessageArrivesWhole(t *testing.T) {
	var got string
	s := serve(t, true, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprint(r.Method, " ", r.Header.Get("Content-Type"), " ", r.Header.Get("Authorization"), " ", r.ContentLength, " ", string(body))
		w.WriteHeader(http.StatusNoContent)
	})
	header := http.Header{"Authorization": {"Bearer t"}}
	m := fetch.Message{Type: "application/json", Body: []byte(`{"auth_req_id":"1"}`), Header: header}
	res, err := trusting(t, "127.0.0.1").Post(t.Context(), s.URL, m, fetch.Limits{})
	if err != nil || res.Status != http.StatusNoContent || len(res.Body) != 0 {
		t.Errorf("got %+v, %v", res, err)
	}
	if want := `POST application/json Bearer t 19 {"auth_req_id":"1"}`; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(header) != 1 {
		t.Errorf("the caller's header was changed: %v", header)
	}
}

// Requirement: fetch-public-only
func TestWhatIsNoPublicHTTPSURLIsNotTried(t *testing.T) {
	s, tls := serve(t, false, hello), serve(t, true, hello)
	f := trusting(t, "allowed.example:8080")
	for _, target := range []string{
		"", "/doc", "doc", "https:", "https://", "https:///doc", "https:doc", "//host.example/doc",
		"http://host.example/doc", s.URL, "ftp://host.example/", "file:///etc/passwd", "gopher://host.example/", "javascript:1", "data:,x",
		"HTTP://host.example/", "unix:///run/x.sock",
		"https://user@host.example/", "https://user:word@host.example/", "https://@host.example/", "https://:@host.example/",
		"https://host.example/#f", "https://host.example/#",
		"https://host.example:0/", "https://host.example:65536/", "https://host.example:x/", "https://host.example:/", "https://host.example:-1/",
		"https://[fe80::1%25lo]/", "https://[::1%25]/", "https://[::1/", "https://ho st.example/", "https://host..example/", "https://.example/",
		"https://h%6fst.example/", "https://höst.example/", "https://host\x00.example/", "https://host.example\\@evil.example/", "https://host.example/\n",
		"https://host.example/" + strings.Repeat("a", 2048),
		"http://allowed.example/", "http://allowed.example:8081/", "http://allowed.example.org:8080/",
	} {
		_, err := f.Get(t.Context(), target, fetch.Limits{})
		refused(t, target, err, fetch.RefusedURL)
		if f.Allows(target) {
			t.Errorf("%q: Allows says it would be tried", target)
		}
		_, err = f.Post(t.Context(), target, fetch.Message{}, fetch.Limits{})
		refused(t, "post to "+target, err, fetch.RefusedURL)
	}
	for _, target := range []string{"https://host.example/doc?q=1", "https://host.example:8443", "https://HOST.example./", "http://Allowed.example:8080/x"} {
		if !f.Allows(target) {
			t.Errorf("%q is refused", target)
		}
	}
	if n := s.visits.Load() + tls.visits.Load(); n != 0 {
		t.Errorf("%d visits", n)
	}
}

// Requirement: fetch-public-only
func TestAddressesOfThisNetworkAreNotConnectedTo(t *testing.T) {
	s := serve(t, true, hello)
	_, port, err := net.SplitHostPort(s.address())
	if err != nil {
		t.Fatal(err)
	}
	f := trusting(t)
	for _, name := range []string{"127.0.0.1", "localhost", "LocalHost", "[::1]", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
		"[64:ff9b::7f00:1]", "[2002:7f00:1::]", "10.0.0.1", "169.254.169.254", "[fd00:ec2::254]", "192.168.1.1", "100.100.100.200"} {
		_, err := f.Get(t.Context(), "https://"+name+":"+port+"/", fetch.Limits{Timeout: time.Second})
		refused(t, name, err, fetch.RefusedAddress)
	}
	if n := s.visits.Load(); n != 0 {
		t.Errorf("%d visits", n)
	}
}

// Other spellings of 127.0.0.1 are names to us; whatever the system's resolver
// makes of them, nothing is reached.
func TestNumbersThatOthersReadAsAddressesLeadNowhere(t *testing.T) {
	s := serve(t, true, hello)
	_, port, _ := net.SplitHostPort(s.address())
	f := trusting(t)
	for _, name := range []string{"2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1."} {
		if res, err := f.Get(t.Context(), "https://"+name+":"+port+"/", fetch.Limits{Timeout: time.Second}); err == nil {
			t.Errorf("%s: %+v", name, res)
		}
	}
	if n := s.visits.Load(); n != 0 {
		t.Errorf("%d visits", n)
	}
}

// Requirement: fetch-allowed-hosts
func TestAnAllowedHostMayBeNearAndPlain(t *testing.T) {
	plain, tls := serve(t, false, hello), serve(t, true, hello)
	_, port, _ := net.SplitHostPort(plain.address())
	for _, tt := range []struct {
		name, target string
		allow        []string
		want         fetch.Kind
	}{
		{"by address", plain.URL, []string{"127.0.0.1"}, ""},
		{"by address and port", plain.URL, []string{"127.0.0.1:" + port}, ""},
		{"over TLS", tls.URL, []string{"127.0.0.1"}, ""},
		{"by name", "http://localhost:" + port, []string{"localhost"}, ""},
		{"by name in another case", "http://LocalHost:" + port, []string{"LOCALHOST"}, ""},
		{"another port", plain.URL, []string{"127.0.0.1:1"}, fetch.RefusedURL},
		{"another port over TLS", tls.URL, []string{"127.0.0.1:1"}, fetch.RefusedAddress},
		{"another name of the same", plain.URL, []string{"localhost"}, fetch.RefusedURL},
		{"another name of the same over TLS", tls.URL, []string{"localhost"}, fetch.RefusedAddress},
		{"nothing", tls.URL, nil, fetch.RefusedAddress},
		{"entries that are none", tls.URL, []string{"", "*", "https://127.0.0.1", "127.0.0.1/8", "127.0.0.1:x"}, fetch.RefusedAddress},
		{"an allowed host that is no host", "http://169.254.169.254:1/", []string{"169.254.169.254"}, fetch.RefusedAddress},
		{"an allowed host that is this network", "http://0.0.0.0:" + port, []string{"0.0.0.0"}, fetch.RefusedAddress},
	} {
		res, err := trusting(t, tt.allow...).Get(t.Context(), tt.target, fetch.Limits{})
		if tt.want != "" {
			refused(t, tt.name, err, tt.want)
		} else if err != nil || string(res.Body) != "hello" {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Requirement: fetch-allowed-hosts
func TestAnEntryOfTheAllowListIsAHost(t *testing.T) {
	for entry, want := range map[string]bool{"localhost": true, "localhost:80": true, "127.0.0.1": true, "[::1]": true, "::1": true, "[::1]:8080": true,
		"a.internal": true, "": false, "*": false, "*.internal": false, "http://localhost": false, "localhost/": false, "localhost:": false,
		"localhost:http": false, "localhost:0": false, "10.0.0.0/8": false, "a b": false, "fe80::1%lo": false, "a@b": false} {
		if err := fetch.ValidateAllow(entry); (err == nil) != want {
			t.Errorf("%q: %v, want allowed %v", entry, err, want)
		}
	}
}

// Requirement: fetch-limits, fetch-no-redirect
func TestAnswersThatAreNoneAreErrors(t *testing.T) {
	big := strings.Repeat("x", fetch.DefaultBytes)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(bytes.Repeat([]byte("0"), 10<<20))
	_ = z.Close()
	status := func(code int, location string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			w.WriteHeader(code)
		}
	}
	for _, tt := range []struct {
		name   string
		answer http.HandlerFunc
		want   fetch.Kind
		status int
	}{
		{"as large as it may be", write(big), "", 0},
		{"in chunks as large as it may be", write(big[:1000], big[1000:]), "", 0},
		{"one byte too large", write(big + "x"), fetch.TooLarge, 0},
		{"in chunks, one byte too large", write(big, "x"), fetch.TooLarge, 0},
		{"a length that is too large", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000000000")
			_, _ = io.WriteString(w, "x")
		}, fetch.TooLarge, 0},
		{"without end", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, big); err != nil {
					return
				}
			}
		}, fetch.TooLarge, 0},
		{"a bomb", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes()[:4000])
		}, fetch.Transport, 0},
		{"a bomb that does not say so", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(packed.Bytes()) }, fetch.TooLarge, 0},
		{"a redirect", status(302, "/"), fetch.Redirect, 302},
		{"a redirect to a neighbour", status(307, "http://169.254.169.254/"), fetch.Redirect, 307},
		{"a permanent redirect", status(301, "https://host.example/"), fetch.Redirect, 301},
		{"another redirect", status(308, "x"), fetch.Redirect, 308},
		{"not modified", status(304, ""), fetch.Redirect, 304},
		{"not found", status(404, ""), fetch.Status, 404},
		{"gone", status(410, ""), fetch.Status, 410},
		{"an error", status(500, ""), fetch.Status, 500},
		{"fields without end", func(w http.ResponseWriter, _ *http.Request) {
			for i := range 100 {
				w.Header().Set(fmt.Sprint("X-", i), strings.Repeat("x", 1000))
			}
		}, fetch.Transport, 0},
		{"a promise not kept", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "x")
		}, fetch.Transport, 0},
	} {
		s := serve(t, true, tt.answer)
		f := trusting(t, "127.0.0.1")
		_, err := f.Get(t.Context(), s.URL, fetch.Limits{})
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		} else if e := refused(t, tt.name, err, tt.want); e.Status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, e.Status, tt.status)
		}
		if n := s.visits.Load(); n != 1 {
			t.Errorf("%s: %d visits, want 1", tt.name, n)
		}
	}
}

// Requirement: fetch-limits
func TestASlowAnswerIsGivenUp(t *testing.T) {
	wait := func(r *http.Request, d time.Duration) {
		select {
		case <-r.Context().Done():
		case <-time.After(d):
		}
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts and never speaks
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	drip := serve(t, true, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, ".")
			_ = http.NewResponseController(w).Flush()
			wait(r, 20*time.Millisecond)
		}
	})
	late := serve(t, true, func(_ http.ResponseWriter, r *http.Request) { wait(r, 20*time.Second) })
	for name, target := range map[string]string{"drop by drop": drip.URL, "no answer": late.URL, "no TLS": "https://" + silent.Addr().String()} {
		start := time.Now()
		_, err := trusting(t, "127.0.0.1").Get(t.Context(), target, fetch.Limits{Timeout: 300 * time.Millisecond, Bytes: 1 << 20})
		refused(t, name, err, fetch.Timeout)
		if d := time.Since(start); d > 3*time.Second {
			t.Errorf("%s: took %v", name, d)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	start := time.Now()
	_, err = trusting(t, "127.0.0.1").Get(ctx, late.URL, fetch.Limits{})
	refused(t, "cancelled", err, fetch.Timeout)
	if d := time.Since(start); d > 3*time.Second {
		t.Errorf("cancelled: took %v", d)
	}
}

// What only this server can see must not be read through its errors.
//
// Requirement: fetch-silent
func TestErrorsAndLogsHoldNothingOfTheAnswer(t *testing.T) {
	const canary = "tell-nobody"
	raw := func(answer string) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Read(make([]byte, 1024))
				_, _ = io.WriteString(c, answer)
				_ = c.Close()
			}
		}()
		return l.Addr().String()
	}
	moved := serve(t, false, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/"+canary, http.StatusFound) })
	failed := serve(t, false, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, canary, http.StatusInternalServerError) })
	var log bytes.Buffer
	f := fetch.New(fetch.Config{Allow: []string{"127.0.0.1"}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for _, target := range []string{
		moved.URL, failed.URL,
		"http://" + raw(canary+"\r\n\r\n"), "https://" + raw(canary+"\r\n\r\n"),
		"http://" + raw("HTTP/1.1 "+canary+"\r\n\r\n"), "http://" + raw("HTTP/1.1 200 OK\r\n"+canary+"\r\n\r\n"),
		"http://" + raw("HTTP/1.1 200 OK\r\nContent-Length: "+canary+"\r\n\r\n"),
		"http://" + raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: "+canary+"\r\n\r\n"),
		"http://" + raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"+canary+"\r\n"),
	} {
		_, err := f.Get(t.Context(), target+"/?q=secret-query", fetch.Limits{Timeout: 2 * time.Second})
		e, ok := errors.AsType[*fetch.Error](err)
		if !ok {
			t.Errorf("%s: %v", target, err)
			continue
		}
		if text := fmt.Sprintf("%v %+v %#v", e, e, e); strings.Contains(text, canary) {
			t.Errorf("%s: %s", target, text)
		}
		if errors.Unwrap(e) != nil {
			t.Errorf("%s: the error holds another: %v", target, errors.Unwrap(e))
		}
	}
	text := log.String()
	if strings.Contains(text, canary) || strings.Contains(text, "secret-query") {
		t.Errorf("the log says too much: %s", text)
	}
	if u, _ := url.Parse(moved.URL); !strings.Contains(text, u.Host) {
		t.Errorf("the log does not name the host: %s", text)
	}
}

func TestAProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	s, proxy := serve(t, false, hello), serve(t, false, hello)
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	t.Setenv("NO_PROXY", "")
	// The environment's proxy never applies to loopback addresses, so this asks
	// for a name; it must fail to resolve rather than reach the proxy.
	f := trusting(t, "127.0.0.1", "nowhere.invalid")
	if _, err := f.Get(t.Context(), "http://nowhere.invalid/", fetch.Limits{Timeout: time.Second}); err == nil {
		t.Error("a name that does not exist answered")
	}
	if _, err := f.Get(t.Context(), s.URL, fetch.Limits{}); err != nil {
		t.Error(err)
	}
	if n := proxy.visits.Load(); n != 0 {
		t.Errorf("%d visits of the proxy", n)
	}
}

func TestACertificateOfNobodyIsRefused(t *testing.T) {
	s := serve(t, true, hello)
	_, err := fetch.New(fetch.Config{Allow: []string{"127.0.0.1"}}).Get(t.Context(), s.URL, fetch.Limits{})
	if e := refused(t, "unknown authority", err, fetch.Transport); !e.Passing() || !strings.Contains(e.Reason, "certificate") {
		t.Errorf("got %v", e)
	}
	_, port, _ := net.SplitHostPort(s.address())
	_, err = trusting(t, "localhost").Get(t.Context(), "https://localhost:"+port, fetch.Limits{})
	refused(t, "of another name", err, fetch.Transport)
	late := func() time.Time { return s.Certificate().NotAfter.Add(time.Hour) }
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	_, err = fetch.New(fetch.Config{Allow: []string{"127.0.0.1"}, RootCAs: roots, Now: late}).Get(t.Context(), s.URL, fetch.Limits{})
	refused(t, "expired", err, fetch.Transport)
}

// Requirement: fetch-limits
func TestOneHostGetsFourFetchesAtOnceAndAllTogetherSixtyFour(t *testing.T) {
	var now, tooMany atomic.Int64
	release := make(chan struct{})
	slow := func(_ http.ResponseWriter, r *http.Request) {
		if now.Add(1) > 64 {
			tooMany.Add(1)
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
		now.Add(-1)
	}
	one := serve(t, false, slow)
	f := trusting(t, "127.0.0.1")
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			if _, err := f.Get(t.Context(), one.URL, fetch.Limits{Timeout: 20 * time.Second}); err != nil {
				t.Error(err)
			}
		})
	}
	until(t, func() bool { return now.Load() == 4 })
	other := serve(t, false, hello)
	if _, err := f.Get(t.Context(), other.URL, fetch.Limits{}); err != nil {
		t.Errorf("another host waits for the slow one: %v", err)
	}
	_, err := f.Get(t.Context(), one.URL, fetch.Limits{Timeout: 50 * time.Millisecond})
	refused(t, "a thirteenth", err, fetch.Timeout)
	hosts := make([]*host, 20)
	for i := range hosts {
		hosts[i] = serve(t, false, slow)
		for range 4 {
			wg.Go(func() {
				if _, err := f.Get(t.Context(), hosts[i].URL, fetch.Limits{Timeout: 20 * time.Second}); err != nil {
					t.Error(err)
				}
			})
		}
	}
	until(t, func() bool { return now.Load() == 64 })
	time.Sleep(50 * time.Millisecond) // a sixty-fifth would have come by now
	close(release)
	wg.Wait()
	if n := tooMany.Load(); n != 0 {
		t.Errorf("%d fetches beyond 64 at once", n)
	}
	if n := one.visits.Load(); n != 12 {
		t.Errorf("%d visits, want 12: who gave up waiting must not come", n)
	}
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come to it in 10 s")
		}
	}
}
