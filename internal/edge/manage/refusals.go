package manage

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/assent-id/assent/internal/edge/httpx"
)

// A meaning is what a code says, and the status that it comes with.
type meaning struct {
	status int
	words  string
}

// meanings are those of codes that no known error of a service stands for. What
// stands behind a slash tells one use of a code from another.
var meanings = map[string]meaning{
	"malformed_body":         {http.StatusBadRequest, "The request is not what this operation takes."},
	"token_required":         {http.StatusUnauthorized, "Send an access token of a management application."},
	"invalid_token":          {http.StatusUnauthorized, "The access token is not valid, or not any more."},
	"invalid_dpop_proof":     {http.StatusUnauthorized, "The DPoP proof is not good for this request."},
	"use_dpop_nonce":         {http.StatusUnauthorized, "The DPoP proof must hold the nonce of the header DPoP-Nonce."},
	"insufficient_scope":     {http.StatusForbidden, "This needs a token of a management application, or of an admin, with the scope that the operation names."},
	"not_acceptable":         {http.StatusNotAcceptable, "The answer is JSON."},
	"body_too_slow":          {http.StatusRequestTimeout, "The body took too long to arrive."},
	"shared_host":            {http.StatusForbidden, sharedHost},
	"development_is_settled": {http.StatusConflict, "Whether a realm is for development is settled when it is created."},
	"already_ended":          {http.StatusConflict, "This was decided or withdrawn before."},
	"already_ended/job":      {http.StatusConflict, "It was used, revoked or expired before."},
	"decision_invalid":       {http.StatusConflict, "The answer was refused: it does not answer what was asked."},
	"passkey_invalid":        {http.StatusConflict, "The answer was refused: the passkey is revoked."},
	"taken/realm":            {http.StatusConflict, "There is a realm with this name, or with this host, already."},
	"in_use/tenant":          {http.StatusConflict, "The tenant has realms."},
	"in_use/config":          {http.StatusConflict, "An application or an open binding job names this authenticator config."},
	"no_mail":                {http.StatusConflict, "This server sends no e-mail."},
	"duplicate":              {http.StatusConflict, "This person gets a link by this batch already."},
	"no_address":             {http.StatusConflict, "This person has no e-mail address."},
	"body_too_large":         {http.StatusRequestEntityTooLarge, "The body is larger than this operation accepts."},
	"unsupported_media_type": {http.StatusUnsupportedMediaType, "The body must be application/json."},
	"invalid_request":        {http.StatusUnprocessableEntity, "The request is not what this operation takes."},
	"invalid_page_token":     {http.StatusUnprocessableEntity, "page_token is none that this operation answered."},
	"weak_password":          {http.StatusUnprocessableEntity, "This password is refused: it is one of the commonest."},
	"too_many_mails":         {http.StatusTooManyRequests, "This person, or the realm, got too many links by e-mail. More have to wait."},
	"server_error":           {http.StatusInternalServerError, "Something went wrong on the server."},
	"unavailable":            {http.StatusServiceUnavailable, "The server cannot answer right now. Try again in a moment."},
}

// sentences are examples for errors that come with words of their own.
var sentences = map[string]string{
	"invalid_authenticator_config": "Invoke_url must be at a trusted origin.",
	"invalid_theme":                "Help_url must be an https or mailto URL.",
	"invalid_logo":                 "A logo is a PNG, JPEG or WebP.",
	"invalid_policy":               "A resource server has no identifier.",
	"invalid_application":          "A redirect URI has a fragment.",
}

// meant is what a code, as a row names it, says; the status is 0 if nobody knows.
func meant(code string) meaning {
	if m, ok := meanings[code]; ok {
		return m
	}
	for _, k := range knowns {
		if k.code == code {
			if k.words == "" {
				k.words = sentences[code]
			}
			return meaning{k.status, k.words}
		}
	}
	return meaning{}
}

// refused is the refusal with a code that no known error stands for.
func refused(code string, cause error) *httpx.Problem {
	m := meant(code)
	name, _, _ := strings.Cut(code, "/")
	return &httpx.Problem{Status: m.status, Code: name, Detail: m.words, Cause: cause}
}

// everybody are the codes that any operation can answer, those of bodies, and those
// of requests that are made once.
var (
	everybody = []string{"token_required", "invalid_token", "invalid_dpop_proof", "use_dpop_nonce", "insufficient_scope", "not_found", "not_acceptable", "invalid_request",
		"server_error", "unavailable"}
	ofBodies = []string{"malformed_body", "body_too_slow", "body_too_large", "unsupported_media_type"}
	ofKeys   = []string{"invalid_idempotency_key", "idempotency_in_progress", "idempotency_key_reused"}
)

// codes are all that an operation refuses with. parameters are those that it takes.
func (op *operation) codes(parameters []*huma.Param) []string {
	list := slices.Concat(everybody, op.refusals)
	if op.takes != nil {
		list = append(list, ofBodies...)
	}
	if op.method == http.MethodPost {
		list = slices.Concat(list, ofKeys, ofBodies[:3]) // with a key the body is read, whatever the operation does with it
	}
	for _, p := range parameters {
		switch p.Name {
		case "page_token":
			list = append(list, "invalid_page_token")
		case "If-Match":
			list = append(list, "changed")
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// refuse puts what an operation refuses with in place of what huma says of it.
// Operations that refuse in the same way say so in one place.
func (a *API) refuse(op operation, declared *huma.Operation) {
	maps.DeleteFunc(declared.Responses, func(status string, _ *huma.Response) bool { return status[0] != '2' })
	byStatus := map[int][]string{}
	for _, code := range op.codes(declared.Parameters) {
		status := meant(code).status
		if status == 0 {
			a.faults = append(a.faults, fmt.Errorf("the operation %s names the code %s, which means nothing", op.id, code))
			continue
		}
		byStatus[status] = append(byStatus[status], code)
	}
	components := a.huma.OpenAPI().Components
	for status, codes := range byStatus {
		name := responseName(status, codes)
		if components.Responses[name] == nil {
			components.Responses[name] = a.refusing(status, codes)
		}
		declared.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + name}
	}
}

// responseName names a refusal by its status, and by those of its codes that not
// every operation has.
func responseName(status int, codes []string) string {
	own := slices.DeleteFunc(slices.Clone(codes), func(code string) bool { return slices.Contains(everybody, code) || slices.Contains(ofBodies, code) })
	name := strings.ReplaceAll(http.StatusText(status), " ", "")
	return strings.ReplaceAll(strings.Join(append([]string{name}, own...), "."), "/", "-")
}

// refusing is one refusal: which codes it comes with, and an example of each.
func (a *API) refusing(status int, codes []string) *huma.Response {
	problem := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")
	code := &huma.Schema{Type: huma.TypeString}
	content := &huma.MediaType{Examples: map[string]*huma.Example{},
		Schema: &huma.Schema{AllOf: []*huma.Schema{problem, {Type: huma.TypeObject, Properties: map[string]*huma.Schema{"code": code}}}}}
	for _, one := range codes {
		name, _, _ := strings.Cut(one, "/")
		code.Enum = append(code.Enum, name)
		content.Examples[name] = &huma.Example{Value: Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: name, Detail: meant(one).words,
			Reference: "req_01kagxw5z3e6er2m9mv8n9vpcx", Errors: exampleErrors[name], State: exampleStates[one]}}
	}
	about := &huma.Response{Description: statusWords[status], Content: map[string]*huma.MediaType{"application/problem+json": content}}
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		about.Headers = map[string]*huma.Param{"Retry-After": {Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "In how many seconds to try again.", Example: 1}}
	}
	if status == http.StatusUnauthorized {
		about.Headers = map[string]*huma.Param{"WWW-Authenticate": {Schema: &huma.Schema{Type: huma.TypeString}, Description: "How to send a token (RFC 9110, Section 11.6.1).",
			Example: `Bearer error="invalid_token"`}}
	}
	return about
}

var (
	exampleErrors = map[string][]FieldError{"invalid_request": {{"body.identity.display_name", "expected length <= 200"}}}
	exampleStates = map[string]string{"already_ended": "approved"}
)

// statusWords say what each status means. The code says more.
var statusWords = map[int]string{
	http.StatusBadRequest:            "The request cannot be read.",
	http.StatusUnauthorized:          "There is no access token, or it is not valid (any more).",
	http.StatusForbidden:             "The token is not a management application's or an admin's, or lacks the scope.",
	http.StatusNotFound:              "There is no such thing, or it is in another realm.",
	http.StatusNotAcceptable:         "The answer is JSON.",
	http.StatusRequestTimeout:        "The body took too long to arrive.",
	http.StatusConflict:              "What there is stands against it.",
	http.StatusGone:                  "It is over.",
	http.StatusPreconditionFailed:    "It was changed since you read it.",
	http.StatusRequestEntityTooLarge: "The body is larger than this operation accepts.",
	http.StatusUnsupportedMediaType:  "The body is not application/json.",
	http.StatusUnprocessableEntity:   "A part of the request is not what it must be. `errors` names the parts.",
	http.StatusTooManyRequests:       "Too much of this happened. Try again after Retry-After seconds.",
	http.StatusInternalServerError:   "Something went wrong on the server. The reference is in its log.",
	http.StatusServiceUnavailable:    "The server cannot answer right now. Try again after Retry-After seconds.",
}
