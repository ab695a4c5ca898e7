package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// pushedLife is how long a pushed request waits for its browser.
const pushedLife = 60 * time.Second

const pushedPurpose = "pushed-request"

// A pushedRequest is an authorization request that passed the checks already.
type pushedRequest struct {
	Client model.ClientID `json:"c"`
	Params Params         `json:"p"`
	JKT    string         `json:"k,omitempty"`
	Signed bool           `json:"o,omitempty"`
}

// A PushedAnswer is RFC 9126, Section 2.2.
type PushedAnswer struct {
	RequestURI string         `json:"request_uri"`
	ExpiresIn  int            `json:"expires_in"` // seconds
	Client     model.ClientID `json:"-"`
	Nonce      string         `json:"-"` // for the next DPoP proof; empty: none
}

// Push keeps an authorization request for the browser that will name it (RFC
// 9126, Section 2).
func (e *Engine) Push(ctx context.Context, r Request) (PushedAnswer, error) {
	x := e.begin(par, r)
	x.authz.since = x.now
	if err := e.run(ctx, x); err != nil {
		return PushedAnswer{Client: x.clientID()}, err
	}
	out := PushedAnswer{RequestURI: requestURIPrefix + ids.Secret(), ExpiresIn: int(pushedLife.Seconds()), Client: x.client.ID, Nonce: x.nonce}
	if err := e.mayPush(x); err != nil {
		return PushedAnswer{Client: x.client.ID}, err
	}
	x.Params["client_id"] = []string{string(x.client.ID)}
	plain, err := json.Marshal(pushedRequest{x.client.ID, x.Params, x.authz.jkt, x.authz.signed})
	if err != nil {
		return out, fmt.Errorf("encode pushed request: %w", err)
	}
	sealed, err := e.cfg.Keyring.Seal(pushedPurpose, plain, carriedFor(x.Site, out.RequestURI))
	if err != nil {
		return out, err
	}
	err = e.cfg.Store.Park(ctx, model.Parked{RealmID: x.Site.Realm.ID, Digest: ids.DigestOf(out.RequestURI), Sealed: sealed,
		ExpiresAt: x.now.Add(pushedLife)})
	if err != nil {
		return out, fmt.Errorf("keep pushed request: %w", err)
	}
	return out, nil
}

func (e *Engine) openPushed(site *model.Site, parked model.Parked, uri string) (pushedRequest, error) {
	var p pushedRequest
	plain, err := e.cfg.Keyring.Open(pushedPurpose, parked.Sealed, carriedFor(site, uri))
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(plain, &p)
}

// rejectRequestURI: a pushed request cannot refer to another (RFC 9126, Section
// 2.1).
func (e *Engine) rejectRequestURI(_ context.Context, x *exchange) error {
	if x.Params.Get("request_uri") != "" {
		return &Error{Code: InvalidRequest, Description: "request_uri cannot be pushed"}
	}
	return nil
}
