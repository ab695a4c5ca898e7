package oauth

import (
	"errors"
	"net/http"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// A Code is an error code of OAuth or one of its extensions.
type Code string

// The error codes in use, and where they come from.
const (
	InvalidRequest              Code = "invalid_request"                   // RFC 6749, Section 5.2
	InvalidClient               Code = "invalid_client"                    // RFC 6749, Section 5.2
	InvalidGrant                Code = "invalid_grant"                     // RFC 6749, Section 5.2
	UnauthorizedClient          Code = "unauthorized_client"               // RFC 6749, Section 5.2
	UnsupportedGrantType        Code = "unsupported_grant_type"            // RFC 6749, Section 5.2
	InvalidScope                Code = "invalid_scope"                     // RFC 6749, Section 5.2
	InvalidTarget               Code = "invalid_target"                    // RFC 8707, Section 2
	InvalidAuthorizationDetails Code = "invalid_authorization_details"     // RFC 9396, Section 5
	AuthorizationPending        Code = "authorization_pending"             // CIBA Core 1.0, Section 11
	SlowDown                    Code = "slow_down"                         // CIBA Core 1.0, Section 11
	ExpiredToken                Code = "expired_token"                     // CIBA Core 1.0, Section 11
	AccessDenied                Code = "access_denied"                     // CIBA Core 1.0, Section 11
	UnknownUserID               Code = "unknown_user_id"                   // CIBA Core 1.0, Section 13
	InvalidBindingMessage       Code = "invalid_binding_message"           // CIBA Core 1.0, Section 13
	ExpiredLoginHintToken       Code = "expired_login_hint_token"          // CIBA Core 1.0, Section 13
	LoginRequired               Code = "login_required"                    // OpenID Connect Core 1.0, Section 3.1.2.6
	ConsentRequired             Code = "consent_required"                  // OpenID Connect Core 1.0, Section 3.1.2.6
	UnmetAuthentication         Code = "unmet_authentication_requirements" // OpenID Connect Core Error Code unmet_authentication_requirements 1.0
	UnsupportedResponseType     Code = "unsupported_response_type"         // RFC 6749, Section 4.1.2.1
	InvalidRequestURI           Code = "invalid_request_uri"               // OpenID Connect Core 1.0, Section 3.1.2.6
	InvalidRequestObject        Code = "invalid_request_object"            // OpenID Connect Core 1.0, Section 3.1.2.6
	RequestURINotSupported      Code = "request_uri_not_supported"         // OpenID Connect Core 1.0, Section 3.1.2.6
	RequestNotSupported         Code = "request_not_supported"             // OpenID Connect Core 1.0, Section 3.1.2.6
	InvalidToken                Code = "invalid_token"                     // RFC 6750, Section 3.1
	InsufficientScope           Code = "insufficient_scope"                // RFC 6750, Section 3.1
	InvalidDPoPProof            Code = "invalid_dpop_proof"                // RFC 9449, Section 5
	UseDPoPNonce                Code = "use_dpop_nonce"                    // RFC 9449, Section 8
	TemporarilyUnavailable      Code = "temporarily_unavailable"           // RFC 6749, Section 4.1.2.1
	ServerError                 Code = "server_error"                      // RFC 6749, Section 4.1.2.1
)

// An Error is a refusal the client may see. Cause is for the log alone.
type Error struct {
	Code        Code
	Description string // %x20-21 / %x23-5B / %x5D-7E only (RFC 6749, Section 5.2)
	Cause       error
	// Basic: the client tried HTTP Basic, so the answer names it (RFC 6749,
	// Section 5.2).
	Basic bool
	// TooMany answers 429 in place of 400.
	TooMany bool
	// Forbidden answers 403 in place of 400.
	Forbidden bool
	// Resource: an access token was refused at one of our own resources, which
	// answers 401 with a challenge (RFC 6750, Section 3; RFC 9449, Section 7.1).
	Resource bool
	// Nonce is for the client's next DPoP proof (RFC 9449, Section 8).
	Nonce string
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return string(e.Code) + ": " + e.Cause.Error()
	}
	return string(e.Code) + ": " + e.Description
}

func (e *Error) Unwrap() error { return e.Cause }

// Status is 401 for invalid_client, 403 for a person's no at the start of
// CIBA, 500 and 503 for what is ours, and 400 for the rest.
func (e *Error) Status() int {
	switch {
	case e.TooMany:
		return http.StatusTooManyRequests
	case e.Code == InvalidClient, e.Code == InvalidToken, e.Resource:
		return http.StatusUnauthorized
	case e.Code == InsufficientScope, e.Forbidden:
		return http.StatusForbidden
	case e.Code == TemporarilyUnavailable:
		return http.StatusServiceUnavailable
	case e.Code == ServerError:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

// AsError finds the refusal in an error. One that nobody classified is ours.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, model.ErrUnavailable) || errors.Is(err, model.ErrCommitUnknown) {
		return &Error{Code: TemporarilyUnavailable, Description: "try again in a moment", Cause: err}
	}
	return &Error{Code: ServerError, Description: "something went wrong on the server", Cause: err}
}

// closed maps a refusal of the gate. Whoever is stopped learns no more than
// that: what exactly was stopped is for the audit trail.
func closed(err error, code Code, description string) error {
	if _, ok := gate.Refused(err); ok {
		return &Error{Code: code, Description: description, Cause: err}
	}
	return err
}
