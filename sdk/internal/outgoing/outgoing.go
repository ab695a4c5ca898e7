// Package outgoing makes the HTTP clients that carry requests to an issuer.
//
// If it is wrong, credentials follow a redirect to somebody else, or an API waits
// for an issuer whose connection went silent.
package outgoing

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// headerTimeout is how long an answer may take to begin: longer than the longest
// wait that anybody here asks for, which is 25 seconds.
const headerTimeout = 35 * time.Second

// WithoutRedirects is the client that was given, or one with limits of ours, which
// keeps credentials from following a Location header and no cookies.
func WithoutRedirects(given *http.Client) *http.Client {
	own := http.Client{Transport: transport()}
	if given != nil {
		own = *given
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	own.Jar = nil
	return &own
}

// transport is shared by all who bring none of their own.
var transport = sync.OnceValue(func() http.RoundTripper {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: headerTimeout,
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConnsPerHost:   16,
		ForceAttemptHTTP2:     true,
		// A connection that went silent is not used again and again.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second},
	}
})
