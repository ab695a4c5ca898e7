package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// clientRefused is the one answer to an unknown client, a wrong secret and a
// bad assertion. The cause is for the log.
func clientRefused(x *exchange, cause string, err error) error {
	return &Error{Code: InvalidClient, Description: "client authentication failed",
		Cause: because(cause, err), Basic: x.Basic != nil}
}

// because is a cause in one line.
func because(cause string, err error) error {
	if err == nil {
		return errors.New(cause)
	}
	return fmt.Errorf("%s: %w", cause, err)
}

// called is what a stranger said, as it stands in a cause.
func called(text string) string {
	if len(text) > maxCalled {
		text = model.Printable(text, maxCalled) + "..."
	}
	return model.Printable(text, len(text))
}

const maxCalled = 128 // bytes

// unknownClient names who is not there, unless it may be a secret in the wrong place.
func unknownClient(id model.ClientID) string {
	text := string(id)
	if len(text) > maxNamed && !ids.Valid("svc", text) && !ids.Valid("app", text) && !ids.Valid("agt", text) {
		return "unknown client"
	}
	return "unknown client " + called(text)
}

// maxNamed is shorter than any secret, in bytes: those that people choose have 32.
const maxNamed = 31

// authenticateClient finds out who asks. One method per request (RFC 6749,
// Section 2.3), and only the one that the client registered.
func (e *Engine) authenticateClient(ctx context.Context, x *exchange) error {
	method, err := methodOf(x)
	if err != nil {
		return err
	}
	err = e.proveClient(ctx, x, method)
	if x.found && err != nil {
		// Who is unknown was looked for in the database; so that a refusal takes the
		// same time for a client that memory knows, somebody unknown is looked for here.
		_, _ = e.cfg.Clients.Get(ctx, x.Site, model.ClientID(ids.New("svc")))
	}
	return err
}

func (e *Engine) proveClient(ctx context.Context, x *exchange, method model.ClientAuthMethod) error {
	switch method {
	case model.AuthClientSecretBasic:
		return e.checkSecret(ctx, x, method, decodeBasic(*x.Basic))
	case model.AuthClientSecretPost:
		return e.checkSecret(ctx, x, method, []claimedID{{model.ClientID(x.Params.Get("client_id")), []string{x.Params.Get("client_secret")}}})
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

// A claimedID is a client id with the secrets that may have been meant with it.
type claimedID struct {
	id      model.ClientID
	secrets []string
}

// decodeBasic undoes the form-url-encoding of RFC 6749, Section 2.3.1. Clients
// in the field often leave it out; then the raw halves are what they meant. A
// client id may hold a colon (it may be a URL), and so may a secret. The
// readings come in order of how likely they are.
func decodeBasic(b BasicCredentials) []claimedID {
	readings := []BasicCredentials{b}
	if i := strings.LastIndexByte(b.Password, ':'); i >= 0 {
		readings = append(readings, BasicCredentials{b.User + ":" + b.Password[:i], b.Password[i+1:]})
	}
	var list []claimedID
	for _, r := range readings {
		secrets := []string{unescape(r.Password)}
		if secrets[0] != r.Password {
			secrets = append(secrets, r.Password)
		}
		list = append(list, claimedID{model.ClientID(unescape(r.User)), secrets})
		if raw := model.ClientID(r.User); raw != list[len(list)-1].id {
			list = append(list, claimedID{raw, secrets})
		}
	}
	return list
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

// meant finds the client that one of the readings names; nil: none of them does.
func (e *Engine) meant(ctx context.Context, x *exchange, claimed []claimedID) (*model.Client, claimedID, error) {
	for _, c := range claimed {
		// Who has a secret was registered: no document gives one.
		client, err := e.cfg.Clients.Known(ctx, x.Site, c.id)
		if err == nil {
			return client, c, nil
		}
		if !errors.Is(err, model.ErrNotFound) {
			return nil, c, err
		}
	}
	return nil, claimed[0], nil
}

func (e *Engine) checkSecret(ctx context.Context, x *exchange, method model.ClientAuthMethod, claimed []claimedID) error {
	client, said, err := e.meant(ctx, x, claimed)
	if err != nil {
		return err
	}
	known := []model.ClientSecret{nobody}
	if client != nil {
		known, x.found = client.Secrets, true
	}
	matched := 0
	for _, secret := range said.secrets {
		digest := sha256.Sum256([]byte(secret))
		for _, s := range known {
			if s.ExpiresAt == 0 || x.now < s.ExpiresAt {
				matched |= subtle.ConstantTimeCompare(digest[:], s.Digest)
			}
		}
	}
	switch {
	case client == nil:
		return clientRefused(x, unknownClient(said.id), nil)
	case client.Settings.AuthMethod != method:
		return clientRefused(x, registeredFor(client)+", not for "+string(method), nil)
	case matched != 1:
		return clientRefused(x, "wrong secret of client "+string(client.ID), nil)
	}
	if sent := x.Params.Get("client_id"); sent != "" && sent != string(said.id) {
		return clientRefused(x, "client_id differs from the authenticated client "+string(client.ID), nil)
	}
	x.client = client
	return nil
}

// checkIdentified: the client says who it is and sends no credentials with it. It
// is a public client, or its certificate speaks for it (RFC 8705, Section 2).
func (e *Engine) checkIdentified(ctx context.Context, x *exchange) error {
	id := model.ClientID(x.Params.Get("client_id"))
	if id == "" {
		return clientRefused(x, "no client authentication: there is no client_id and no credentials", nil)
	}
	client, err := e.cfg.Clients.Get(ctx, x.Site, id)
	if errors.Is(err, model.ErrNotFound) {
		return clientRefused(x, unknownClient(id), nil)
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
		return clientRefused(x, registeredFor(client)+", and sent no credentials", nil)
	}
}

func registeredFor(c *model.Client) string {
	return "client " + string(c.ID) + " is registered for " + string(c.Settings.AuthMethod)
}

// admitClient asks the gate for the client alone. A stopped application gets
// the answer of an unknown one.
func (e *Engine) admitClient(ctx context.Context, x *exchange) error {
	revoked, err := e.cfg.Gate.Pass(ctx, gate.Use{Site: x.Site, Application: &x.client.Application})
	if reason, ok := gate.Refused(err); ok {
		return clientRefused(x, "client "+string(x.client.ID)+": "+string(reason), nil)
	}
	x.after(revoked)
	return err
}
