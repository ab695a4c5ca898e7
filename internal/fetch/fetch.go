// Package fetch is the one way out: every request that this server makes to an
// address which a stranger named goes through here. Client metadata documents,
// key sets, sector identifiers, pings, logout tokens and webhooks are such
// addresses.
//
// A stranger who may say where a server connects to can reach what only the
// server can: its own loopback, the network behind it, the metadata service of
// its cloud (server-side request forgery; RFC 9700, Section 4.11, and OAuth
// Client ID Metadata Document, Section 8.6). So a fetch goes to https alone and
// to public addresses alone, decided on the very address that is connected to,
// after resolution; it follows no redirect, sends no cookie, uses no proxy, and
// takes bounded time and memory. If this package is wrong, strangers read and
// drive the inside of the network that the server stands in.
package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// What a fetch may cost unless its Limits say otherwise, and what all fetches
// together may.
const (
	DefaultBytes   = 5 << 10
	DefaultTimeout = 5 * time.Second

	maxHeader   = 16 << 10         // bytes of status line and fields
	maxURL      = 2048             // bytes
	perHost     = 4                // fetches at once
	overall     = 64               // fetches at once
	handshake   = 10 * time.Second // to connect, and to agree on TLS
	keepIdle    = 30 * time.Second
	maxIdle     = 32
	maxIdleEach = 2
)

// Config is what a Fetcher needs. Its zero value is the strict one.
type Config struct {
	// Allow names hosts, each with or without a port, that may be reached on
	// loopback and private addresses, and over plain http: "localhost",
	// "127.0.0.1:8080", "[::1]", "ping.internal". The names must be those that
	// URLs use; nothing is resolved to compare them.
	Allow []string
	Now   func() time.Time // to check certificates; nil: time.Now
	Log   *slog.Logger     // nil: none
	// RootCAs are the authorities that servers are checked against; nil: those
	// of the system.
	RootCAs  *x509.CertPool
	Resolver *net.Resolver // nil: that of the system
}

// Limits bound one fetch.
type Limits struct {
	Bytes   int64         // of the body; 0: DefaultBytes
	Timeout time.Duration // of the whole fetch; 0: DefaultTimeout
	Accept  string        // media types asked for; empty: any
}

// A Message is what is posted.
type Message struct {
	Type   string // media type
	Body   []byte
	Header http.Header // more fields, such as Authorization; may be nil
}

// A Response is an answer with a status from 200 to 299. Others are errors.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	At     time.Time // when it was asked for
}

// A Fetcher fetches. It is safe for concurrent use.
type Fetcher struct {
	cfg       Config
	allow     map[string]bool
	transport *http.Transport
	places    *places
	public    func(netip.Addr) bool
}

// New makes a Fetcher. Names in cfg.Allow that ValidateAllow refuses match
// nothing.
func New(cfg Config) *Fetcher {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	f := &Fetcher{cfg: cfg, allow: allowed(cfg.Allow), places: newPlaces(overall, perHost), public: Public}
	f.transport = &http.Transport{
		Proxy:                  nil, // not the environment's: it would connect for us, unchecked
		DialContext:            f.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs, Time: cfg.Now},
		TLSHandshakeTimeout:    handshake,
		DisableCompression:     true, // a few bytes must not become many
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdleEach,
		MaxConnsPerHost:        perHost,
		IdleConnTimeout:        keepIdle,
		Protocols:              new(http.Protocols),
	}
	f.transport.Protocols.SetHTTP1(true)
	return f
}

// Get fetches a URL. Its error is an *Error.
func (f *Fetcher) Get(ctx context.Context, target string, limits Limits) (*Response, error) {
	return f.fetch(ctx, &http.Request{Method: http.MethodGet}, target, limits)
}

// Post sends a message to a URL. Its error is an *Error. A message may have
// arrived although the answer is an error.
func (f *Fetcher) Post(ctx context.Context, target string, m Message, limits Limits) (*Response, error) {
	req := &http.Request{Method: http.MethodPost, Header: maps.Clone(m.Header)}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("Content-Type", m.Type)
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.Body)), nil }
	req.Body, _ = req.GetBody()
	req.ContentLength = int64(len(m.Body))
	return f.fetch(ctx, req, target, limits)
}

func (f *Fetcher) fetch(ctx context.Context, req *http.Request, target string, limits Limits) (*Response, error) {
	if limits.Bytes == 0 {
		limits.Bytes = DefaultBytes
	}
	if limits.Timeout == 0 {
		limits.Timeout = DefaultTimeout
	}
	u, err := f.check(target)
	if err != nil {
		f.report(ctx, "", err)
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, limits.Timeout)
	defer cancel()
	res, err := f.roundTrip(prepare(within, req, u, limits), limits.Bytes)
	if err == nil {
		// A server that hears us hang up may end its answer while the
		// connection still closes: what arrives then only looks whole.
		err = within.Err()
	}
	if err != nil {
		err = classify(within, err)
		f.report(ctx, u.Host, err)
		return nil, err
	}
	return res, nil
}

// prepare makes the request complete, with nothing in it that a stranger could
// know us by beyond our name.
func prepare(ctx context.Context, req *http.Request, u *url.URL, limits Limits) *http.Request {
	req = req.WithContext(ctx)
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.URL, req.Host, req.Proto, req.ProtoMajor, req.ProtoMinor = u, u.Host, "HTTP/1.1", 1, 1
	req.Header.Set("User-Agent", "assent")
	req.Header.Set("Accept-Encoding", "identity")
	if limits.Accept != "" {
		req.Header.Set("Accept", limits.Accept)
	}
	return req
}

// roundTrip asks once. The transport by itself follows no redirect and keeps no
// cookie; that is what http.Client is for.
func (f *Fetcher) roundTrip(req *http.Request, most int64) (*Response, error) {
	leave, err := f.places.enter(req.Context(), strings.ToLower(req.URL.Host))
	if err != nil {
		return nil, err
	}
	defer leave()
	at := f.cfg.Now()
	res, err := f.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // what was read is what counts
	if err := checkHead(res, most); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > most {
		return nil, &Error{Kind: TooLarge, Reason: "the answer is too large"}
	}
	return &Response{Status: res.StatusCode, Header: res.Header, Body: body, At: at}, nil
}

func checkHead(res *http.Response, most int64) error {
	switch {
	case res.StatusCode >= 300 && res.StatusCode <= 399:
		return &Error{Kind: Redirect, Status: res.StatusCode, Reason: "the answer is a redirect"}
	case res.StatusCode < 200 || res.StatusCode > 299:
		return &Error{Kind: Status, Status: res.StatusCode, Reason: "the answer is an error"}
	case res.ContentLength > most:
		return &Error{Kind: TooLarge, Reason: "the answer is too large"}
	case !identity(res.Header.Values("Content-Encoding")):
		return &Error{Kind: Transport, Reason: "the answer is compressed"}
	}
	return nil
}

func identity(encodings []string) bool {
	return !slices.ContainsFunc(encodings, func(e string) bool { return e != "" && !strings.EqualFold(e, "identity") })
}

// report tells the operator which host could not be fetched from, and why. Path
// and query are a stranger's and stay out of the log.
func (f *Fetcher) report(ctx context.Context, host string, err error) {
	f.cfg.Log.InfoContext(ctx, "an outgoing fetch was refused or failed", "host", host, "error", err)
}
