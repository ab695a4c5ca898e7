package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/model"
)

// What is kept of authorization requests between two HTTP requests: in the URL of
// a person's browser or, if it is pushed or long, in the database. Anybody can
// send such a request, so it is little, and not often.

// authorizationParams are the parameters of an authorization request that this
// engine reads. No others are kept.
var authorizationParams = [...]string{
	"client_id", "redirect_uri", "response_type", "response_mode", "state", // RFC 6749, Section 4.1.1
	"scope", "resource", "authorization_details", // RFC 8707, Section 2; RFC 9396, Section 3
	"code_challenge", "code_challenge_method", "dpop_jkt", // RFC 7636, Section 4.3; RFC 9449, Section 10
	"nonce", "prompt", "max_age", "acr_values", "claims", "id_token_hint", "login_hint", "ui_locales", // OpenID Connect Core 1.0, Section 3.1.2.1
}

// maxKept bounds all of them together, in bytes of JSON.
const maxKept = 32 << 10

// keepKnown lets go of what nobody reads. It stands behind the request object,
// which may bring other parameters.
func (e *Engine) keepKnown(_ context.Context, x *exchange) error {
	kept := make(Params, len(authorizationParams))
	for _, name := range authorizationParams {
		if values, sent := x.Params[name]; sent {
			kept[name] = values
		}
	}
	x.Params = kept
	return nil
}

// checkKeptLength stands where the application can be told.
func (e *Engine) checkKeptLength(_ context.Context, x *exchange) error {
	const longest = 6 // bytes of JSON that one byte of text can take
	size := 0
	for name, values := range x.Params {
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	if size*longest <= maxKept {
		return nil // as nearly all are
	}
	text, err := json.Marshal(x.Params)
	if err != nil {
		return fmt.Errorf("encode parameters: %w", err)
	}
	if len(text) > maxKept {
		return &Error{Code: InvalidRequest, Description: "the request is longer than 32 kB"}
	}
	return nil
}

// parking slows down who has state kept in the database. Each node has its own.
type parking struct {
	// strangers go by client and network: they prove nothing about themselves, and
	// people behind other addresses are not to suffer for it.
	strangers *limit.Keyed
	// clients have shown who they are, and go by that.
	clients *limit.Keyed
}

func newParking() parking {
	return parking{
		strangers: limit.NewKeyed(limit.Per(120, time.Minute), 100_000),
		clients:   limit.NewKeyed(limit.Rate{Every: time.Millisecond, Burst: 10_000}, 100_000),
	}
}

// mayPush lets a client keep one more pushed request (RFC 9126, Section 2.3: 429).
func (e *Engine) mayPush(x *exchange) error {
	if !x.client.Settings.AuthMethod.Confidential() {
		return e.mayPark(x.stranger(x.client.ID))
	}
	return crowded(e.parking.clients, string(x.Site.Realm.ID)+" "+string(x.client.ID), x.started)
}

func (e *Engine) mayPark(by string) error { return crowded(e.parking.strangers, by, e.cfg.Now()) }

// stranger is who sends a request that anybody could send in a client's name.
func (r Request) stranger(id model.ClientID) string {
	return string(r.Site.Realm.ID) + " " + string(id) + " " + limit.Network(r.Address)
}

func crowded(rate *limit.Keyed, key string, now time.Time) error {
	if _, ok := rate.Allow(key, now); !ok {
		return &Error{Code: TemporarilyUnavailable, Description: "too many requests at once: try again in a minute", TooMany: true}
	}
	return nil
}
