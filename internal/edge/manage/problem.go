package manage

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/authenticator"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/gate"
	"github.com/assent-id/assent/internal/service/idempotency"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/standin"
)

// A Problem is a refusal as it is written (RFC 9457, Section 3.1): the same members
// as everywhere else in this server. It repeats no value that was sent.
type Problem struct {
	Type      string       `json:"type"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Code      string       `json:"code"`
	Detail    string       `json:"detail,omitempty"`
	Reference string       `json:"reference,omitempty"`
	Errors    []FieldError `json:"errors,omitempty"`
	State     string       `json:"state,omitempty"`

	headers http.Header
}

// A FieldError says what is wrong with one part of a request.
type FieldError struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

func (p *Problem) Error() string { return p.Code }

// GetStatus is for huma.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders is for huma.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType is for huma.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// codes are what programs branch on where huma refuses.
var codes = map[int]string{
	http.StatusBadRequest:            "malformed_body",
	http.StatusRequestTimeout:        "body_too_slow",
	http.StatusNotAcceptable:         "not_acceptable",
	http.StatusRequestEntityTooLarge: "body_too_large",
	http.StatusUnsupportedMediaType:  "unsupported_media_type",
	http.StatusUnprocessableEntity:   "invalid_request",
}

// newProblem is what huma refuses with. Its messages may quote what was sent, which
// may be a secret in the wrong place, so they are sifted.
func newProblem(c call, status int, message string, causes []error) *Problem {
	if status >= http.StatusInternalServerError || status != 0 && codes[status] == "" {
		return written(c.r, httpx.AsProblem(fmt.Errorf("%s: %w", message, errors.Join(causes...))))
	}
	p := &httpx.Problem{Status: status, Code: codes[status], Detail: "The request is not what this operation takes.",
		Cause: fmt.Errorf("%d parts are wrong", len(causes))}
	switch status {
	case http.StatusRequestEntityTooLarge:
		p.Detail = "The body is larger than this operation accepts."
	case http.StatusUnsupportedMediaType:
		p.Detail = "The body must be application/json."
	}
	doc := written(c.r, p)
	for _, cause := range causes {
		if e, ok := errors.AsType[*huma.ErrorDetail](cause); ok {
			doc.Errors = append(doc.Errors, c.shape.fieldError(e))
		}
	}
	return doc
}

// written makes the document and notes the refusal in the request's record.
func written(r *http.Request, p *httpx.Problem) *Problem {
	doc := &Problem{Type: "about:blank", Title: p.Title, Status: p.Status, Code: p.Code, Detail: p.Detail, headers: http.Header{}}
	if doc.Title == "" {
		doc.Title = http.StatusText(p.Status)
	}
	if state, ok := p.Members["state"]; ok {
		doc.State = fmt.Sprint(state)
	}
	if p.Status == http.StatusServiceUnavailable {
		doc.headers.Set("Retry-After", "1")
	}
	if r != nil {
		doc.Reference = httpx.Reference(r)
		httpx.Note(r, p.Code, p.Cause)
	}
	doc.headers.Set("Cache-Control", "no-store")
	return doc
}

func notFound(cause error) *httpx.Problem {
	return &httpx.Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing here.", Cause: cause}
}

// A known error of a service is a refusal with a status of its own.
type known struct {
	err    error
	status int
	code   string
	words  string // empty: those of the error
}

var knowns = []known{
	{idempotency.ErrKey, http.StatusBadRequest, "invalid_idempotency_key", "An Idempotency-Key is 1 to 255 visible ASCII characters, once."},
	{idempotency.ErrReused, http.StatusUnprocessableEntity, "idempotency_key_reused", "This Idempotency-Key came with another request before."},
	{idempotency.ErrInProgress, http.StatusConflict, "idempotency_in_progress", "The request with this Idempotency-Key runs, or was cut before its outcome was known."},
	{model.ErrNotFound, http.StatusNotFound, "not_found", "There is nothing here."},
	{standin.ErrNotDevelopment, http.StatusNotFound, "not_found", "There is nothing here."},
	{standin.ErrNoPasskey, http.StatusConflict, "no_software_passkey", "The server keeps no software passkey of the person who is asked."},
	{realm.ErrChanged, http.StatusPreconditionFailed, "changed", "It was changed since you read it. Read it again."},
	{application.ErrChanged, http.StatusPreconditionFailed, "changed", "It was changed since you read it. Read it again."},
	{application.ErrKeptElsewhere, http.StatusConflict, "kept_elsewhere", "An application with this id is kept elsewhere, and is changed there."},
	{application.ErrKeysElsewhere, http.StatusConflict, "keys_elsewhere", "The keys of this client are at its jwks_uri, and are rotated there."},
	{application.ErrLastKey, http.StatusConflict, "last_key", "This is the last key of the client that works. Rotate before, or freeze the client."},
	{application.ErrKeyTaken, http.StatusConflict, "kid_taken", "The client has, or had, this key or one with its kid."},
	{application.ErrManyKeys, http.StatusConflict, "too_many_keys", "Too many keys of the client are being retired. Retire some before."},
	{authenticator.ErrInvalid, http.StatusUnprocessableEntity, "invalid_authenticator_config", ""},
	{authenticator.ErrInUse, http.StatusConflict, "in_use", "An application or an open binding job names this authenticator config."},
	{authenticator.ErrChanged, http.StatusPreconditionFailed, "changed", "It was changed since you read it. Read it again."},
	{realm.ErrName, http.StatusUnprocessableEntity, "invalid_realm", "A realm's name is 1 to 63 lower-case letters, digits and inner hyphens."},
	{realm.ErrHost, http.StatusUnprocessableEntity, "invalid_policy", "A realm's own host is a lower-case host name, not the server's, and the default realm has none."},
	{realm.ErrLabel, http.StatusUnprocessableEntity, "invalid_request", "A display name is 1 to 200 characters of printable text."},
	{realm.ErrTheme, http.StatusUnprocessableEntity, "invalid_theme", ""},
	{realm.ErrLogo, http.StatusUnprocessableEntity, "invalid_logo", ""},
	{realm.ErrTaken, http.StatusConflict, "taken", "Another one has this name already."},
	{realm.ErrInUse, http.StatusConflict, "in_use", "The tenant has realms."},
	{realm.ErrDefault, http.StatusConflict, "realm_in_use", "The default realm stays, and nobody disables the realm that they call."},
	{realm.ErrIdentifierTaken, http.StatusConflict, "identifier_taken", "The realm has a resource server with this identifier."},
	{realm.ErrHasRoles, http.StatusConflict, "has_roles", "People have roles at this resource server. Delete those first."},
	{realm.ErrHasClients, http.StatusConflict, "has_clients", "Applications are registered for a scope of it that needs an approval each time. Take the scope, or the resource server, from them first."},
	{realm.ErrNotDisabled, http.StatusConflict, "not_disabled", "A realm is disabled before it is deleted."},
	{realm.ErrPolicy, http.StatusUnprocessableEntity, "invalid_policy", ""},
	{application.ErrInvalid, http.StatusUnprocessableEntity, "invalid_application", ""},
	{approval.ErrExpired, http.StatusGone, "expired", "The time to decide is over."},
	{directory.ErrUsernameTaken, http.StatusConflict, "username_taken", "Another person of the realm has this username."},
	{directory.ErrNameTaken, http.StatusConflict, "name_taken", "Another one has this name already."},
	{directory.ErrChanged, http.StatusPreconditionFailed, "changed", "It was changed since you read it. Read it again."},
	{directory.ErrLastAdmin, http.StatusConflict, "last_admin", "Nobody else who has a passkey could manage the server."},
	{directory.ErrAdmin, http.StatusForbidden, "insufficient_scope", "This person is an admin: this needs a token with the scope admins:create as well."},
	{directory.ErrNotAllowed, http.StatusConflict, "not_allowed", "This person may not do anything now."},
	{signin.ErrBusy, http.StatusServiceUnavailable, "unavailable", "Too much of this happens at once. Try again in a moment."},
}

// refusal turns what a service returned into what the caller is told.
func refusal(err error) *httpx.Problem {
	if p, ok := errors.AsType[*httpx.Problem](err); ok {
		return p
	}
	if e, ok := errors.AsType[*approval.EndedError](err); ok {
		return &httpx.Problem{Status: http.StatusConflict, Code: "already_ended", Title: "Already ended",
			Detail: "This was decided or withdrawn before.", Members: map[string]any{"state": e.State}, Cause: err}
	}
	if e, ok := errors.AsType[*approval.DecisionError](err); ok {
		return &httpx.Problem{Status: http.StatusConflict, Code: e.Part + "_invalid", Detail: "The answer was refused: " + e.Reason + ".", Cause: err}
	}
	if _, ok := errors.AsType[*gate.Refusal](err); ok {
		return &httpx.Problem{Status: http.StatusConflict, Code: "not_allowed", Detail: "The realm, or the person, is stopped.", Cause: err}
	}
	if e, ok := errors.AsType[*signin.WeakError](err); ok {
		return &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: "weak_password",
			Detail: "This password is refused: " + string(e.Reason) + ".", Cause: err}
	}
	for _, k := range knowns {
		if !errors.Is(err, k.err) {
			continue
		}
		p := &httpx.Problem{Status: k.status, Code: k.code, Detail: k.words, Cause: err}
		if p.Detail == "" {
			p.Detail = sentence(err, k.err)
		}
		return p
	}
	return httpx.AsProblem(err)
}

// sentence is what stands behind the sentinel, which says what is wrong in words of
// ours. What it quotes is JSON, and short.
func sentence(err, sentinel error) string {
	text := err.Error()
	if _, after, ok := strings.Cut(text, sentinel.Error()+": "); ok {
		text = after
	}
	if text, _, _ = strings.Cut(text, `"`); text == "" {
		return "It contradicts itself."
	}
	text = strings.TrimSpace(text)
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
