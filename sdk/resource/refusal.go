package resource

import (
	"net/http"
	"strconv"
	"time"
)

// A Refusal says why a token does not let a request pass. It is the error of
// [Server.Verify].
type Refusal struct {
	// Challenge is what the client may be told.
	Challenge Challenge
	// RetryAfter is not 0 when nothing is wrong with the token as far as is known,
	// but it cannot be verified now: the answer is 503 without a challenge, or 429
	// where this client sends more than others leave it.
	RetryAfter time.Duration
	// Nonce is what the next DPoP proof must hold; empty: nothing.
	Nonce string
	// Cause is for the log alone; may be nil.
	Cause error

	tooLarge bool // the body was
	tooMany  bool // requests of this client came
}

// Error names the code and what is wrong.
func (r *Refusal) Error() string {
	text := "resource: "
	switch {
	case r.RetryAfter > 0:
		text += "tokens cannot be verified now"
	case r.Challenge.Error == "":
		text += "no token"
	default:
		text += r.Challenge.Error
	}
	if r.Challenge.Description != "" {
		text += ": " + r.Challenge.Description
	}
	if r.Cause != nil {
		text += ": " + r.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

// Status is the HTTP status that goes with it.
func (r *Refusal) Status() int {
	switch {
	case r.tooMany:
		return http.StatusTooManyRequests // RFC 6585, Section 4
	case r.RetryAfter > 0:
		return http.StatusServiceUnavailable
	case r.tooLarge:
		return http.StatusRequestEntityTooLarge
	}
	return r.Challenge.Status()
}

// retryAfter is what clients are told when tokens cannot be verified.
const retryAfter = time.Second

// later: the client did nothing wrong.
func later(why string, cause error) *Refusal {
	return &Refusal{Challenge: Challenge{Description: why}, RetryAfter: retryAfter, Cause: cause}
}

// tooMany: this client alone has to wait.
func tooMany(why string) *Refusal {
	r := later(why, nil)
	r.RetryAfter, r.tooMany = busyAfter, true
	return r
}

// busyAfter is what a client is told that sends too much.
const busyAfter = sweepEvery * time.Second

// bad is a token that is of no use, whatever the request.
func bad(scheme, why string) *Refusal {
	return &Refusal{Challenge: Challenge{Scheme: scheme, Error: InvalidToken, Description: why}}
}

// write answers a request over HTTP.
func (r *Refusal) write(w http.ResponseWriter, m Metadata, also ...Challenge) {
	h := w.Header()
	if r.Nonce != "" {
		h.Set("DPoP-Nonce", r.Nonce) // RFC 9449, Section 9
	}
	if r.RetryAfter == 0 && !r.tooLarge {
		m.Refuse(w, r.Challenge, also...)
		return
	}
	body := `{"error":"invalid_request","error_description":"the body is too long"}`
	if r.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((r.RetryAfter+time.Second-1)/time.Second)))
		body = `{"error":"temporarily_unavailable"}`
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Content-Type", "application/json")
	w.WriteHeader(r.Status())
	_, _ = w.Write([]byte(body)) // whoever asked has gone
}

// copy is for those who share one: each completes its own.
func (r *Refusal) copy() *Refusal {
	if r == nil {
		return nil
	}
	c := *r
	return &c
}
