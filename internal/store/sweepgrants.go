package store

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/model"
)

const (
	// grantKept is how long a grant stays past its end: what is asked of its
	// tokens then has a row to be answered from.
	grantKept = 24 * time.Hour
	// grantSteps bounds the batches of grants that one sweep looks at.
	grantSteps = 20
)

const (
	grantsFirstSQL = `
SELECT realm_id, id, expires_at, revoked_at FROM access_grant ORDER BY realm_id, id LIMIT $1`
	grantsNextSQL = `
SELECT realm_id, id, expires_at, revoked_at FROM access_grant
WHERE (realm_id, id) > ($1, $2) ORDER BY realm_id, id LIMIT $3`

	// A parent stays for as long as a child, which is found through it when what
	// is above both is revoked.
	deleteGrantSQL = `
DELETE FROM access_grant WHERE realm_id = $1 AND id = $2
AND (expires_at <= $3 OR revoked_at > 0 AND revoked_at <= $3)
AND NOT EXISTS (SELECT 1 FROM access_grant child
  WHERE child.realm_id = $1 AND child.parent_id = $2 AND child.parent_id <> '')`
)

// A grantSweep is how far the table of grants was walked through. No index
// says which of them ended: their end moves with every use of a refresh token,
// and each move would cost what the walk saves. So a sweep looks at a part of
// the table, and the next goes on from there.
type grantSweep struct {
	mu        sync.Mutex
	realm, id string // of the last grant looked at; empty: from the start
}

// A grantEnd is a grant as the sweeper sees it.
type grantEnd struct {
	realm, id        string
	expires, revoked model.Millis
}

func (g *grantEnd) over(until model.Millis) bool {
	return g.expires <= until || g.revoked > 0 && g.revoked <= until
}

// sweepGrants deletes grants that ended at until or before.
func (s *Store) sweepGrants(ctx context.Context, until model.Millis) error {
	s.grants.mu.Lock()
	defer s.grants.mu.Unlock()
	scan := func(r row) grantEnd { return grantEnd{r.text(), r.text(), millis(r), millis(r)} }
	for range grantSteps {
		sql, args := grantsFirstSQL, []any{sweepBatch}
		if s.grants.id != "" {
			sql, args = grantsNextSQL, []any{s.grants.realm, s.grants.id, sweepBatch}
		}
		rows, err := readAll(ctx, s, scan, sql, args...)
		if err != nil {
			return err
		}
		if len(rows) < sweepBatch { // the next sweep begins again
			s.grants.realm, s.grants.id = "", ""
			return s.deleteGrants(ctx, rows, until)
		}
		last := rows[len(rows)-1]
		s.grants.realm, s.grants.id = last.realm, last.id
		if err := s.deleteGrants(ctx, rows, until); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) deleteGrants(ctx context.Context, rows []grantEnd, until model.Millis) error {
	u := unit{alone: true}
	// In the order of locks.
	slices.SortFunc(rows, func(a, b grantEnd) int { return strings.Compare(a.id, b.id) })
	for i := range rows {
		if g := &rows[i]; g.over(until) {
			u.do(deleteGrantSQL, g.realm, g.id, until)
			u.locks(lockGrant, g.id)
		}
	}
	if len(u.steps) == 0 {
		return nil
	}
	return s.db.write(ctx, &u)
}
