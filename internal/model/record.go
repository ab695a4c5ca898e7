package model

import (
	"encoding/json"
	"time"
)

// Effects are what a state change writes beside itself, in the same
// transaction: audit events, things to send, what other nodes must hear, and
// which tokens are dead by it.
type Effects struct {
	Events  []Event
	Outbox  []OutboxItem
	Changes []Change
	// Revocations are for resource servers, who know neither applications nor
	// people: whatever makes tokens invalid says so here. The store announces them
	// (TopicRevocation) by itself.
	Revocations []Revocation
}

// An Event is one line of the audit trail.
type Event struct {
	ID      EventID
	RealmID RealmID
	Type    string // noun.verb, such as "approval.approved"
	Actor   string // id of the identity, application or operator that did it
	Target  string // id of what it was done to
	At      Millis
	Data    json.RawMessage // small, no secrets; may be nil
}

// An OutboxItem is something to send, written by the transaction that causes
// it and delivered at least once by whichever node leases it.
type OutboxItem struct {
	ID        OutboxID
	RealmID   RealmID
	Channel   string // "mail", later "push", "webhook", "ping", "logout"
	Payload   json.RawMessage
	NotBefore Millis
	ExpiresAt Millis // not worth sending from then on
	Attempts  int
	LastError string
}

// Topics of the change feed.
const (
	TopicRealm       = "realm"
	TopicApplication = "application" // key: realm id "/" client id
	TopicKeys        = "keys"        // key: realm id
	TopicIdentity    = "identity"    // key: realm id "/" identity id
	TopicApproval    = "approval"    // key: approval id "/" identity id
	TopicDevice      = "device"      // key: digest of the device code, base64url
	TopicOutbox      = "outbox"      // key: channel; there is something to send
	TopicRevocation  = "revocation"
	TopicClock       = "clock" // nothing is different; At says what time it is where it comes from
	TopicRole        = "role"  // key: realm id; there are other roles
	// TopicAuthenticator is for the authenticator configs of a realm; key: realm id.
	TopicAuthenticator = "authenticator"
)

// A Change tells every node that something it may have cached or waits for is
// different now. A slash parts several keys that one change concerns.
type Change struct {
	ID    string // unique; lets a node ignore its own echo
	Topic string
	Key   string
	At    Millis
}

// RevocationKind says what a revocation makes invalid.
type RevocationKind string

// What can be revoked. Tokens and grants are revoked by such a row alone, and as
// a whole: whatever Before says. For the others it is what resource servers hear
// of tokens_invalid_before, which is what this server itself goes by.
const (
	RevokeToken       RevocationKind = "token"        // key: jti
	RevokeGrant       RevocationKind = "grant"        // key: grant id; the grant has ended
	RevokeGrantTokens RevocationKind = "grant_tokens" // key: grant id; it lives, and its access tokens up to Before are dead
	RevokeApplication RevocationKind = "application"  // key: client id
	RevokeIdentity    RevocationKind = "identity"     // key: identity id
	RevokeRealm       RevocationKind = "realm"        // key: realm id
)

// LongestToken is the longest life that an access token may be given: how long a
// revocation is told to resource servers.
const LongestToken = 24 * time.Hour

// MaxAhead is how far ahead of this server's a clock is believed to be: one that is
// further off is wrong, and must not date what is made here.
const MaxAhead = time.Minute

// A Revocation makes tokens issued at Before, in milliseconds, or earlier
// invalid. It may be forgotten once every token it concerns has expired
// (ExpiresAt).
type Revocation struct {
	RealmID   RealmID
	Kind      RevocationKind
	Key       string
	Before    Millis
	ExpiresAt Millis
	At        Millis
}

// Namespaces of the consume-once store.
const (
	OnceAssertion    = "assertion"    // client assertion jti (RFC 7523, Section 3)
	OnceNobody       = "nobody"       // a CIBA request to a stranger, which asks nobody
	OnceCeremony     = "ceremony"     // WebAuthn challenge
	OncePushed       = "par"          // pushed authorization request (RFC 9126, Section 7.3)
	OnceDPoP         = "dpop"         // DPoP proof jti (RFC 9449, Section 11.1)
	OnceBearerJWT    = "jwt"          // assertion of a trusted issuer (RFC 7523, Section 3)
	OnceRequest      = "request"      // jti of a signed request
	OnceRegistration = "registration" // use of an initial access token (RFC 7591, Section 3)
)

// A Once is a thing that may be used once. Of all who present it before it is
// forgotten, exactly one is the first, on all nodes together.
type Once struct {
	Namespace string
	RealmID   RealmID
	Digest    [32]byte
	Until     Millis // may be forgotten from then on
}
