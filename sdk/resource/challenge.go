package resource

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// The error codes of RFC 6750, Section 3.1, and RFC 9470, Section 3.
const (
	InvalidRequest       = "invalid_request"
	InvalidToken         = "invalid_token"
	InsufficientScope    = "insufficient_scope"
	InsufficientUserAuth = "insufficient_user_authentication"
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
}

// Status is the HTTP status that goes with it: 401 without a token and with one
// that is of no use, 403 where the token does not reach, 400 for a request that
// is not one.
func (c Challenge) Status() int {
	switch c.Error {
	case InsufficientScope:
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
// read why.
func (m Metadata) Refuse(w http.ResponseWriter, c Challenge) {
	h := w.Header()
	h.Add("WWW-Authenticate", m.Challenge(c))
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce")
	h.Set("Cache-Control", "no-store")
	body := map[string]string{}
	if c.Error != "" {
		body["error"] = c.Error
	}
	if c.Description != "" {
		body["error_description"] = c.Description
	}
	text, err := json.Marshal(body)
	if err != nil {
		text = []byte("{}") // two strings are JSON
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(c.Status())
	_, _ = w.Write(text) // whoever asked has gone
}
