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
	clock := time.Now
	if s.cfg.Now != nil {
		clock = s.cfg.Now
	}
	now := model.MillisOf(clock())
	fx := model.Effects{Events: []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: site.Realm.ID, Type: "identity.grants_revoked",
		Actor: actor, Target: string(id), At: now}}}
	q := oauth.GrantQuery{RealmID: site.Realm.ID, IdentityID: id, At: now, Until: now.Add(revocationsKept)}
	if _, err := s.store.RevokeGrants(ctx, q, fx); err != nil {
		return fmt.Errorf("revoke grants: %w", err)
	}
	if err := s.Approvals.WithdrawAll(ctx, site, id, actor); err != nil {
		return fmt.Errorf("withdraw approvals: %w", err)
	}
	if err := s.Applications.FreezeOf(ctx, site, id, actor); err != nil {
		return fmt.Errorf("freeze agents: %w", err)
	}
	return nil
}
