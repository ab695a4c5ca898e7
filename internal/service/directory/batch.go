package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
)

// MaxBatch is how many jobs one call makes at most.
const MaxBatch = 1000

// batchUnit is how many jobs share a transaction: few enough that others get their
// turn in between.
const batchUnit = 250

// ErrDuplicate: the person gets a link by this batch already.
var ErrDuplicate = errors.New("person is in this batch twice")

// A BindingResult is what became of one job of a batch: Err, or else the Binding.
type BindingResult struct {
	Binding
	Err error
}

// CreateBindingJobs makes many links. Each succeeds or fails by itself, with the
// errors of [Service.CreateBindingJob] and [ErrDuplicate]; the results are in the
// order of the request.
func (s *Service) CreateBindingJobs(ctx context.Context, site *model.Site, list []NewBinding) []BindingResult {
	results := make([]BindingResult, len(list))
	people, err := s.batchPeople(ctx, site, list)
	made, seen := make([]inviting, len(list)), make(map[model.IdentityID]bool, len(list))
	for i, n := range list {
		identity, known := people[n.IdentityID]
		switch {
		case err != nil:
			results[i].Err = err
		case !known:
			results[i].Err = fmt.Errorf("find identity %s: %w", n.IdentityID, model.ErrNotFound)
		case seen[n.IdentityID]:
			results[i].Err = fmt.Errorf("invite %s: %w", n.IdentityID, ErrDuplicate)
		default:
			made[i], results[i].Err = s.batchOne(ctx, site, n, identity)
			seen[n.IdentityID] = results[i].Err == nil
		}
	}
	s.writeBatch(ctx, site, made, results)
	return results
}

// batchPeople finds whoever there is of a batch.
func (s *Service) batchPeople(ctx context.Context, site *model.Site, list []NewBinding) (map[model.IdentityID]model.Identity, error) {
	wanted := make([]model.IdentityID, len(list))
	for i, n := range list {
		wanted[i] = n.IdentityID
	}
	found, err := s.store.IdentitiesByID(ctx, site.Realm.ID, wanted)
	if err != nil {
		return nil, fmt.Errorf("find the people of a batch: %w", err)
	}
	people := make(map[model.IdentityID]model.Identity, len(found))
	for _, i := range found {
		people[i.ID] = i
	}
	return people, nil
}

func (s *Service) batchOne(ctx context.Context, site *model.Site, n NewBinding, identity model.Identity) (inviting, error) {
	d := s.deed(site, n.Actor)
	n, err := s.checkedBinding(ctx, d, n)
	if err != nil {
		return inviting{}, err
	}
	return s.invitation(d, n, identity)
}

// writeBatch writes what is good in a few transactions, and fills the results in.
func (s *Service) writeBatch(ctx context.Context, site *model.Site, made []inviting, results []BindingResult) {
	for from := 0; from < len(made); from += batchUnit {
		to := min(from+batchUnit, len(made))
		err := s.writeSome(ctx, made[from:to], results[from:to])
		for i := from; i < to; i++ {
			if results[i].Err != nil {
				continue
			}
			results[i].Binding, results[i].Err = made[i].Binding, err
			if errors.Is(err, model.ErrNotFound) {
				// Somebody of these was deleted meanwhile, and takes nobody along.
				results[i].Err = s.store.CreateBindingJob(ctx, made[i].Job, made[i].effects)
			}
			if results[i].Err != nil {
				results[i].Binding = Binding{}
				results[i].Err = fmt.Errorf("create binding job of realm %s: %w", site.Realm.ID, results[i].Err)
			}
		}
	}
}

// writeSome writes all of these, or nothing. One line in the feed tells of all
// that is to be sent.
func (s *Service) writeSome(ctx context.Context, made []inviting, results []BindingResult) error {
	var jobs []model.BindingJob
	var fx model.Effects
	for i, w := range made {
		if results[i].Err != nil {
			continue
		}
		jobs = append(jobs, w.Job)
		fx.Events, fx.Outbox = append(fx.Events, w.effects.Events...), append(fx.Outbox, w.effects.Outbox...)
		if len(fx.Changes) == 0 {
			fx.Changes = w.effects.Changes
		}
	}
	if len(jobs) == 0 {
		return nil
	}
	return s.store.CreateBindingJobs(ctx, jobs, fx)
}
