package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
)

// ErrHint: what should be an ID token of this realm is none.
var ErrHint = errors.New("not an ID token of this realm")

// An IDTokenHint is what an ID token of ours says of whom it was for.
type IDTokenHint struct {
	Client  model.ClientID
	Subject string // as the client knows the person
}

// Hint reads an ID token that this realm signed, of whatever age (OpenID Connect
// RP-Initiated Logout 1.0, Section 4: an expired one is a hint all the same). Its
// signature is checked with the keys that are published, retired ones too.
func (e *Engine) Hint(ctx context.Context, site *model.Site, raw string) (IDTokenHint, error) {
	v, err := e.cfg.Keys.Verify(ctx, site, raw)
	if unverified(err) {
		return IDTokenHint{}, fmt.Errorf("%w: %w", ErrHint, err)
	}
	if err != nil {
		return IDTokenHint{}, err
	}
	var c struct{ Iss, Sub, Aud string }
	if err := json.Unmarshal(v.Payload, &c); err != nil {
		return IDTokenHint{}, fmt.Errorf("%w: %w", ErrHint, err)
	}
	if v.Header.Typ != "JWT" || c.Iss != site.Issuer || c.Aud == "" || c.Sub == "" {
		return IDTokenHint{}, ErrHint
	}
	return IDTokenHint{Client: model.ClientID(c.Aud), Subject: c.Sub}, nil
}

// Subject is the `sub` under which an application knows an identity.
func (e *Engine) Subject(ctx context.Context, site *model.Site, s *model.ApplicationSettings, id model.IdentityID) (string, error) {
	return e.subject(ctx, site, s, id)
}

// SessionName is the `sid` under which an application knows a session.
func (e *Engine) SessionName(ctx context.Context, site *model.Site, s *model.ApplicationSettings, id model.SessionID) (string, error) {
	return e.sessionName(ctx, site, s, id)
}

// SignLogout signs a logout token as the application's ID tokens are signed
// (OpenID Connect Back-Channel Logout 1.0, Section 2.4).
func (e *Engine) SignLogout(ctx context.Context, site *model.Site, s *model.ApplicationSettings, claims []byte) (string, error) {
	compact, err := e.cfg.Keys.Sign(ctx, site, tokenAlg(s.IDTokenAlg), "logout+jwt", claims)
	if err != nil {
		return "", fmt.Errorf("sign logout token: %w", err)
	}
	return compact, nil
}

// EndGrants revokes what was given to last as long as a session. Doing it again
// changes nothing.
func (e *Engine) EndGrants(ctx context.Context, site *model.Site, id model.SessionID) error {
	now := model.MillisOf(e.cfg.Now())
	q := GrantQuery{RealmID: site.Realm.ID, SessionID: id, At: now, Until: e.keptUntil(now)}
	if _, err := e.cfg.Store.RevokeGrants(ctx, q, model.Effects{}); err != nil {
		return fmt.Errorf("end the grants of session %s: %w", id, err)
	}
	return nil
}
