package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
)

// Departures ends what hangs on a person outside of the directory: what they were
// given, what they are asked, and the agents that act for them. It is called for
// people who are suspended, and may be called again.
type Departures interface {
	Leave(ctx context.Context, site *model.Site, id model.IdentityID, actor string) error
	// StopManaging ends what an admin let programs manage in their name, because
	// they are no admin any more. It may be called again.
	StopManaging(ctx context.Context, site *model.Site, id model.IdentityID, actor string) error
}

// DeleteIdentity removes a person with their passkeys, sessions, links, recovery
// codes, password, memberships, roles and consents. What they approved stays
// provable: evidence and the audit trail are kept. It returns [ErrChanged],
// [ErrLastAdmin] or model.ErrNotFound.
//
// The person is suspended first, which every node honours at once; then what hangs
// on them ends; then the rows go. Whoever is interrupted in between calls again.
func (s *Service) DeleteIdentity(ctx context.Context, site *model.Site, ref Ref[model.IdentityID]) error {
	stop := change{deed: s.deed(site, ref.Actor), id: ref.ID, version: ref.Version}
	stop.edit = func(i *model.Identity) error {
		i.Status, i.AdminSince = model.IdentitySuspended, 0
		return nil
	}
	person, err := s.change(ctx, stop)
	if err != nil {
		return err
	}
	if s.departures != nil {
		if err := s.departures.Leave(ctx, site, ref.ID, stop.actor); err != nil {
			return fmt.Errorf("end what hangs on identity %s: %w", ref.ID, err)
		}
	}
	for try := 1; ; try++ {
		err = s.remove(ctx, stop, person)
		if err == nil || try == changeTries || !errors.Is(err, model.ErrConflict) && !errors.Is(err, model.ErrNotFound) {
			return err
		}
		// Not found may also be something new that belongs to the person.
		if person, err = s.Identity(ctx, site, ref.ID); err != nil {
			return err
		}
	}
}

func (s *Service) remove(ctx context.Context, c change, person model.Identity) error {
	fx := model.Effects{
		Events:  []model.Event{c.event("identity.deleted", string(c.id), nil)},
		Changes: []model.Change{c.identityChange(c.id)},
	}
	if told := person.TokensInvalidBefore >= c.at; !told { // otherwise they were suspended just now, which tells it
		fx.Revocations = []model.Revocation{person.RevokeTokens(c.lever)}
		fx.Tell(c.site.Realm.ID, model.Ended{IdentityID: c.id, At: c.at}, c.at)
	}
	err := s.store.DeleteIdentity(ctx, Removal{RealmID: c.site.Realm.ID, ID: c.id, Version: person.Version, At: c.at}, fx)
	if err != nil {
		return fmt.Errorf("delete identity %s: %w", c.id, err)
	}
	return nil
}
