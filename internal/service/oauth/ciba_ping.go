package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/gate"
	"github.com/assent-id/assent/internal/service/notify"
)

// Lengths of a client_notification_token (CIBA Core 1.0, Section 7.1): at most
// 1024 characters, and 22 are the fewest that hold 128 bits.
const (
	minNotification = 22
	maxNotification = 1024
)

const (
	deliveryPing = "ping" // model.ApplicationSettings.DeliveryMode
	pingPurpose  = "ciba-ping"
)

// pings reports whether the client is told when a request has ended. It may
// poll all the same (CIBA Core 1.0, Section 5).
func pings(c *model.Client) bool {
	return c.Settings.DeliveryMode == deliveryPing && c.Settings.NotificationEndpoint != ""
}

// checkNotificationToken: CIBA Core 1.0, Section 7.1: required in ping mode, in
// the alphabet of bearer tokens (RFC 6750, Section 2.1).
func (e *Engine) checkNotificationToken(_ context.Context, x *exchange) error {
	if !pings(x.client) {
		return nil
	}
	t := x.Params.Get("client_notification_token")
	switch {
	case t == "":
		return &Error{Code: InvalidRequest, Description: "client_notification_token is missing"}
	case len(t) > maxNotification:
		return &Error{Code: InvalidRequest, Description: "client_notification_token has more than 1024 characters"}
	case len(strings.TrimRight(t, "=")) < minNotification:
		return &Error{Code: InvalidRequest, Description: "client_notification_token cannot hold 128 bits"}
	case !bearerToken(t):
		return &Error{Code: InvalidRequest, Description: "client_notification_token is not a bearer token"}
	}
	x.ciba.notify = t
	return nil
}

// bearerToken: b64token of RFC 6750, Section 2.1.
func bearerToken(t string) bool {
	chars := strings.TrimRight(t, "=")
	return chars != "" && !strings.ContainsFunc(chars, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-._~+/", r))
	})
}

// A sealedPing is what the outbox holds: the client, and under seal what only
// the client may read.
type sealedPing struct {
	Client model.ClientID `json:"client"`
	Sealed string         `json:"sealed"`
}

type pingSecrets struct {
	Token   string `json:"t"` // client_notification_token
	AuthReq string `json:"a"` // auth_req_id
}

// newPing is the payload of the ping that a request causes when it ends; nil:
// the client polls.
func (e *Engine) newPing(x *exchange, authReqID string) (json.RawMessage, error) {
	if x.ciba.notify == "" {
		return nil, nil
	}
	plain, err := json.Marshal(pingSecrets{x.ciba.notify, authReqID})
	if err != nil {
		return nil, fmt.Errorf("encode ping: %w", err)
	}
	sealed, err := e.cfg.Keyring.SealString(pingPurpose, plain, carriedFor(x.Site, string(x.client.ID)))
	if err != nil {
		return nil, fmt.Errorf("seal ping: %w", err)
	}
	return json.Marshal(sealedPing{x.client.ID, sealed})
}

// pingForNobody queues the ping of a request to a stranger for when it expires,
// so that the client cannot tell it from one that a person did not answer.
func (e *Engine) pingForNobody(ctx context.Context, x *exchange, authReqID string) error {
	payload, err := e.newPing(x, authReqID)
	if err != nil || payload == nil {
		return err
	}
	expires := x.now.Add(x.ciba.expiry)
	return e.cfg.Store.Queue(ctx, model.OutboxItem{ID: model.OutboxID(ids.New("out")), RealmID: x.Site.Realm.ID,
		Channel: model.ChannelPing, Payload: payload, NotBefore: expires, ExpiresAt: expires.Add(approval.PingFor)})
}

// Ping says what to send for a payload of model.ChannelPing (CIBA Core 1.0,
// Section 10.2). It goes where the client is registered now; one that is gone, was
// stopped or polls again is not told.
func (e *Engine) Ping(ctx context.Context, site *model.Site, payload json.RawMessage) (notify.Call, error) {
	var p sealedPing
	if err := json.Unmarshal(payload, &p); err != nil {
		return notify.Call{}, fmt.Errorf("read ping: %w", err)
	}
	c, err := e.pinged(ctx, site, p.Client)
	if err != nil {
		return notify.Call{}, err
	}
	plain, err := e.cfg.Keyring.OpenString(pingPurpose, p.Sealed, carriedFor(site, string(p.Client)))
	if err != nil {
		return notify.Call{}, fmt.Errorf("open ping: %w", err)
	}
	var s pingSecrets
	if err := json.Unmarshal(plain, &s); err != nil {
		return notify.Call{}, fmt.Errorf("read ping: %w", err)
	}
	body := newObject(len(s.AuthReq) + 24)
	body.text("auth_req_id", s.AuthReq)
	return notify.Call{URL: c.Settings.NotificationEndpoint, Type: "application/json", Body: body.close(), Token: s.Token}, nil
}

func (e *Engine) pinged(ctx context.Context, site *model.Site, id model.ClientID) (*model.Client, error) {
	c, err := e.cfg.Clients.Get(ctx, site, id)
	if err == nil {
		err = e.cfg.Gate.Check(ctx, gate.Use{Site: site, Application: &c.Application})
	}
	_, refused := gate.Refused(err)
	if refused || errors.Is(err, model.ErrNotFound) || err == nil && !pings(c) {
		return nil, notify.ErrMoot
	}
	return c, err
}
