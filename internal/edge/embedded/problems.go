package embedded

import (
	"errors"
	"net/http"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/signin"
)

var errOrigin = &httpx.Problem{Status: http.StatusForbidden, Code: "origin_not_trusted", Detail: "This page may not do that here."}

// What a ceremony that was used before is called.
var (
	requestUsed     = httpx.Problem{Status: http.StatusConflict, Code: "request_used", Detail: "This sign-in was finished before. Start again."}
	ceremonyExpired = httpx.Problem{Status: http.StatusBadRequest, Code: "ceremony_expired", Detail: "This has waited too long. Open the link again."}
	requestExpired  = httpx.Problem{Status: http.StatusBadRequest, Code: "request_expired", Detail: "This sign-in has waited too long. Start again."}
)

var signInRefused = httpx.Problem{Status: http.StatusForbidden, Code: "signin_refused", Detail: "You cannot sign in with this passkey here."}

func because(p httpx.Problem, cause error) *httpx.Problem {
	p.Cause = cause
	return &p
}

// requestProblem is what a page learns of a request that leads nowhere.
func requestProblem(err error) error {
	switch refusal, ok := errors.AsType[*oauth.Error](err); {
	case errors.Is(err, oauth.ErrRequestInvalid):
		return &httpx.Problem{Status: http.StatusBadRequest, Code: "request_invalid", Detail: "This is not a sign-in request of this server.", Cause: err}
	case errors.Is(err, oauth.ErrRequestExpired):
		return because(requestExpired, err)
	case ok && refusal.Status() < http.StatusInternalServerError:
		return &httpx.Problem{Status: http.StatusForbidden, Code: "not_allowed", Detail: "This application cannot be used right now.", Cause: err}
	}
	return err
}

// signInProblem is what a page learns of a passkey that was refused: one sentence
// for most of it. The codes let it forget a passkey that nobody has, and keep one
// that another realm has.
func signInProblem(err error, used httpx.Problem) error {
	refused, ok := errors.AsType[*signin.Refused](err)
	switch {
	case ok && refused.Cause == signin.CauseReplayed:
		return because(used, err)
	case errors.Is(err, signin.ErrCeremony):
		if used.Code == requestUsed.Code {
			return because(requestExpired, err)
		}
		return because(ceremonyExpired, err)
	case !ok:
		return err
	}
	p := because(signInRefused, err)
	switch refused.Cause {
	case signin.CauseUnknownPasskey, signin.CauseRevokedPasskey:
		p.Code = "passkey_unknown"
	case signin.CauseElsewhere:
		p.Code, p.Detail = "passkey_elsewhere", "This passkey belongs to another realm."
	case signin.CauseSuspended, signin.CauseRealmDisabled, signin.CauseGate:
		p.Code, p.Detail = "not_allowed", "You cannot sign in right now."
	case signin.CauseMalformed:
		p.Status = http.StatusBadRequest
	}
	return p
}

// linkProblems are what a page learns of a link that cannot be used.
var linkProblems = []struct {
	err    error
	status int
	code   string
	detail string
}{
	{directory.ErrLinkUsed, http.StatusGone, "link_used", "This link has been used."},
	{directory.ErrLinkExpired, http.StatusGone, "link_expired", "This link is too old."},
	{directory.ErrLinkUnknown, http.StatusNotFound, "link_unknown", "We do not know this link."},
	{directory.ErrCeremony, ceremonyExpired.Status, ceremonyExpired.Code, ceremonyExpired.Detail},
	{directory.ErrPasskeyTaken, http.StatusConflict, "passkey_taken", "This passkey is in use already."},
	{directory.ErrPasskeyInvalid, http.StatusUnprocessableEntity, "passkey_invalid", "Your device made a passkey that we cannot accept."},
	{directory.ErrSoftwarePasskey, http.StatusUnprocessableEntity, "passkey_invalid", "Passkeys that live in a program are not accepted here."},
	{directory.ErrNotAllowed, http.StatusForbidden, "not_allowed", "This link cannot be used right now. Ask the person who sent it."},
	{model.ErrNotFound, http.StatusForbidden, "not_allowed", "This link cannot be used any more."}, // the person was deleted meanwhile
	{directory.ErrRecoveryRequired, http.StatusForbidden, "not_allowed", "Every passkey of this person was removed. They need a new link, for recovery."},
	{directory.ErrProofRequired, http.StatusForbidden, "not_allowed", "A passkey of this person must be proved first, and none of those can be used here."},
}

func linkProblem(err error) error {
	if errors.Is(err, directory.ErrOrigin) {
		return because(*errOrigin, err)
	}
	for _, l := range linkProblems {
		if errors.Is(err, l.err) {
			return &httpx.Problem{Status: l.status, Code: l.code, Detail: l.detail, Cause: err}
		}
	}
	return err
}

// linkProblem is linkProblem where the config was looked at together with the rest:
// a page that it does not trust reads nothing.
func (v visit) linkProblem(err error) error {
	if errors.Is(err, directory.ErrOrigin) {
		httpx.AllowOrigin(v.w, v.r, nil)
	}
	return linkProblem(err)
}
