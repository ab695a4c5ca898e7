package oauth

import (
	"context"
	"errors"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// A Reader is who reads the revocation feed.
type Reader struct {
	AccessToken
	// Disabled: the realm is disabled. The token is none any more but for hearing that:
	// until it expires, and unless more than the realm was stopped.
	Disabled bool
}

// Reader is [Engine.Use] for the revocation feed. When a realm is disabled, every
// token of it ends, also those with which resource servers could hear of it, and
// there are no new ones.
func (e *Engine) Reader(ctx context.Context, p Presented) (Reader, error) {
	t, err := e.Use(ctx, p)
	if !disabled(err) {
		return Reader{AccessToken: t}, err
	}
	if t, err = e.readToken(ctx, p.Site, p.Token); err != nil {
		return Reader{}, unusable(err)
	}
	client, err := e.standsDisabled(ctx, p.Site, &t)
	if err != nil {
		return Reader{}, err
	}
	return Reader{t, true}, e.checkBinding(ctx, p, client, t.Bound)
}

// StillReads lets a reader that was let through before go on. site is the realm as
// it is now.
func (e *Engine) StillReads(ctx context.Context, site *model.Site, r Reader) (Reader, error) {
	err := e.Still(ctx, site, r.AccessToken)
	if !disabled(err) {
		r.Disabled = false
		return r, err
	}
	r.Disabled = true
	_, err = e.standsDisabled(ctx, site, &r.AccessToken)
	return r, err
}

func disabled(err error) bool {
	why, refused := gate.Refused(err)
	return refused && why == gate.RealmDisabled
}

// standsDisabled is stands for a client's own token in a realm that is disabled.
func (e *Engine) standsDisabled(ctx context.Context, site *model.Site, t *AccessToken) (*model.Client, error) {
	if e.cfg.Now().Unix() >= t.ExpiresAt || t.Subject != string(t.ClientID) || len(t.Parents) > 0 {
		return nil, unusable(errNotOurs)
	}
	client, err := e.cfg.Clients.Get(ctx, site, t.ClientID)
	if err != nil {
		if errors.Is(err, model.ErrNotFound) {
			err = unusable(errors.Join(errNotOurs, err))
		}
		return nil, err
	}
	err = e.cfg.Gate.Check(ctx, gate.Use{Site: site, Application: &client.Application, Grant: t.GrantID, JTI: t.JTI,
		IssuedAt: gate.IssuedAt(t.JTI, t.IssuedAt), Disabled: true})
	return client, closed(err, InvalidGrant, tokenInvalid)
}
