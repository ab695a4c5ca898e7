package resource

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Lost says what happens to tokens while nobody can tell what was revoked:
// while the revocation feed has not been heard for longer than
// [Config.MaxStale].
type Lost int

const (
	// Introspect asks the issuer about each token, each time.
	Introspect Lost = iota
	// Refuse answers 503 until the feed is back.
	Refuse
)

// TokenFormat says which forms of access tokens an API takes.
type TokenFormat int

const (
	// AnyFormat takes JWTs and opaque tokens, about which the issuer is asked.
	AnyFormat TokenFormat = iota
	// JWTOnly refuses opaque tokens unasked: for an API whose tokens are JWTs.
	JWTOnly
)

// A Config says which API takes whose tokens. Issuer, Resource and credentials
// (or Unrevocable) are required; everything else has defaults.
type Config struct {
	// Issuer is the realm's issuer, byte for byte as its discovery document names
	// it. Plain http is accepted on loopback alone.
	Issuer string
	// Resource is the identifier under which the realm knows the API: the audience
	// of its tokens (RFC 8707).
	Resource string
	// ClientID is the service client that acts for the API: it reads the
	// revocation feed and introspects. It must be among the clients of the
	// resource server.
	ClientID string
	// Key is the private JWK of that client, P-256 or Ed25519; or ClientSecret is
	// its secret.
	Key          []byte
	ClientSecret string
	// Unrevocable does without credentials: signatures and times alone decide, and
	// a revoked token is taken until it expires. Opaque tokens are refused.
	Unrevocable bool

	// TokenFormat are the forms of tokens that are taken.
	TokenFormat TokenFormat
	// OrdinaryScopes are scopes of this API that need no approval here although the
	// issuer's metadata name them among those that need one: another API of the
	// realm has scopes of these names that do.
	OrdinaryScopes []string
	// Algs are the algorithms of tokens. Empty: ES256, EdDSA (which is Ed25519, RFC
	// 9864), PS256 and RS256. The key says which of them it is for, never the
	// token.
	Algs []string
	// MaxStale is how long the feed may be silent before it counts as lost, at
	// least 2 s; 0: 30 s.
	MaxStale time.Duration
	// Lost is what happens then.
	Lost Lost
	// Leeway is by how much clocks may differ; 0: 5 s, at most a minute.
	Leeway time.Duration
	// BaseURL is scheme and host under which clients reach the API, for the htu of
	// DPoP proofs (RFC 9449, Section 4.3). Empty: those of Resource.
	BaseURL string
	// NonceKey, at least 32 random bytes, makes DPoP proofs need a nonce of the API
	// (RFC 9449, Section 9). All processes of the API have the same. Empty: none
	// is needed.
	NonceKey []byte
	// CertificateHeader names a field in which a TLS-terminating proxy hands over
	// the client's certificate, as RFC 9440 (Client-Cert) or as URL-encoded PEM. It
	// is looked at on connections from TrustedProxies alone, and those MUST
	// replace what clients send in it.
	CertificateHeader string
	TrustedProxies    []netip.Prefix

	// Metadata is what clients are told about the API (RFC 9728). Resource,
	// AuthorizationServers, BearerMethods and DPoPAlgs are filled in.
	Metadata Metadata

	// Now is the clock for tokens and proofs; nil: time.Now.
	Now func() time.Time
	// HTTPClient carries the requests to the issuer; nil: one with sane limits.
	// Redirects are never followed. It must not cut requests shorter than 35
	// seconds, and notice by itself when an HTTP/2 connection went silent
	// (http.HTTP2Config.SendPingTimeout).
	HTTPClient *http.Client
	// Logger is told when the feed or the keys are lost and found; nil:
	// slog.Default().
	Logger *slog.Logger

	origin bool // Resource is an origin alone
}

const (
	defaultStale  = 30 * time.Second
	shortestStale = 2 * time.Second
	defaultLeeway = 5 * time.Second
	longestLeeway = time.Minute
	shortestNonce = 32 // bytes of a key
)

var tokenAlgs = []string{"ES256", "EdDSA", "PS256", "RS256"}

// proofAlgs are what DPoP proofs may be signed with (RFC 9449, Section 4.3):
// those of tokens.
var proofAlgs = []string{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"}

// complete checks the configuration and fills in what is left to us.
func (c Config) complete() (Config, error) {
	c.Algs, c.OrdinaryScopes = slices.Clone(c.Algs), slices.Clone(c.OrdinaryScopes)
	if len(c.Algs) == 0 {
		c.Algs = tokenAlgs
	}
	c.MaxStale = orDuration(c.MaxStale, defaultStale)
	c.Leeway = orDuration(c.Leeway, defaultLeeway)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Metadata = c.metadata()
	err := errors.Join(c.checkPlaces(), c.checkCredentials(), c.checkLimits())
	return c, err
}

func orDuration(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func (c Config) metadata() Metadata {
	m := c.Metadata
	m.Resource = c.Resource
	if len(m.AuthorizationServers) == 0 {
		m.AuthorizationServers = []string{c.Issuer}
	}
	if len(m.BearerMethods) == 0 {
		m.BearerMethods = []string{"header"} // RFC 6750, Section 2: the others leak
	}
	if len(m.DPoPAlgs) == 0 {
		m.DPoPAlgs = proofAlgs
	}
	return m
}

func (c *Config) checkPlaces() error {
	if u, err := identifier(c.Issuer); err != nil || u.RawQuery != "" || strings.HasSuffix(c.Issuer, "/") {
		return fmt.Errorf("resource: Issuer %q is not an https URL without query, fragment and slash at its end", c.Issuer)
	}
	if err := c.Metadata.Validate(); err != nil {
		return err
	}
	own, err := url.Parse(c.Resource)
	if err != nil {
		return fmt.Errorf("resource: Resource: %w", err)
	}
	c.origin = strings.Trim(own.Path, "/") == "" && own.RawQuery == "" && !strings.HasSuffix(own.Path, "//")
	if c.BaseURL == "" {
		c.BaseURL = own.Scheme + "://" + own.Host
	}
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("resource: BaseURL %q is not scheme and host", c.BaseURL)
	}
	return nil
}

func (c *Config) checkCredentials() error {
	given := c.ClientID != "" || len(c.Key) > 0 || c.ClientSecret != ""
	switch {
	case c.Unrevocable && given:
		return errors.New("resource: Unrevocable is for an API without ClientID, Key and ClientSecret")
	case c.Unrevocable:
		return nil
	case !given:
		return errors.New("resource: without ClientID and Key nobody tells which tokens are revoked; Unrevocable says that they need not be")
	case c.ClientID == "" || (len(c.Key) > 0) == (c.ClientSecret != ""):
		return errors.New("resource: set ClientID, and Key or ClientSecret")
	}
	return nil
}

func (c *Config) checkLimits() error {
	for _, alg := range c.Algs {
		if alg != "Ed25519" && !slices.Contains(tokenAlgs, alg) {
			return fmt.Errorf("resource: Algs: %q is unknown", alg)
		}
	}
	switch {
	case c.MaxStale < shortestStale:
		return fmt.Errorf("resource: MaxStale must be at least %v", shortestStale)
	case c.Leeway < 0 || c.Leeway > longestLeeway:
		return fmt.Errorf("resource: Leeway must be between 0 and %v", longestLeeway)
	case c.Lost != Introspect && c.Lost != Refuse:
		return errors.New("resource: Lost is Introspect or Refuse")
	case c.TokenFormat != AnyFormat && c.TokenFormat != JWTOnly:
		return errors.New("resource: TokenFormat is AnyFormat or JWTOnly")
	case len(c.NonceKey) > 0 && len(c.NonceKey) < shortestNonce:
		return fmt.Errorf("resource: NonceKey must have at least %d bytes", shortestNonce)
	case (c.CertificateHeader == "") != (len(c.TrustedProxies) == 0):
		return errors.New("resource: CertificateHeader and TrustedProxies go together")
	}
	return nil
}

// String names it for logs.
func (l Lost) String() string {
	if l == Refuse {
		return "refuse"
	}
	return "introspect"
}
