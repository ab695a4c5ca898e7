package store

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

const (
	manyGrants = `SELECT ` + grantColumns + ` FROM access_grant WHERE realm_id = $1 AND `

	grantsOfSessionSQL     = manyGrants + `session_id = $2 AND session_id <> ''`
	grantsOfApplicationSQL = manyGrants + `application_id = $2`
	grantsOfBothSQL        = manyGrants + `application_id = $2 AND identity_id = $3`
	grantsOfIdentitySQL    = manyGrants + `identity_id = $2 AND identity_id <> ''`
	childrenSQL            = manyGrants + `parent_id = $2 AND parent_id <> ''`
)

const (
	// revokeRounds bounds how often the grants that are left are read again.
	// Each round leaves only what others added or revoked while it ran.
	revokeRounds = 50
	// revokeBatch is how many grants go in one transaction, and of how many the
	// children are asked for at once.
	revokeBatch = 100
)

// RevokeGrants implements the OAuth service's store. It reads what is alive
// and revokes it where it still is, until nothing is left: a grant that was
// opened meanwhile under one of them is found by the next reading, and under a
// revoked one none can be opened.
func (s *Store) RevokeGrants(ctx context.Context, q oauth.GrantQuery, fx model.Effects) ([]model.Grant, error) {
	var gone []model.Grant
	for range revokeRounds {
		live, err := s.liveGrants(ctx, &q)
		if err != nil || len(live) == 0 {
			return gone, wrap(err, "find the grants to revoke in realm", q.RealmID)
		}
		for batch := range slices.Chunk(live, revokeBatch) {
			switch err := s.revokeAll(ctx, &q, batch, fx); {
			case err == nil:
				gone = append(gone, batch...)
				fx = model.Effects{} // once for all of them
			case !errors.Is(err, errRevokedAlready):
				return gone, wrap(err, "revoke grants of realm", q.RealmID)
			}
		}
	}
	return gone, wrap(model.ErrUnavailable, "revoke grants of realm", q.RealmID)
}

// liveGrants finds the grants that a query means and those that descend from
// them, generation by generation: a recursive statement would have one plan for
// a family of two and for a realm of a million, and the wrong one for one of
// them. Children are looked for under revoked grants too: one may be there whose
// parent was just revoked. A parent that is read as revoked gets no more
// children, so the reading that follows finds all that it has.
func (s *Store) liveGrants(ctx context.Context, q *oauth.GrantQuery) (live []model.Grant, err error) {
	roots, err := rootOf(q)
	if err != nil {
		return nil, err
	}
	seen := make(map[model.GrantID]bool)
	for generation := []step{roots}; len(generation) > 0; {
		grants, err := s.readGrants(ctx, generation)
		if err != nil {
			return nil, err
		}
		generation = nil
		for _, g := range grants {
			if seen[g.ID] {
				continue
			}
			seen[g.ID] = true
			if q.ParentID != "" && g.ParentID == q.ParentID && g.CreatedAt > q.OpenedBy {
				continue
			}
			generation = append(generation, step{sql: childrenSQL, args: []any{q.RealmID, string(g.ID)}})
			if g.RevokedAt == 0 {
				live = append(live, g)
			}
		}
	}
	// In the order of locks.
	slices.SortFunc(live, func(a, b model.Grant) int { return cmp.Compare(a.ID, b.ID) })
	return live, nil
}

// readGrants runs statements that each find some.
func (s *Store) readGrants(ctx context.Context, steps []step) (all []model.Grant, err error) {
	var bad error
	for some := range slices.Chunk(steps, revokeBatch) {
		found := make([]*list[model.Grant], len(some))
		for i := range some {
			found[i] = rowsOf(scanGrant(&bad))
			some[i].rows = found[i]
		}
		if err := s.db.read(ctx, some...); err != nil || bad != nil {
			return nil, first(err, bad)
		}
		for _, f := range found {
			all = append(all, f.got...)
		}
	}
	return all, nil
}

// takeGrantSQL changes nothing, but takes the row, if there is one.
const takeGrantSQL = `UPDATE access_grant SET revoked_at = revoked_at WHERE realm_id = $1 AND id = $2`

// RevokeGrantTokens implements the OAuth service's store.
func (s *Store) RevokeGrantTokens(ctx context.Context, r model.Revocation, fx model.Effects) error {
	var u unit
	u.expect(model.ErrNotFound, takeGrantSQL, r.RealmID, r.Key)
	u.locks(lockGrant, r.Key)
	u.expect(model.ErrConflict, revokeSQL, r.RealmID, string(model.RevokeGrantTokens), r.Key, r.Before, r.ExpiresAt, r.At)
	fx.Changes = append(slices.Clip(fx.Changes), model.Change{ID: ids.New("chg"), Topic: model.TopicRevocation, Key: r.Key, At: r.At})
	return wrap(s.write(ctx, &u, fx), "revoke the access tokens of grant", r.Key)
}

var errNoGrants = errors.New("the query names neither a grant nor a session nor anybody")

func rootOf(q *oauth.GrantQuery) (step, error) {
	switch {
	case q.ID != "":
		return step{sql: grantSQL, args: []any{q.RealmID, string(q.ID)}}, nil
	case q.ParentID != "":
		return step{sql: childrenSQL, args: []any{q.RealmID, string(q.ParentID)}}, nil
	case q.SessionID != "":
		return step{sql: grantsOfSessionSQL, args: []any{q.RealmID, string(q.SessionID)}}, nil
	case q.ApplicationID == "" && q.IdentityID != "":
		return step{sql: grantsOfIdentitySQL, args: []any{q.RealmID, q.IdentityID}}, nil
	case q.ApplicationID == "":
		return step{}, errNoGrants
	case q.IdentityID != "":
		return step{sql: grantsOfBothSQL, args: []any{q.RealmID, q.ApplicationID, q.IdentityID}}, nil
	default:
		return step{sql: grantsOfApplicationSQL, args: []any{q.RealmID, q.ApplicationID}}, nil
	}
}

// revokeAll revokes all of them or, if one is not alive any more, none:
// errRevokedAlready. It marks them as revoked.
func (s *Store) revokeAll(ctx context.Context, q *oauth.GrantQuery, grants []model.Grant, fx model.Effects) error {
	var u unit
	fx.Changes = slices.Clip(fx.Changes)
	for i := range grants {
		id := string(grants[i].ID)
		u.do(revokeSQL, q.RealmID, string(model.RevokeGrant), id, q.At, q.Until, q.At)
		u.locks(lockRow, id)
		fx.Changes = append(fx.Changes, model.Change{ID: ids.New("chg"), Topic: model.TopicRevocation, Key: id, At: q.At})
	}
	for i := range grants {
		u.expect(errRevokedAlready, revokeGrantSQL, q.RealmID, string(grants[i].ID), q.At)
		u.locks(lockGrant, string(grants[i].ID))
		grants[i].RevokedAt = q.At
	}
	return s.write(ctx, &u, fx)
}
