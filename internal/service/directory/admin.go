package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// SetAdmin lets a person manage the realm, or not any more: then what they let
// programs manage in their name ends too. Whoever is interrupted in between calls
// again. It returns [ErrChanged], [ErrLastAdmin] or model.ErrNotFound.
func (s *Service) SetAdmin(ctx context.Context, site *model.Site, ref Ref[model.IdentityID], admin bool) (model.Identity, error) {
	c := change{deed: s.deed(site, ref.Actor), id: ref.ID, version: ref.Version}
	c.edit = func(i *model.Identity) error {
		switch {
		case !admin:
			i.AdminSince = 0
		case i.AdminSince == 0:
			i.AdminSince = c.at
		}
		return nil
	}
	person, err := s.change(ctx, c)
	if err != nil || admin || s.departures == nil {
		return person, err
	}
	if err := s.departures.StopManaging(ctx, site, ref.ID, c.actor); err != nil {
		return person, fmt.Errorf("end what %s let programs manage: %w", ref.ID, err)
	}
	return person, nil
}

const (
	// firstAdmin is the username of the person that a new server gets.
	firstAdmin = "admin"
	// adminLinkLife is how long the link of an admin works.
	adminLinkLife = 24 * time.Hour
)

var (
	// ErrNoAdmin: nobody manages the realm, and the name for the first who does is
	// somebody else's.
	ErrNoAdmin = errors.New("nobody manages the realm, and the person named admin is no admin")
	// ErrAdminsLost: whoever manages the realm had passkeys, and all are revoked.
	ErrAdminsLost = errors.New("every passkey of who manages the realm was revoked")
)

// FirstAdminLink is a new link for whoever manages the realm as long as nobody who
// does has a passkey; without a Link somebody has. Where nobody manages it at all,
// a person is made who does. The link is for somebody who never had a passkey: it
// is no way around those that there were. It returns [ErrNoAdmin] or [ErrAdminsLost].
//
// A person who is there under that name already is not made an admin: whoever may
// create people must not become one by that.
func (s *Service) FirstAdminLink(ctx context.Context, site *model.Site) (Binding, error) {
	admins, err := s.ListIdentities(ctx, site, PeopleQuery{Admins: true, Status: model.IdentityActive, Limit: 1000})
	if err != nil {
		return Binding{}, err
	}
	var fresh []model.IdentityID
	for _, a := range admins {
		keys, err := s.store.Passkeys(ctx, site.Realm.ID, a.ID)
		if err != nil || len(living(keys)) > 0 {
			return Binding{}, err
		}
		if len(keys) == 0 {
			fresh = append(fresh, a.ID)
		}
	}
	switch {
	case len(fresh) > 0:
		return s.adminLink(ctx, site, fresh[0], false)
	case len(admins) > 0:
		return Binding{}, ErrAdminsLost
	}
	admin, err := s.CreateIdentity(ctx, site, NewIdentity{DisplayName: "Admin", Admin: true, Traits: model.Traits{Username: firstAdmin}})
	if errors.Is(err, ErrUsernameTaken) {
		err = ErrNoAdmin
	}
	if err != nil {
		return Binding{}, err
	}
	return s.adminLink(ctx, site, admin.ID, false)
}

// AdminLink is a new link for an admin, in place of all that were not used. For whoever
// has or had a passkey it is for recovery, as the job says: whoever opens it needs no
// earlier passkey.
func (s *Service) AdminLink(ctx context.Context, site *model.Site, id model.IdentityID) (Binding, error) {
	had, err := s.HadPasskey(ctx, site, id)
	if err != nil {
		return Binding{}, err
	}
	return s.adminLink(ctx, site, id, had)
}

func (s *Service) adminLink(ctx context.Context, site *model.Site, id model.IdentityID, recovery bool) (Binding, error) {
	d := s.deed(site, "")
	fx := model.Effects{Events: []model.Event{d.event("binding_job.revoked", string(id), map[string]string{"reason": "another link for an admin"})}}
	if err := s.store.RevokeBindingJobs(ctx, site.Realm.ID, id, d.at, fx); err != nil {
		return Binding{}, fmt.Errorf("take the links of %s back: %w", id, err)
	}
	return s.CreateBindingJob(ctx, site, NewBinding{IdentityID: id, Lifetime: adminLinkLife, Recovery: recovery})
}
