// Package httpx is what every HTTP surface shares: handlers that return
// errors, the single log record of a request, strict bodies, the session
// cookie, and the realm a request is for.
//
// Nothing below the edge sees *http.Request. If this package is wrong, a
// secret may reach a log or a refusal may say too much.
package httpx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// A HandlerFunc answers a request or returns why not. An error returned after
// the answer was begun is only logged.
type HandlerFunc func(http.ResponseWriter, *http.Request) error

type contextKey int

const recordKey contextKey = iota

// WithSite puts the realm into the request's record. The server does this,
// once, when it knows which realm the path is in.
func WithSite(r *http.Request, s *model.Site) *http.Request {
	rec := RecordOf(r)
	if rec == nil {
		rec = &Record{Context: r.Context()}
		r = r.WithContext(rec)
	}
	rec.site = s
	return r
}

// Site is the realm the request is for; nil outside realms.
func Site(r *http.Request) *model.Site {
	if rec := RecordOf(r); rec != nil {
		return rec.site
	}
	return nil
}

func adapt(h HandlerFunc, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := RecordOf(r)
		if rec != nil {
			rec.Route = r.Pattern
		}
		err := h(w, r)
		switch {
		case err == nil:
		case rec != nil && rec.status != 0: // half an answer and a refusal would be neither
			note(r, "answer_cut", err)
		case abandoned(r, err):
			note(r, "client_gone", err)
			w.WriteHeader(statusClientGone)
		default:
			refuse(w, r, err)
		}
	})
}

// statusClientGone is for the log and the metrics: nobody is there to read an
// answer. It is no registered status; proxies write the same.
const statusClientGone = 499

// abandoned reports whether a handler failed for no other reason than that the
// client went away meanwhile. That is not a fault of the server.
func abandoned(r *http.Request, err error) bool {
	if !errors.Is(r.Context().Err(), context.Canceled) {
		return false
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, model.ErrUnavailable) || errors.Is(err, model.ErrCommitUnknown)
}

// Adapt makes a surface of one's own: refuse writes the refusal.
func Adapt(h HandlerFunc, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return adapt(h, refuse)
}

// WriteJSON answers with a JSON body that nobody may store.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return WriteRaw(w, status, "application/json", body)
}

// WriteRaw answers with a finished body that nobody may store.
func WriteRaw(w http.ResponseWriter, status int, contentType string, body []byte) error {
	h := w.Header()
	if contentType == jsonType[0] {
		h["Content-Type"] = jsonType
	} else {
		h["Content-Type"] = []string{contentType}
	}
	if len(h["Cache-Control"]) == 0 {
		h["Cache-Control"] = noStore
	}
	w.WriteHeader(status)
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("write answer: %w", err)
	}
	return nil
}

// Header values that are never changed in place.
var (
	noStore  = []string{"no-store"}
	jsonType = []string{"application/json"}
)

// ReadJSON reads a body of at most limit bytes into v: JSON only, no unknown
// members, nothing after it.
func ReadJSON(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	if mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mt != "application/json" {
		return &Problem{Status: http.StatusUnsupportedMediaType, Code: "unsupported_media_type",
			Detail: "The body must be application/json."}
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		TooLarge(w, err)
		return bodyProblem(err)
	}
	switch _, err := dec.Token(); {
	case errors.Is(err, io.EOF):
		return nil
	case TooLarge(w, err):
		return bodyProblem(err)
	case err == nil:
		return bodyProblem(errors.New("data after the JSON value"))
	default:
		return bodyProblem(err)
	}
}

// TooLarge reports whether a body could not be read because it is over its limit.
// The connection ends with the answer then: the server would otherwise read on, to
// find the next request behind that body.
func TooLarge(w http.ResponseWriter, err error) bool {
	if _, ok := errors.AsType[*http.MaxBytesError](err); !ok {
		return false
	}
	w.Header().Set("Connection", "close")
	return true
}

func bodyProblem(err error) *Problem {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &Problem{Status: http.StatusRequestEntityTooLarge, Code: "body_too_large",
			Detail: "The body is larger than this endpoint accepts.", Cause: err}
	}
	return &Problem{Status: http.StatusBadRequest, Code: "malformed_body",
		Detail: "The body is not the JSON that this endpoint expects.", Cause: bodyCause(err)}
}

// bodyCause says what is wrong with a body without a word of it: encoding/json
// quotes members and numbers, and what is sent to the wrong place may be secret.
func bodyCause(err error) error {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("malformed JSON at byte %d", e.Offset)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("a value of the wrong type at byte %d", e.Offset)
	}
	if strings.HasPrefix(err.Error(), "json: ") {
		return errors.New("an unknown member")
	}
	return err
}

// SessionCookie is the value of the realm's session cookie, or "".
func SessionCookie(r *http.Request) string {
	c, err := r.Cookie(Site(r).CookieName())
	if err != nil {
		return ""
	}
	return c.Value
}

// SetSessionCookie signs the browser in.
func SetSessionCookie(w http.ResponseWriter, r *http.Request, value string, expires time.Time) {
	s := Site(r)
	//nolint:gosec // G124: Secure is off only where the issuer is http, on loopback
	http.SetCookie(w, &http.Cookie{Name: s.CookieName(), Value: value, Path: "/", Expires: expires,
		Secure: s.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// ClearSessionCookie makes the browser forget.
func ClearSessionCookie(w http.ResponseWriter, r *http.Request) {
	s := Site(r)
	//nolint:gosec // G124: as it was set
	http.SetCookie(w, &http.Cookie{Name: s.CookieName(), Path: "/", MaxAge: -1,
		Secure: s.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}
