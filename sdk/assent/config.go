package assent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/assent-id/assent/sdk/internal/outgoing"
)

// A Config says which application asks, and where.
type Config struct {
	// Issuer is the realm's issuer, byte for byte as its discovery document
	// names it. Plain http is accepted on loopback alone.
	Issuer string
	// ClientID names the application. It may be empty for a client that only
	// calls [Client.VerifyApproval].
	ClientID string
	// ClientSecret authenticates with client_secret_basic. Set it or Key.
	ClientSecret string
	// Key is a private JWK (RFC 7517), P-256 or Ed25519, and authenticates with
	// private_key_jwt. Its "kid" is sent along.
	Key []byte
	// DPoPKey is a private JWK, P-256 or Ed25519, to which access tokens are bound
	// (RFC 9449): whoever steals one cannot use it. It is another key than Key. The
	// tokens of approvals are not bound, as it is the API that redeems them.
	DPoPKey []byte
	// Audience is the resource under which the realm knows the API that this
	// client belongs to (RFC 8707). An API that calls [Client.VerifyApproval] MUST
	// set it: otherwise it takes, and uses up, tokens that a person approved for
	// another API, which that API or whoever got hold of them can pass on. When it
	// is set, VerifyApproval refuses tokens whose aud does not contain it. It
	// changes nothing for what this client asks for itself.
	Audience string
	// EvidenceKeys is the JWKS against which evidence is verified. Empty: it is
	// fetched from the issuer, once.
	EvidenceKeys []byte
	// Lazy: NewClient sends nothing, and the issuer's discovery document is read
	// when it is first needed. For programs that must start while the issuer is
	// away, resource servers above all; until it is back their calls fail with
	// [ErrUnreachable].
	Lazy bool
	// Now is the clock that says whether tokens have expired; nil: time.Now.
	Now func() time.Time
	// HTTPClient carries the requests; nil: one with sane limits. Redirects are
	// never followed, and it must not cut requests shorter than 35 seconds.
	HTTPClient *http.Client
	// OnAsked is called once per request by [Client.Approve], when the person
	// has been asked: the moment to show the comparison number.
	OnAsked func(Request)
}

// A Client asks for approvals and for access tokens. It is safe for concurrent
// use. It has nothing to close: what it does in the background ends by itself.
type Client struct {
	issuer   string
	clientID string
	audience string        // "": not checked
	auth     authenticator // nil: this client can only verify
	prover   *prover       // nil: tokens are bound to no key
	http     *http.Client
	onAsked  func(Request)
	now      func() time.Time
	known    discovered
	cache    tokenCache
	signing  keySource // what the realm signs tokens with now
	evidence keySource // what ever signed evidence of the realm
}

// Issuer is that of [Config].
func (c *Client) Issuer() string { return c.issuer }

// NewClient reads the issuer's discovery document and returns a client. The
// error is [ErrUnreachable] if the issuer does not answer, [ErrInvalid] if what
// it answers is not its discovery document, and a plain error for a Config that
// cannot work. With [Config.Lazy] it fails for the Config alone.
func NewClient(ctx context.Context, c Config) (*Client, error) {
	if err := checkIssuer(c.Issuer); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	auth, err := newAuthenticator(c)
	if err != nil {
		return nil, err
	}
	prover, err := newProver(c)
	if err != nil {
		return nil, err
	}
	client := &Client{
		issuer: c.Issuer, clientID: c.ClientID, audience: c.Audience, auth: auth, prover: prover,
		http: outgoing.WithoutRedirects(c.HTTPClient), onAsked: c.OnAsked, now: c.Now,
	}
	client.signing.locate = func(m metadata) string { return m.JWKSURI }
	client.evidence.locate = func(metadata) string { return c.Issuer + "/v1/evidence/keys" }
	if c.EvidenceKeys != nil {
		client.evidence.locate = nil
		client.evidence.set.Store(&keySet{text: c.EvidenceKeys})
	}
	if c.Lazy {
		return client, nil
	}
	if _, err := client.metadata(ctx); err != nil {
		return nil, err
	}
	return client, nil
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
		return fmt.Errorf("issuer %q is not an absolute URL without query and fragment", issuer)
	}
	if strings.HasSuffix(issuer, "/") {
		return fmt.Errorf("issuer %q ends with a slash", issuer)
	}
	if u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()) {
		return nil
	}
	return errors.New("the issuer must be https (plain http is for loopback alone)")
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
