package assent

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	nonceHeader = "DPoP-Nonce"
	useNonce    = "use_dpop_nonce"
)

// A prover shows with each request that its sender holds the key of the token (RFC
// 9449). One that is nil proves nothing.
type prover struct {
	signer jose.Signer
	now    func() time.Time
	mu     sync.Mutex
	nonces map[string]string // the last that each origin gave
}

func newProver(c Config) (*prover, error) {
	if len(c.DPoPKey) == 0 {
		return nil, nil
	}
	key, alg, err := privateKey("DPoPKey", c.DPoPKey)
	if err != nil {
		return nil, err
	}
	// RFC 9449, Section 4.2: the header holds the public key. Without the JWK
	// around it, its id stays out.
	opts := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key.Key}, opts)
	if err != nil {
		return nil, fmt.Errorf("use DPoPKey: %w", err)
	}
	return &prover{signer: signer, now: c.Now, nonces: map[string]string{}}, nil
}

// prove adds a proof to a request, with the hash of the access token that it
// carries, if it does.
func (p *prover) prove(r *http.Request, token string) error {
	claims := map[string]any{"jti": rand.Text(), "htm": r.Method, "htu": target(r.URL), "iat": p.now().Unix()}
	if token != "" {
		hash := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(hash[:])
	}
	p.mu.Lock()
	if nonce := p.nonces[origin(r.URL)]; nonce != "" {
		claims["nonce"] = nonce
	}
	p.mu.Unlock()
	payload, err := json.Marshal(claims)
	if err != nil {
		return err
	}
	jws, err := p.signer.Sign(payload)
	if err != nil {
		return fmt.Errorf("sign DPoP proof: %w", err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		return fmt.Errorf("sign DPoP proof: %w", err)
	}
	r.Header.Set("DPoP", compact)
	return nil
}

// target is a URL without query and fragment (RFC 9449, Section 4.2).
func target(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		path = "/"
	}
	return origin(u) + path
}

func origin(u *url.URL) string { return u.Scheme + "://" + u.Host }

// maxNonces bounds from how many origins nonces are kept, maxNonce how many bytes
// each may have.
const (
	maxNonces = 64
	maxNonce  = 1 << 10
)

// note keeps the nonce for the next proof (RFC 9449, Section 8.2).
func (p *prover) note(from *url.URL, h http.Header) {
	nonce := h.Get(nonceHeader)
	if p == nil || nonce == "" || len(nonce) > maxNonce {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.nonces) >= maxNonces {
		clear(p.nonces)
	}
	p.nonces[origin(from)] = nonce
}

// doProven sends a request with a DPoP proof, and once more where the server wants
// a nonce of its own in it (RFC 9449, Section 8). Client authentication is made
// anew.
func (c *Client) doProven(ctx context.Context, cl call) (*answer, error) {
	cl.prove = true
	a, err := c.do(ctx, cl)
	if err != nil || c.prover == nil || a.status != http.StatusBadRequest || a.header.Get(nonceHeader) == "" {
		return a, err
	}
	if e, ok := a.refusal().(*ServerError); !ok || e.Code != useNonce { //nolint:errorlint // it is made here
		return a, nil
	}
	return c.do(ctx, cl)
}
