package assent

import (
	"errors"
	"fmt"
)

// The ends of an approval that are not a yes. Compare with [errors.Is]; the
// error itself is an [*Error].
var (
	// ErrDenied: the person said no, or the request was withdrawn.
	ErrDenied = errors.New("denied")
	// ErrExpired: nobody answered in time.
	ErrExpired = errors.New("expired")
	// ErrUnreachable: the server could not be asked, or was lost while waiting
	// and did not come back before the approval expired.
	ErrUnreachable = errors.New("unreachable")
	// ErrInvalid: the server refused the request, or what it answered does not
	// prove an approval of exactly this action.
	ErrInvalid = errors.New("invalid")
)

// An Error says how an approval ended without a verified yes.
type Error struct {
	Kind       error  // ErrDenied, ErrExpired, ErrUnreachable or ErrInvalid
	ApprovalID string // empty before the server has given one
	Reason     string // for people; holds no secret
	Err        error  // the cause, may be nil
}

// Error names the kind, the reason and the cause.
func (e *Error) Error() string {
	text := e.Kind.Error()
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Is reports whether target is the kind of this error.
func (e *Error) Is(target error) bool { return target == e.Kind }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A ServerError is a refusal by the server: an OAuth error (RFC 6749, Section
// 5.2; CIBA Core 1.0, Sections 11 and 13) or a problem document (RFC 9457).
type ServerError struct {
	Status      int    // HTTP status
	Code        string // such as "invalid_client"; empty if the body named none
	Description string
}

// Error names the code, or the status where there is no code.
func (e *ServerError) Error() string {
	text := e.Code
	if text == "" {
		text = fmt.Sprintf("HTTP status %d", e.Status)
	}
	if e.Description != "" {
		text += " (" + e.Description + ")"
	}
	return text
}

// errNoCredentials is for whoever calls what only an application may.
var errNoCredentials = errors.New("this client has no ClientSecret and no Key, so it cannot ask: set one of them in Config")

func invalid(reason string, cause error) *Error {
	return &Error{Kind: ErrInvalid, Reason: reason, Err: cause}
}

// about notes which approval an error is about.
func about(id string, err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.ApprovalID == "" {
		e.ApprovalID = id
	}
	return err
}
