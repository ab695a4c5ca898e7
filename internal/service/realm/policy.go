package realm

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// ChangePolicy writes what change makes of the policy of a realm. It may be called
// more than once, each time with the policy as it stands then.
func (s *Service) ChangePolicy(ctx context.Context, id model.RealmID, change func(*model.RealmPolicy), actor string) error {
	return s.update(ctx, id, func(r *model.Realm, now model.Millis) model.Effects {
		host, was := r.Policy.Host, cloneResources(r.Policy.Resources)
		change(&r.Policy)
		settle(was, &r.Policy, now)
		r.Policy.Host = host // issuers, passkeys and evidence name it
		return effects(id, "realm.policy_changed", actor, now)
	})
}
