package store

import (
	"context"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// sessionKept is how long a session stays past its end: longer than anything
// takes that began in it.
const sessionKept = 24 * time.Hour

const (
	oldSessionsSQL = `
SELECT realm_id, id FROM session WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2`
	deleteSessionApplicationsSQL = `DELETE FROM session_application WHERE realm_id = $1 AND session_id = $2`
	deleteSessionSQL             = `DELETE FROM session WHERE realm_id = $1 AND id = $2 AND expires_at <= $3`
)

// sweepSessions deletes sessions that are past the end that they had from the
// start, with what is noted of them.
func (s *Store) sweepSessions(ctx context.Context, until model.Millis) error {
	scan := func(r row) [2]string { return [2]string{r.text(), r.text()} }
	for {
		old, err := readAll(ctx, s, scan, oldSessionsSQL, until, sweepBatch)
		if err != nil || len(old) == 0 {
			return err
		}
		u := unit{alone: true}
		for _, o := range old {
			u.do(deleteSessionApplicationsSQL, o[0], o[1])
			u.do(deleteSessionSQL, o[0], o[1], until)
		}
		if err := s.db.write(ctx, &u); err != nil || len(old) < sweepBatch {
			return err
		}
	}
}
