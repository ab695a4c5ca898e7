package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"
)

// digest names one jti of one client.
type digest = [sha256.Size]byte

// batchLimit is how many requests may share one commit.
const batchLimit = 256

// A claim is one request that wants to spend a digest.
type claim struct {
	digest  digest
	expires time.Time
	fresh   bool
	err     error
	done    chan struct{}
}

// A writer commits a batch durably in one transaction and sets fresh on the
// claims that were the first with their digest.
type writer interface {
	write(ctx context.Context, batch []*claim) error
	close()
}

// spent is the durable set of spent digests. Requests that come while a commit
// is under way share the next one (group commit).
type spent struct {
	claims chan *claim
	writer writer
	ended  chan struct{}
}

// openSpent opens the set in a SQLite file or a PostgreSQL database. With no
// database the server refuses assertions.
func openSpent(ctx context.Context, database string) (*spent, error) {
	s := &spent{claims: make(chan *claim, batchLimit), ended: make(chan struct{})}
	var err error
	switch {
	case database == "":
		close(s.ended)
		return s, nil
	case strings.HasPrefix(database, "postgres://"):
		s.writer, err = openPostgres(ctx, database)
	default:
		s.writer, err = openSQLite(ctx, database)
	}
	if err != nil {
		return nil, err
	}
	go s.loop()
	return s, nil
}

// spend says whether this call was the first with that digest. The answer is
// durable when it returns.
func (s *spent) spend(ctx context.Context, d digest, expires time.Time) (bool, error) {
	if s.writer == nil {
		return false, errors.New("no database")
	}
	c := &claim{digest: d, expires: expires, done: make(chan struct{})}
	s.claims <- c
	select {
	case <-c.done:
		return c.fresh, c.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// loop commits one batch after the other: everything that is waiting at the
// moment the last commit returned.
func (s *spent) loop() {
	defer close(s.ended)
	batch := make([]*claim, 0, batchLimit)
	for first := range s.claims {
		batch = append(batch[:0], first)
		for len(batch) < batchLimit && len(s.claims) > 0 {
			batch = append(batch, <-s.claims)
		}
		err := s.writer.write(context.Background(), batch)
		for _, c := range batch {
			c.err = err
			close(c.done)
		}
	}
}

func (s *spent) close() {
	close(s.claims)
	<-s.ended
	if s.writer != nil {
		s.writer.close()
	}
}
