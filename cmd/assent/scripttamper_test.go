package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A tamperer is the proxy in front of a story's server: somebody who can read and
// change everything between the asking program and the server. Modes:
//
//	honest      passes everything on; remembers the last token and evidence
//	token       hands out the remembered token of another approval
//	evidence    hands out the remembered evidence of another approval
//	both        hands out both
//	action      changes what is asked, so that another action is approved
//	letter      changes one letter of the evidence
//	used        redeems every approval before the program does
type tamperer struct {
	url      string
	server   *http.Server
	proxy    *httputil.ReverseProxy
	mu       sync.Mutex
	mode     string
	token    string // remembered
	evidence []byte
}

func newTamperer(target string) (*tamperer, error) {
	to, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	t := &tamperer{mode: "honest", url: "http://localhost:" + strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)}
	t.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
		},
		ModifyResponse: t.response,
		FlushInterval:  -1,
		// A server that is gone looks gone: the connection breaks.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	t.server = &http.Server{Handler: http.HandlerFunc(t.serve), ReadHeaderTimeout: time.Minute}
	go func() { _ = t.server.Serve(listener) }()
	return t, nil
}

func (t *tamperer) close() { _ = t.server.Close() }

func (t *tamperer) setMode(mode string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mode = mode
}

func (t *tamperer) is(modes ...string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range modes {
		if m == t.mode {
			return true
		}
	}
	return false
}

func (t *tamperer) serve(w http.ResponseWriter, r *http.Request) {
	redeem := strings.HasSuffix(r.URL.Path, "/redeem")
	switch {
	case strings.HasSuffix(r.URL.Path, "/oauth/bc-authorize") && t.is("action"):
		changeAction(r)
	case redeem && t.is("used"):
		t.proxy.ServeHTTP(&discard{header: http.Header{}}, r.Clone(r.Context()))
	}
	t.proxy.ServeHTTP(w, r)
}

// discard is a ResponseWriter that nobody reads.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// changeAction asks for something harmless in place of what was meant.
func changeAction(r *http.Request) {
	if r.ParseForm() != nil {
		return
	}
	form := r.PostForm
	form.Set("binding_message", "Water the plants")
	form.Del("authorization_details")
	text := form.Encode()
	r.Body = io.NopCloser(strings.NewReader(text))
	r.ContentLength = int64(len(text))
}

func (t *tamperer) response(r *http.Response) error {
	path := r.Request.URL.Path
	isToken, isEvidence := strings.HasSuffix(path, "/oauth/token"), strings.HasSuffix(path, "/evidence")
	if r.StatusCode != http.StatusOK || !isToken && !isEvidence {
		return nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if isToken {
		body, err = t.changeToken(body)
	} else {
		body = t.changeEvidence(body)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return err
}

func (t *tamperer) changeToken(body []byte) ([]byte, error) {
	var answer map[string]any
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, err
	}
	swap := t.is("token", "both")
	t.mu.Lock()
	defer t.mu.Unlock()
	if swap {
		answer["access_token"] = t.token
	} else {
		t.token, _ = answer["access_token"].(string)
	}
	return json.Marshal(answer)
}

func (t *tamperer) changeEvidence(body []byte) []byte {
	swap, letter := t.is("evidence", "both"), t.is("letter")
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case swap:
		return t.evidence
	case letter:
		return bytes.Replace(body, []byte(`"signature":"`), []byte(`"signature":"A`), 1)
	default:
		t.evidence = bytes.Clone(body)
		return body
	}
}
