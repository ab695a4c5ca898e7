package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/examples/ageverify/store"
)

// A handler answers, or returns why not.
type handler func(http.ResponseWriter, *http.Request) error

// A problem is a refusal that the client may see (RFC 9457).
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Code   string `json:"code"` // for programs; stays as it is
	Detail string `json:"detail,omitempty"`
}

func (p problem) Error() string { return p.Code + ": " + p.Detail }

func refuse(status int, code, detail string) problem {
	return problem{Status: status, Title: http.StatusText(status), Code: code, Detail: detail}
}

// malformed is a request that means nothing; it changes nothing.
func malformed(detail string) problem {
	return refuse(http.StatusBadRequest, "malformed_request", detail)
}

var notFound = refuse(http.StatusNotFound, "not_found", "there is nothing here")

// outcomes are what becomes of errors of the store.
var outcomes = []struct {
	err     error
	problem problem
}{
	{store.ErrNotFound, notFound},
	{store.ErrNoLocation, refuse(http.StatusBadRequest, "unknown_location", "locationId names no location, or one that is closed")},
	{store.ErrNoDevice, refuse(http.StatusBadRequest, "unknown_device", "deviceId names no device")},
	{store.ErrNoEmployee, refuse(http.StatusBadRequest, "unknown_employee", "employeeId names no employee")},
	{store.ErrRenamed, refuse(http.StatusConflict, "location_renamed", "the location has another name than the one that was approved")},
	{store.ErrInUse, refuse(http.StatusConflict, "location_in_use", "devices or employees are still there")},
}

// answer is the one place where errors become answers. What nobody classified is
// ours: the client learns nothing of it, the log has it.
func (a *api) answer(do handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		err := do(w, r)
		if err == nil {
			return
		}
		for _, o := range outcomes {
			if errors.Is(err, o.err) {
				err = o.problem
			}
		}
		p, ok := errors.AsType[problem](err)
		if !ok {
			a.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "error", err)
			p = refuse(http.StatusInternalServerError, "server_error", "")
		}
		w.Header().Set("Content-Type", "application/problem+json")
		writeJSON(w, p.Status, p)
	})
}

// writeJSON sends one value.
func writeJSON(w http.ResponseWriter, status int, v any) {
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever asked has gone
}

func methodNotAllowed(allowed []string) handler {
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Allow", allow)
		return refuse(http.StatusMethodNotAllowed, "method_not_allowed", "")
	}
}

// A seen is a response whose status is remembered.
type seen struct {
	http.ResponseWriter
	status int
}

func (s *seen) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

func (s *seen) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// logged writes one record for each request: no token, no body, no query.
func (a *api) logged(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, started := &seen{ResponseWriter: w, status: http.StatusOK}, time.Now()
		h.ServeHTTP(s, r)
		a.Log.DebugContext(r.Context(), "request", "method", r.Method, "route", r.Pattern, "status", s.status,
			"ms", time.Since(started).Milliseconds())
	})
}
