package fetch

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"syscall"
)

// A Kind says what went wrong.
type Kind string

// The kinds of failure. The first two are decided before anything is sent.
const (
	RefusedURL     Kind = "refused url"     // not a URL that may be fetched
	RefusedAddress Kind = "refused address" // its host is no public address
	Redirect       Kind = "redirect"        // the answer sends elsewhere
	TooLarge       Kind = "too large"       // the answer is larger than the limit
	Timeout        Kind = "timeout"         // the whole fetch took longer than the limit
	Status         Kind = "status"          // the answer is an error of HTTP
	Transport      Kind = "transport"       // no connection, no TLS, or no HTTP
)

// An Error is a fetch that did not succeed. It says why in words of this
// package alone: no byte of the answer is in it, so that it may be logged and
// shown, and a stranger cannot read through it what only this server sees.
type Error struct {
	Kind   Kind
	Status int // of the answer, where there was one; else 0
	Reason string
}

func (e *Error) Error() string {
	text := "fetch: " + string(e.Kind) + ": " + e.Reason
	if e.Status != 0 {
		text += " (" + strconv.Itoa(e.Status) + ")"
	}
	return text
}

// Passing reports whether the same fetch may succeed later without anybody
// having changed what is published there: a timeout, a lost connection, a
// server that is overloaded.
func (e *Error) Passing() bool {
	switch e.Kind {
	case Timeout, Transport:
		return true
	case Status:
		return e.Status >= 500 || e.Status == 429 || e.Status == 408
	default:
		return false
	}
}

// classify puts what the standard library says into our own words: its errors
// quote the answer.
func classify(ctx context.Context, err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return &Error{Kind: Timeout, Reason: "given up by who asked"}
	}
	if ctx.Err() != nil || timedOut(err) {
		return &Error{Kind: Timeout, Reason: "no whole answer in time"}
	}
	return &Error{Kind: Transport, Reason: transportReason(err)}
}

func timedOut(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

func transportReason(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "the host name does not resolve"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "the certificate cannot be verified"
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the other side does not speak TLS"
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return "the other side ended TLS"
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return "the connection was refused"
	}
	return "the connection failed, or the answer is not HTTP"
}
