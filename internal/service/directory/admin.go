package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// SetAdmin lets a person manage the realm, or not any more. It returns
// [ErrChanged], [ErrLastAdmin] or model.ErrNotFound.
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
	return s.change(ctx, c)
}

const (
	// firstAdmin is the username of the person that a new server gets.
	firstAdmin = "admin"
	// adminLinkLife is how long the link of an admin works.
	adminLinkLife = 24 * time.Hour
)

// ErrNoAdmin: nobody manages the realm, and the name for the first who does is
// somebody else's.
var ErrNoAdmin = errors.New("nobody manages the realm, and the person named admin is no admin")

// FirstAdminLink is a new link for whoever manages the realm as long as nobody who
// does has a passkey; without a Link somebody has. Where nobody manages it at all,
// a person is made who does. It returns [ErrNoAdmin].
//
// A person who is there under that name already is not made an admin: whoever may
// create people must not become one by that.
func (s *Service) FirstAdminLink(ctx context.Context, site *model.Site) (Binding, error) {
	admins, err := s.ListIdentities(ctx, site, PeopleQuery{Admins: true, Status: model.IdentityActive, Limit: 1000})
	if err != nil {
		return Binding{}, err
	}
	for _, a := range admins {
		keys, err := s.Passkeys(ctx, site, a.ID)
		if err != nil || len(keys) > 0 {
			return Binding{}, err
		}
	}
	if len(admins) == 0 {
		admin, err := s.CreateIdentity(ctx, site, NewIdentity{DisplayName: "Admin", Admin: true, Traits: model.Traits{Username: firstAdmin}})
		if errors.Is(err, ErrUsernameTaken) {
			err = ErrNoAdmin
		}
		if err != nil {
			return Binding{}, err
		}
		admins = append(admins, admin)
	}
	return s.AdminLink(ctx, site, admins[0].ID)
}

// AdminLink is a new link for an admin, in place of all that were not used. Whoever
// opens it needs no earlier passkey: it is for those who lost theirs, too.
func (s *Service) AdminLink(ctx context.Context, site *model.Site, id model.IdentityID) (Binding, error) {
	d := s.deed(site, "")
	fx := model.Effects{Events: []model.Event{d.event("binding_job.revoked", string(id), map[string]string{"reason": "another link for an admin"})}}
	if err := s.store.RevokeBindingJobs(ctx, site.Realm.ID, id, d.at, fx); err != nil {
		return Binding{}, fmt.Errorf("take the links of %s back: %w", id, err)
	}
	return s.CreateBindingJob(ctx, site, NewBinding{IdentityID: id, Lifetime: adminLinkLife, Recovery: true})
}
