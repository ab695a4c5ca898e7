package signin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/assent-id/assent/internal/model"
)

// Sessions lists the sessions of a person that live, newest first:
// model.ErrNotFound for an unknown person.
func (s *Service) Sessions(ctx context.Context, site *model.Site, identity model.IdentityID) ([]model.Session, error) {
	who, err := s.store.Identity(ctx, site.Realm.ID, identity)
	if err != nil {
		return nil, fmt.Errorf("find identity %s: %w", identity, err)
	}
	now := s.now()
	list, err := s.store.Sessions(ctx, site.Realm.ID, identity, now)
	if err != nil {
		return nil, err
	}
	dead := func(l model.Session) bool { return !l.Alive(now) || s.goesOn(ctx, site, l, who) != nil }
	list = slices.DeleteFunc(list, dead)
	slices.Reverse(list) // the store has the oldest first
	return list, nil
}

// EndOne ends one session of a person, and has the applications told that were
// used in it. One that is not alive, or not this person's, is model.ErrNotFound.
// actor is who does it.
func (s *Service) EndOne(ctx context.Context, site *model.Site, identity model.IdentityID, id model.SessionID, actor string) error {
	list, err := s.open(ctx, site, identity)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(l model.Session) bool { return l.ID == id })
	if i < 0 {
		return fmt.Errorf("session %s of identity %s: %w", id, identity, model.ErrNotFound)
	}
	return s.End(ctx, site, list[i], actor)
}

// EndAll ends every session of a person but one (empty: every one), as EndOne
// does, and reports how many. What cannot be ended is in the error, after all
// others were.
func (s *Service) EndAll(ctx context.Context, site *model.Site, identity model.IdentityID, actor string, except model.SessionID) (int, error) {
	list, err := s.open(ctx, site, identity)
	if err != nil {
		return 0, err
	}
	ended := 0
	var failed []error
	for _, l := range list {
		if l.ID == except {
			continue
		}
		if err := s.End(ctx, site, l, actor); err != nil {
			failed = append(failed, err)
			continue
		}
		ended++
	}
	return ended, errors.Join(failed...)
}

// open are the sessions of a person that can be ended: also those that open
// nothing now, such as a suspended person's.
func (s *Service) open(ctx context.Context, site *model.Site, identity model.IdentityID) ([]model.Session, error) {
	if _, err := s.store.Identity(ctx, site.Realm.ID, identity); err != nil {
		return nil, fmt.Errorf("find identity %s: %w", identity, err)
	}
	now := s.now()
	list, err := s.store.Sessions(ctx, site.Realm.ID, identity, now)
	return slices.DeleteFunc(list, func(l model.Session) bool { return !l.Alive(now) }), err
}
