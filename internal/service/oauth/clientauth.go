package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// clientRefused is the one answer to an unknown client, a wrong secret and a
// bad assertion. The cause is for the log.
func clientRefused(x *exchange, cause string, err error) error {
	return &Error{Code: InvalidClient, Description: "client authentication failed",
		Cause: errors.Join(errors.New(cause), err), Basic: x.Basic != nil}
}

// authenticateClient finds out who asks. One method per request (RFC 6749,
// Section 2.3), and only the one that the client registered.
func (e *Engine) authenticateClient(ctx context.Context, x *exchange) error {
	method, err := methodOf(x)
	if err != nil {
		return err
	}
	switch method {
	case model.AuthClientSecretBasic:
		id, secret := decodeBasic(*x.Basic)
		return e.checkSecret(ctx, x, method, id, secret)
	case model.AuthClientSecretPost:
		return e.checkSecret(ctx, x, method, model.ClientID(x.Params.Get("client_id")), x.Params.Get("client_secret"))
	case model.AuthPrivateKeyJWT:
		return e.checkAssertion(ctx, x)
	default:
		return e.checkIdentified(ctx, x)
	}
}

func methodOf(x *exchange) (model.ClientAuthMethod, error) {
	var used []model.ClientAuthMethod
	if x.Basic != nil {
		used = append(used, model.AuthClientSecretBasic)
	}
	if x.Params.Get("client_secret") != "" {
		used = append(used, model.AuthClientSecretPost)
	}
	if x.Params.Get("client_assertion") != "" || x.Params.Get("client_assertion_type") != "" {
		used = append(used, model.AuthPrivateKeyJWT)
	}
	switch len(used) {
	case 0:
		return model.AuthNone, nil
	case 1:
		return used[0], nil
	default:
		return "", &Error{Code: InvalidRequest, Description: "more than one client authentication method was used"}
	}
}

// decodeBasic undoes the form-url-encoding of RFC 6749, Section 2.3.1. Clients
// in the field often leave it out; then the raw halves are what they meant. A
// client id may hold a colon (it may be a URL) and our secrets never do, so the
// last colon parts them.
func decodeBasic(b BasicCredentials) (model.ClientID, string) {
	user, password := b.User, b.Password
	if i := strings.LastIndexByte(password, ':'); i >= 0 {
		user, password = user+":"+password[:i], password[i+1:]
	}
	return model.ClientID(unescape(user)), unescape(password)
}

func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// nobody stands in where there is no such client, so that the same work is
// done and the same time is taken.
var nobody = model.ClientSecret{Digest: make([]byte, sha256.Size)}

func (e *Engine) checkSecret(ctx context.Context, x *exchange, method model.ClientAuthMethod, id model.ClientID, secret string) error {
	client, err := e.cfg.Clients.Get(ctx, x.Site, id)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return err
	}
	known := []model.ClientSecret{nobody}
	if client != nil {
		known = client.Secrets
	}
	digest := sha256.Sum256([]byte(secret))
	matched := 0
	for _, s := range known {
		if s.ExpiresAt == 0 || x.now < s.ExpiresAt {
			matched |= subtle.ConstantTimeCompare(digest[:], s.Digest)
		}
	}
	switch {
	case client == nil:
		return clientRefused(x, "unknown client", nil)
	case client.Settings.AuthMethod != method:
		return clientRefused(x, "client is not registered for "+string(method), nil)
	case matched != 1:
		return clientRefused(x, "wrong secret", nil)
	}
	if sent := x.Params.Get("client_id"); sent != "" && sent != string(id) {
		return clientRefused(x, "client_id differs from the authenticated client", nil)
	}
	x.client = client
	return nil
}

// checkIdentified: the client says who it is and sends no credentials with it. It
// is a public client, or its certificate speaks for it (RFC 8705, Section 2).
func (e *Engine) checkIdentified(ctx context.Context, x *exchange) error {
	id := model.ClientID(x.Params.Get("client_id"))
	if id == "" {
		return clientRefused(x, "no client authentication", nil)
	}
	client, err := e.cfg.Clients.Get(ctx, x.Site, id)
	if errors.Is(err, model.ErrNotFound) {
		return clientRefused(x, "unknown client", nil)
	}
	if err != nil {
		return err
	}
	switch client.Settings.AuthMethod {
	case model.AuthNone:
		x.client = client
		return nil
	case model.AuthTLS, model.AuthSelfSignedTLS:
		return e.checkCertificate(ctx, x, client)
	default:
		return clientRefused(x, "client must authenticate", nil)
	}
}

// admitClient asks the gate for the client alone. A stopped application gets
// the answer of an unknown one.
func (e *Engine) admitClient(ctx context.Context, x *exchange) error {
	err := e.cfg.Gate.Check(ctx, gate.Use{Site: x.Site, Application: &x.client.Application})
	if reason, ok := gate.Refused(err); ok {
		return clientRefused(x, string(reason), nil)
	}
	return err
}
