package resource

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/assent-id/assent/sdk/assent"
)

// A Token is an access token that was verified: its claims (RFC 9068, Section
// 2.2). It is shared by whoever handles the request and must not be changed.
type Token struct {
	Issuer    string
	Subject   string // who it speaks for: a person, or the client itself
	ClientID  string
	Audience  []string
	Scope     string // separated by spaces
	JTI       string
	GrantID   string // empty: it hangs under no grant
	IssuedAt  time.Time
	ExpiresAt time.Time
	AuthTime  time.Time // zero: the token does not say
	ACR       string
	Roles     []string
	Parents   []string          // what it hangs under because it was exchanged: tokens, grants, clients, people
	Details   []json.RawMessage // authorization_details (RFC 9396)
	Act       json.RawMessage   // who acts for the subject (RFC 8693, Section 4.1); nil: itself
	Approval  *Approved         // nil: it is not the token of an approval
	JKT       string            // thumbprint of its DPoP key (RFC 9449, Section 6.1)
	X5T       string            // thumbprint of its certificate (RFC 8705, Section 3.1)
	// Claims are all of them as they came.
	Claims json.RawMessage

	issued    int64 // Unix milliseconds
	expires   int64 // Unix seconds
	notBefore int64 // Unix seconds; 0: at once
	single    [1]string
}

// Approved names the approval that a token was given for.
type Approved struct {
	ID        string
	Statement string // its hash
	// Redeemed is the approval that was used up for this request; nil where the
	// API did not ask for one.
	Redeemed *assent.Approval
}

// HasScope reports whether the token has all of the scopes.
func (t *Token) HasScope(scopes ...string) bool {
	for _, s := range scopes {
		if !hasWord(t.Scope, s) {
			return false
		}
	}
	return true
}

// hasWord allocates nothing.
func hasWord(list, word string) bool {
	for len(list) >= len(word) {
		first, rest, more := strings.Cut(list, " ")
		if first == word && word != "" {
			return true
		}
		if !more {
			return false
		}
		list = rest
	}
	return false
}

type contextKey struct{}

// FromContext is the token of the request that [Server.Require] or
// [Server.Protect] let pass; nil elsewhere.
func FromContext(ctx context.Context) *Token {
	t, _ := ctx.Value(contextKey{}).(*Token)
	return t
}

// NewContext is ctx with a token: for those who call [Server.Verify] themselves,
// such as interceptors of other protocols.
func NewContext(ctx context.Context, t *Token) context.Context {
	return context.WithValue(ctx, contextKey{}, t)
}
