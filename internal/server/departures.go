package server

import (
	"context"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// departures ends what hangs on people who go.
type departures struct{ server *Server }

// Leave implements directory.Departures.
func (d departures) Leave(ctx context.Context, site *model.Site, id model.IdentityID, actor string) error {
	s := d.server
	if err := d.revoke(ctx, oauth.GrantQuery{RealmID: site.Realm.ID, IdentityID: id}, "identity.grants_revoked", actor); err != nil {
		return err
	}
	if err := s.Approvals.WithdrawAll(ctx, site, id, actor); err != nil {
		return fmt.Errorf("withdraw approvals: %w", err)
	}
	if err := s.Applications.FreezeOf(ctx, site, id, actor); err != nil {
		return fmt.Errorf("freeze agents: %w", err)
	}
	return nil
}

// StopManaging implements directory.Departures.
func (d departures) StopManaging(ctx context.Context, site *model.Site, id model.IdentityID, actor string) error {
	q := oauth.GrantQuery{RealmID: site.Realm.ID, IdentityID: id, ApplicationID: model.AdminApplication}
	return d.revoke(ctx, q, "admin.grants_revoked", actor)
}

// revoke ends the grants that q means, all of them of one person.
func (d departures) revoke(ctx context.Context, q oauth.GrantQuery, event, actor string) error {
	clock := time.Now
	if d.server.cfg.Now != nil {
		clock = d.server.cfg.Now
	}
	q.At = model.MillisOf(clock())
	q.Until = q.At.Add(revocationsKept)
	fx := model.Effects{Events: []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: q.RealmID, Type: event,
		Actor: actor, Target: string(q.IdentityID), At: q.At}}}
	if _, err := d.server.store.RevokeGrants(ctx, q, fx); err != nil {
		return fmt.Errorf("revoke grants: %w", err)
	}
	return nil
}
