package resource

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/assent-id/assent/sdk/assent"
)

// The error codes of RFC 6750, Section 3.1, and RFC 9470, Section 3.
const (
	InvalidRequest       = "invalid_request"
	InvalidToken         = "invalid_token"
	InsufficientScope    = "insufficient_scope"
	InsufficientUserAuth = "insufficient_user_authentication"
	InvalidDPoPProof     = "invalid_dpop_proof" // RFC 9449, Section 7.1
	UseDPoPNonce         = "use_dpop_nonce"     // RFC 9449, Section 9
	// InsufficientDetails asks for an approval of exactly this request
	// (draft-zehavi-oauth-rar-metadata).
	InsufficientDetails = "insufficient_authorization_details"
)

// A Challenge says why a request may not pass, and what would. The zero value is
// for a request that brought no token: it must say nothing about why (RFC 6750,
// Section 3.1).
type Challenge struct {
	Scheme      string // "Bearer" where it is empty, or "DPoP"
	Error       string
	Description string
	Scope       []string // what the request needs
	ACRValues   []string // how the person must have been authenticated (RFC 9470, Section 3)
	MaxAge      int      // and at most how many seconds ago; 0: whenever
	Algs        []string // of DPoP proofs (RFC 9449, Section 7.1)
	// Action is what a person must approve, with InsufficientDetails: it stands in
	// the body.
	Action *assent.Action
}

// Status is the HTTP status that goes with it: 401 without a token and with one
// that is of no use, 403 where the token does not reach, 400 for a request that
// is not one.
func (c Challenge) Status() int {
	switch c.Error {
	case InsufficientScope, InsufficientDetails:
		return http.StatusForbidden
	case InvalidRequest:
		return http.StatusBadRequest
	default:
		return http.StatusUnauthorized
	}
}

// Challenge is the value of WWW-Authenticate for a refusal; it points to the
// metadata (RFC 9728, Section 5.1). Characters that a quoted value cannot hold
// are left out.
func (m Metadata) Challenge(c Challenge) string {
	scheme := c.Scheme
	if scheme == "" {
		scheme = "Bearer"
	}
	var params []string
	add := func(name, value string) {
		if value = quotable(value); value != "" {
			params = append(params, name+`="`+value+`"`)
		}
	}
	add("error", c.Error)
	add("error_description", c.Description)
	add("scope", strings.Join(c.Scope, " "))
	add("acr_values", strings.Join(c.ACRValues, " "))
	if c.MaxAge > 0 {
		add("max_age", strconv.Itoa(c.MaxAge))
	}
	add("algs", strings.Join(c.Algs, " "))
	add("resource_metadata", m.URL())
	if len(params) == 0 {
		return scheme
	}
	return scheme + " " + strings.Join(params, ", ")
}

// quotable: RFC 6750, Section 3: %x20-21 / %x23-5B / %x5D-7E.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, s)
}

// Refuse answers a request that may not pass, so that clients in browsers can
// read why. also are challenges that would do as well; the status and the body are
// those of the first.
func (m Metadata) Refuse(w http.ResponseWriter, c Challenge, also ...Challenge) {
	h := w.Header()
	h.Add("WWW-Authenticate", m.Challenge(c))
	for _, other := range also {
		h.Add("WWW-Authenticate", m.Challenge(other))
	}
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce")
	h.Set("Cache-Control", "no-store")
	text, err := json.Marshal(c.body())
	if err != nil {
		text = []byte("{}") // strings are JSON
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(c.Status())
	_, _ = w.Write(text) // whoever asked has gone
}

// A refusalBody says the same as the challenge, and what a person must approve.
type refusalBody struct {
	Error       string   `json:"error,omitempty"`
	Description string   `json:"error_description,omitempty"`
	Scope       string   `json:"scope,omitempty"`
	Resource    string   `json:"resource,omitempty"`
	Message     string   `json:"binding_message,omitempty"`
	Details     []detail `json:"authorization_details,omitempty"`
}

// A detail is one of RFC 9396, Section 2.
type detail struct {
	Type    string            `json:"type"`
	Details map[string]string `json:"details,omitempty"`
	Command []string          `json:"command,omitempty"`
}

func (c Challenge) body() refusalBody {
	b := refusalBody{Error: c.Error, Description: c.Description}
	a := c.Action
	if a == nil {
		return b
	}
	b.Scope, b.Message = a.Scope, a.Message
	if len(a.Resource) > 0 {
		b.Resource = a.Resource[0]
	}
	if len(a.Details) > 0 || len(a.Command) > 0 {
		b.Details = []detail{{assent.DetailsType, a.Details, a.Command}}
	}
	return b
}
