package keys

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// Algorithms every realm signs with. RSA comes last: its generation takes
// long, so it may be left to the background.
var Algorithms = []jose.Alg{jose.EdDSA, jose.ES256, jose.RS256, jose.PS256}

// Ensure makes the realm's first key of each algorithm that it lacks. Of two
// nodes at once, one makes it and both use it.
func (s *Service) Ensure(ctx context.Context, site *model.Site, algs ...jose.Alg) error {
	return s.ensure(ctx, site, server, algs)
}

// server does what nobody asks for.
const server = "server"

func (s *Service) ensure(ctx context.Context, site *model.Site, actor string, algs []jose.Alg) error {
	set, err := s.set(ctx, site)
	if err != nil {
		return err
	}
	for _, alg := range algs {
		if set.active[alg] != nil {
			continue
		}
		if err := s.insert(ctx, turn{site, alg, actor}, model.SigningActive); err != nil {
			return err
		}
	}
	return nil
}

// A turn of a realm's keys of one algorithm.
type turn struct {
	site  *model.Site
	alg   jose.Alg
	actor string // who wants it
}

func (s *Service) insert(ctx context.Context, t turn, state model.SigningKeyState) error {
	k, err := s.generate(t.site.Realm.ID, t.alg, state)
	if err != nil {
		return err
	}
	err = s.cfg.Store.InsertSigningKey(ctx, k, effects(k, "signing_key.created", t.actor, k.CreatedAt))
	s.cache.Forget(string(t.site.Realm.ID))
	if errors.Is(err, model.ErrConflict) { // another node was first: its key serves
		return nil
	}
	if err != nil {
		return fmt.Errorf("store %s key: %w", t.alg, err)
	}
	return nil
}

// Prepare publishes the next key of an algorithm, if none is prepared.
func (s *Service) Prepare(ctx context.Context, site *model.Site, alg jose.Alg) error {
	return s.prepare(ctx, turn{site, alg, server})
}

func (s *Service) prepare(ctx context.Context, t turn) error {
	set, err := s.set(ctx, t.site)
	if err != nil {
		return err
	}
	if next(set, t.alg) != nil {
		return nil
	}
	return s.insert(ctx, t, model.SigningNext)
}

// Activate makes the prepared key sign now. The one that signed until now
// stays published until the last token it may have signed has expired.
func (s *Service) Activate(ctx context.Context, site *model.Site, alg jose.Alg) error {
	return s.activate(ctx, turn{site, alg, server})
}

func (s *Service) activate(ctx context.Context, t turn) error {
	set, err := s.set(ctx, t.site)
	if err != nil {
		return err
	}
	k := next(set, t.alg)
	if k == nil {
		return fmt.Errorf("next %s key: %w", t.alg, model.ErrNotFound)
	}
	if _, err := s.open(*k); err != nil { // better the old key than none
		return fmt.Errorf("next %s key %s: %w", t.alg, k.KID, err)
	}
	now := model.MillisOf(s.cfg.Now())
	err = s.cfg.Store.ActivateSigningKey(ctx, *k, now, now.Add(s.cfg.LongestToken), effects(*k, "signing_key.activated", t.actor, now))
	s.cache.Forget(string(t.site.Realm.ID))
	if errors.Is(err, model.ErrConflict) { // another node was first
		return nil
	}
	if err != nil {
		return fmt.Errorf("activate key %s: %w", k.KID, err)
	}
	return nil
}

func next(set *keySet, alg jose.Alg) *model.SigningKey {
	for i := range set.rows {
		if k := &set.rows[i]; k.Alg == string(alg) && k.State == model.SigningNext {
			return k
		}
	}
	return nil
}

// Maintain does what the calendar asks: makes missing keys, prepares a
// successor for keys past their lifetime, and activates successors that have
// been published long enough. Any node may call it at any time.
func (s *Service) Maintain(ctx context.Context, site *model.Site) error {
	if err := s.Ensure(ctx, site, Algorithms...); err != nil {
		return err
	}
	set, err := s.set(ctx, site)
	if err != nil {
		return err
	}
	now := model.MillisOf(s.cfg.Now())
	for _, k := range set.rows {
		switch {
		case k.State == model.SigningActive && now >= k.ActivatedAt.Add(s.cfg.Lifetime):
			err = s.Prepare(ctx, site, jose.Alg(k.Alg))
		case k.State == model.SigningNext && now >= k.CreatedAt.Add(s.cfg.PublishAhead):
			err = s.Activate(ctx, site, jose.Alg(k.Alg))
			if errors.Is(err, model.ErrNotFound) {
				err = nil // another node was first
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// RotateNow makes new keys of the algorithms, which sign from now on; none named
// means all. The old ones stay published for as long as their tokens live. Clients
// that keep the key set for a while meet a `kid` that they do not know and read it
// again (OpenID Connect Core 1.0, Section 10.1.1); where time allows, let
// [Service.Maintain] publish the next key first. actor is who asks for it.
func (s *Service) RotateNow(ctx context.Context, site *model.Site, actor string, algs ...jose.Alg) error {
	if len(algs) == 0 {
		algs = Algorithms
	}
	if err := s.ensure(ctx, site, actor, algs); err != nil {
		return err
	}
	for _, alg := range algs {
		t := turn{site, alg, actor}
		if err := s.prepare(ctx, t); err != nil {
			return err
		}
		if err := s.activate(ctx, t); err != nil && !errors.Is(err, model.ErrNotFound) {
			return err // not found: another node was first
		}
	}
	return nil
}
