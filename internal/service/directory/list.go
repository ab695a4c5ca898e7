package directory

import (
	"context"
	"fmt"

	"github.com/assent-id/assent/internal/model"
)

// PeopleStore keeps identities beyond the single one.
type PeopleStore interface {
	// People lists identities as the query says, ordered by id.
	People(context.Context, model.RealmID, PeopleQuery) ([]model.Identity, error)
	// StopAdmin is UpdateIdentity for one who manages the realm and will not any
	// more. ErrConflict also where they are the last.
	StopAdmin(context.Context, model.Identity, model.Effects) error
	// LastAdmin reports whether an identity has a passkey and no other identity of
	// the realm that is active and manages it has one.
	LastAdmin(context.Context, model.RealmID, model.IdentityID) (bool, error)
	// DeleteIdentity ends the sessions of a suspended identity and removes it with
	// all that is only there because of it; ErrConflict if it is another version by
	// now, or not suspended.
	DeleteIdentity(context.Context, Removal, model.Effects) error
	// RevokeBindingJobs takes all open links of an identity back.
	RevokeBindingJobs(context.Context, model.RealmID, model.IdentityID, model.Millis, model.Effects) error
}

// A Removal is an identity that goes.
type Removal struct {
	RealmID model.RealmID
	ID      model.IdentityID
	Version int64
	At      model.Millis
}

// A PeopleQuery selects people of a realm. What is empty selects everybody.
type PeopleQuery struct {
	Username   string // ignoring case, like Email
	Email      string
	ExternalID string
	Status     model.IdentityStatus
	NamePrefix string // how the display name begins, ignoring case
	GroupID    model.GroupID
	Admins     bool             // only who may manage the realm
	After      model.IdentityID // exclusive; empty: from the first
	Limit      int
}

// ListIdentities lists people in the order of their ids.
func (s *Service) ListIdentities(ctx context.Context, site *model.Site, q PeopleQuery) ([]model.Identity, error) {
	q.Username, q.Email, q.NamePrefix = model.FoldName(q.Username), model.FoldName(q.Email), model.FoldName(q.NamePrefix)
	list, err := s.store.People(ctx, site.Realm.ID, q)
	if err != nil {
		return nil, fmt.Errorf("list identities: %w", err)
	}
	return list, nil
}
