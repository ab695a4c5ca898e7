package logout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/notify"
)

// Deliver is the outbox channel of ended sessions: it finds out whom to tell,
// and tells one application at a time, so that each is tried again by itself.
func (s *Service) Deliver(ctx context.Context, site *model.Site, payload json.RawMessage) error {
	var e model.Ended
	if err := json.Unmarshal(payload, &e); err != nil {
		return fmt.Errorf("read what ended: %w", err)
	}
	switch {
	case e.ClientID != "":
		return s.tell(ctx, site, e)
	case e.SessionID != "":
		return s.spread(ctx, site, e)
	default:
		return s.endAll(ctx, site, e)
	}
}

// endAll ends every session of a person, and makes the end of those known that
// went with the person, or with a passkey.
func (s *Service) endAll(ctx context.Context, site *model.Site, e model.Ended) error {
	list, err := s.cfg.Store.Sessions(ctx, site.Realm.ID, e.IdentityID, e.At)
	if err != nil {
		return err
	}
	var errs []error
	for _, session := range list {
		switch {
		case e.PasskeyID == "" && session.EndedAt == 0 && session.AuthTime <= e.At:
			errs = append(errs, s.cfg.Sessions.End(ctx, site, session, "server"))
		case session.EndedAt == e.At && (e.PasskeyID == "" || session.OpenedBy(e.PasskeyID)):
			errs = append(errs, s.spread(ctx, site, model.Ended{SessionID: session.ID, IdentityID: e.IdentityID, At: e.At}))
		}
	}
	return errors.Join(errs...)
}

// spread ends what was given in a session, and has each application told that
// wants to be.
func (s *Service) spread(ctx context.Context, site *model.Site, e model.Ended) error {
	if err := s.cfg.Engine.EndGrants(ctx, site, e.SessionID); err != nil {
		return err
	}
	apps, err := s.applications(ctx, site, e.SessionID)
	if err != nil {
		return err
	}
	var fx model.Effects
	now := model.MillisOf(s.cfg.Now())
	for _, c := range apps {
		if c.Settings.BackchannelLogout != "" {
			one := e
			one.ClientID = c.ID
			fx.Tell(site.Realm.ID, one, now)
		}
	}
	if len(fx.Outbox) == 0 {
		return nil
	}
	if err := s.cfg.Store.Record(ctx, fx); err != nil {
		return fmt.Errorf("spread the end of session %s: %w", e.SessionID, err)
	}
	return nil
}

// tell sends one application a logout token, made anew for each try (Back-Channel
// Logout 1.0, Section 2.5). It answers with an error for as long as trying again
// may help.
func (s *Service) tell(ctx context.Context, site *model.Site, e model.Ended) error {
	client, err := s.cfg.Clients.Get(ctx, site, e.ClientID)
	if errors.Is(err, model.ErrNotFound) || err == nil && client.Settings.BackchannelLogout == "" {
		return notify.ErrMoot
	}
	if err != nil {
		return err
	}
	token, err := s.token(ctx, site, client, e)
	if err != nil {
		return err
	}
	form := url.Values{"logout_token": {token}}.Encode()
	_, err = s.cfg.Fetch.Post(ctx, client.Settings.BackchannelLogout,
		fetch.Message{Type: "application/x-www-form-urlencoded", Body: []byte(form)}, fetch.Limits{})
	failed, _ := errors.AsType[*fetch.Error](err)
	switch {
	case err == nil, failed != nil && failed.Kind == fetch.TooLarge: // it heard, and says a lot
		return nil
	case failed != nil && final(failed):
		return s.giveUp(ctx, site, e, err)
	default:
		return fmt.Errorf("tell %s: %w", e.ClientID, err)
	}
}

// final reports whether an application will not be told by trying again: it
// looked at the token and said no (Section 2.8), or its address is one that we do
// not go to.
func final(failed *fetch.Error) bool {
	return failed.Status == http.StatusBadRequest || failed.Kind == fetch.RefusedURL || failed.Kind == fetch.RefusedAddress
}

func (s *Service) giveUp(ctx context.Context, site *model.Site, e model.Ended, cause error) error {
	s.cfg.Log.WarnContext(ctx, "an application refuses to hear of a logout", "client", string(e.ClientID), "error", cause)
	data, err := json.Marshal(map[string]string{"session": string(e.SessionID), "error": cause.Error()})
	if err != nil {
		return err
	}
	return s.cfg.Store.Record(ctx, model.Effects{Events: []model.Event{{ID: model.EventID(ids.New("evt")),
		RealmID: site.Realm.ID, Type: "logout.refused", Actor: string(e.ClientID), Target: string(e.IdentityID),
		At: model.MillisOf(s.cfg.Now()), Data: data}}})
}

// tokenLife is short: a logout token is used at once (Section 2.4).
const tokenLife = 2 * time.Minute

// logoutClaims are those of a logout token (Section 2.4). There is no nonce.
type logoutClaims struct {
	Iss    string               `json:"iss"`
	Sub    string               `json:"sub"`
	Aud    string               `json:"aud"`
	Iat    int64                `json:"iat"`
	Exp    int64                `json:"exp"`
	JTI    string               `json:"jti"`
	SID    string               `json:"sid"`
	Events map[string]emptyJSON `json:"events"`
}

type emptyJSON struct{}

// logoutEvent names what happened; its value is an empty object.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

func (s *Service) token(ctx context.Context, site *model.Site, client *model.Client, e model.Ended) (string, error) {
	sub, err := s.cfg.Engine.Subject(ctx, site, &client.Settings, e.IdentityID)
	if err != nil {
		return "", err
	}
	sid, err := s.cfg.Engine.SessionName(ctx, site, &client.Settings, e.SessionID)
	if err != nil {
		return "", err
	}
	now := s.cfg.Now()
	claims, err := json.Marshal(logoutClaims{Iss: site.Issuer, Sub: sub, Aud: string(client.ID), Iat: now.Unix(),
		Exp: now.Add(tokenLife).Unix(), JTI: ids.New("lot"), SID: sid, Events: map[string]emptyJSON{logoutEvent: {}}})
	if err != nil {
		return "", fmt.Errorf("encode logout token: %w", err)
	}
	return s.cfg.Engine.SignLogout(ctx, site, &client.Settings, claims)
}
