// Package oauth is the protocol engine: OAuth 2.1, OpenID Connect and CIBA.
//
// Every endpoint runs the same ordered list of checks (checks.go), and every
// grant supplies only its own part (grants.go), so none of them can skip a
// step that all share: client authentication, the gate, the signer. A rule is
// enforced in one place, with the section that asks for it.
//
// Sources: RFC 6749 (OAuth 2.0), RFC 6750 (bearer), RFC 7009 (revocation), RFC
// 7521 and 7523 (assertions), RFC 7662 (introspection), RFC 8414 (metadata), RFC
// 8707 (resource), RFC 9068 (JWT access tokens), RFC 9396 (authorization details),
// OpenID Connect Core 1.0, Discovery 1.0, and CIBA Core 1.0.
//
// If this package is wrong, somebody gets a token who must not.
package oauth

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/gate"
)

// Clients finds applications and their keys; model.ErrNotFound.
type Clients interface {
	Get(ctx context.Context, site *model.Site, id model.ClientID) (*model.Client, error)
	// Known is Get that asks nobody outside, for those who have shown nothing yet.
	Known(ctx context.Context, site *model.Site, id model.ClientID) (*model.Client, error)
	// Key is the client's key of that id, or nil. It may be fetched from the
	// client's jwks_uri.
	Key(ctx context.Context, site *model.Site, c *model.Client, kid string, now model.Millis) (*jose.PublicKey, error)
	// HasKey reports whether a key with that thumbprint (RFC 7638) is one of the
	// client's, from wherever it publishes them.
	HasKey(ctx context.Context, site *model.Site, c *model.Client, thumbprint string, now model.Millis) (bool, error)
	// Used hears which key a client has just proved itself with. It costs nothing.
	Used(ctx context.Context, c *model.Client, kid string, now model.Millis)
}

// Keys signs and verifies for a realm.
type Keys interface {
	Sign(ctx context.Context, site *model.Site, alg, typ string, payload []byte) (string, error)
	Verify(ctx context.Context, site *model.Site, compact string) (jose.Verified, error)
	// Secret is 32 random bytes that belong to the realm, made when they are first
	// asked for and the same ever after.
	Secret(ctx context.Context, site *model.Site, name string) ([]byte, error)
}

// Gate is the one decision.
type Gate interface {
	Check(ctx context.Context, u gate.Use) error
	// Pass also answers up to when everything was revoked that it let pass.
	Pass(ctx context.Context, u gate.Use) (model.Millis, error)
	MayAsk(ctx context.Context, u gate.Use) error
}

// People finds the person that a hint means; model.ErrNotFound.
type People interface {
	Find(ctx context.Context, site *model.Site, login string) (model.Identity, error)
	Identity(ctx context.Context, site *model.Site, id model.IdentityID) (model.Identity, error)
}

// Sessions lists those of a person that live: model.ErrNotFound for an unknown one.
type Sessions interface {
	Sessions(ctx context.Context, site *model.Site, id model.IdentityID) ([]model.Session, error)
}

// Authenticators finds authenticator configs.
type Authenticators interface {
	// For is that of an application; nil where it names none.
	For(context.Context, *model.Site, *model.Client) (*model.AuthenticatorConfig, error)
}

// Roles says what people are at resource servers.
type Roles interface {
	RoleNames(ctx context.Context, site *model.Site, id model.IdentityID, resource string) ([]string, error)
}

// Approvals asks people.
type Approvals interface {
	Ask(ctx context.Context, site *model.Site, r approval.Request) (model.Approval, error)
	ByRequest(ctx context.Context, site *model.Site, client model.ClientID, digest ids.Digest) (model.Approval, error)
	Watch(id model.ApprovalID) *hub.Wait
	Withdraw(ctx context.Context, site *model.Site, a model.Approval) (model.Approval, error)
	Fulfil(ctx context.Context, g model.Grant) error
}

// Config is what an Engine needs.
type Config struct {
	Store     Store
	Clients   Clients
	Keys      Keys
	Gate      Gate
	People    People
	Roles     Roles // nil: nobody is anything
	Approvals Approvals
	Sessions  Sessions
	// Authenticators says where people authenticate; nil: on the realm's pages.
	Authenticators Authenticators
	Keyring        *seal.Keyring
	Hub            *hub.Hub // wakes polls of devices; nil: nobody is woken
	Log            *slog.Logger
	Now            func() time.Time
	// Latest is the present by the clock of the server that is furthest ahead: up to
	// then tokens may have been issued. nil: Now.
	Latest func() time.Time
	// IssuerKeys finds the keys that trusted issuers publish; nil: only those whose
	// keys the realm's policy holds can be believed.
	IssuerKeys IssuerKeys
	// MaxWait bounds a long poll. Default 30 s (CIBA Core 1.0, Section 7.3 leaves
	// it to us; proxies commonly cut idle requests after 60 s).
	MaxWait time.Duration
	// MTLSBaseURL is the origin of the listener for clients with certificates (RFC
	// 8705, Section 5); empty: there is none.
	MTLSBaseURL string
	// MTLSAuthorities: certificates of authorities can be trusted there.
	MTLSAuthorities bool
}

// An Engine answers protocol requests. It holds no state that decides
// anything: what must be decided once is decided by the database.
type Engine struct {
	cfg     Config
	polls   *limit.Keyed // polite polling only; a node forgets, nothing breaks
	nobody  *limit.Keyed // requests to strangers, as a person's would be limited
	waiting *limit.Slots // long polls of one auth_req_id or device code
	devices deviceGuard
	parking parking
	details detailsSchemas
	inline  *hub.Cache[[]*jose.PublicKey]        // key sets of trusted issuers, by their text
	parties *hub.Cache[map[model.ClientID]party] // with pairwise names, by their realm
}

// New fills in defaults.
func New(cfg Config) *Engine {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Latest == nil {
		cfg.Latest = cfg.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Hub == nil {
		cfg.Hub = &hub.Hub{}
	}
	if cfg.MaxWait == 0 {
		cfg.MaxWait = 30 * time.Second
	}
	e := &Engine{cfg: cfg,
		polls:   limit.NewKeyed(limit.Rate{Every: pollInterval - pollSlack, Burst: 1}, 100_000),
		nobody:  limit.NewKeyed(limit.Rate{Every: defaultExpiry / maxPending, Burst: maxPending}, 100_000),
		waiting: limit.NewSlots(maxWaiting),
		devices: newDeviceGuard(),
		parking: newParking(),
		inline:  hub.NewCache(1000, parseInline),
	}
	e.knowParties()
	return e
}

// A Request is a parsed form request to one of the endpoints.
type Request struct {
	Site   *model.Site
	Params Params
	// Method and Path are those of the HTTP request; the path is relative to the
	// issuer. DPoP proofs name both (RFC 9449, Section 4.2).
	Method, Path string
	// DPoP are the values of all DPoP header fields.
	DPoP []string
	// Certificate is what the client showed in the TLS handshake; nil: none, or
	// the connection is not for certificates (RFC 8705).
	Certificate *Certificate
	// Address and UserAgent are where the request came from, to be shown to people.
	Address, UserAgent string
	// Basic is the Authorization header's Basic credentials, undecoded.
	Basic *BasicCredentials
	// Stay is whom the person at the browser goes on as, whatever login_hint says.
	Stay model.IdentityID
	// Wait is how long the client would like a poll to be held (RFC 7240,
	// `Prefer: wait`); 0: answer at once.
	Wait time.Duration
}

// BasicCredentials are the two halves of an Authorization: Basic header, as
// they were sent (RFC 6749, Section 2.3.1 has them form-url-encoded).
type BasicCredentials struct{ User, Password string }

// Params are form parameters by name. One that was sent with an empty value
// counts as not sent (RFC 6749, Section 3.1).
type Params map[string][]string

// Get is the only value of a parameter, or "".
func (p Params) Get(name string) string {
	if v := p[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// An exchange is one request on its way through the checks, which fill it in.
type exchange struct {
	Request
	at      endpoint
	now     model.Millis
	started time.Time
	// revoked is up to when everything was revoked that this is later than.
	revoked model.Millis

	client   *model.Client
	found    bool // there is a client of the name that was sent
	grant    *grant
	scope    []string
	resource []string
	details  []json.RawMessage
	ciba     cibaRequest
	authz    authorization
	bound    Binding
	nonce    string // for the client's next DPoP proof
	held     bool   // the poll waited, so it was not too early
}

// A Certificate is a TLS client's certificate (RFC 8705).
type Certificate struct {
	DER []byte
	// Trusted: it leads to a certificate authority that the operator trusts.
	Trusted bool
}

// A Binding is the key that a token is bound to; empty: to none.
type Binding struct {
	JKT string // RFC 9449, Section 6.1: thumbprint of the DPoP key
	X5T string // RFC 8705, Section 3.1: SHA-256 of the certificate, base64url
}

// Bound reports whether there is a key at all.
func (b Binding) Bound() bool { return b != Binding{} }

// ClientOf is the client that a request turned out to be from, for the log.
func (x *exchange) clientID() model.ClientID {
	if x.client == nil {
		return ""
	}
	return x.client.ID
}

func (e *Engine) begin(at endpoint, r Request) *exchange {
	now := e.cfg.Now()
	return &exchange{Request: r, at: at, started: now, now: model.MillisOf(now)}
}
