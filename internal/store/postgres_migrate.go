package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3/lock"
)

// migrate brings the schema up to date. A table holds the lock, because not
// everything that speaks PostgreSQL's protocol has advisory locks.
func (p *pg) migrate(ctx context.Context) error {
	version, err := p.version(ctx)
	if err != nil {
		return err
	}
	if done, err := current(version); done || err != nil {
		return err
	}
	l, err := lock.NewPostgresTableLocker(lock.WithTableLogger(p.feed.logger),
		lock.WithTableLockTimeout(50*time.Millisecond, 1200),
		lock.WithTableUnlockTimeout(50*time.Millisecond, 200))
	if err != nil {
		return fmt.Errorf("make the migration lock: %w", err)
	}
	config := *p.config
	config.RuntimeParams = map[string]string{"application_name": "assent migrate"}
	db := stdlib.OpenDB(config)
	for range tries {
		if err = migrate(ctx, db, postgresDialect, l); !isSameTable(err) {
			break
		}
	}
	return errors.Join(err, db.Close())
}

// isSameTable reports that two processes made the table of the lock at the
// same instant, which IF NOT EXISTS does not prevent. One of them has it now.
func isSameTable(err error) bool {
	server, ok := isServerError(err)
	return ok && (server.Code == uniqueViolation || server.Code == duplicateTable)
}

func (p *pg) version(ctx context.Context) (int64, error) {
	got := rowsOf(row.int)
	err := p.read(ctx, step{sql: versionSQL, rows: got})
	if server, ok := isServerError(err); ok && server.Code == undefinedTable {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the schema version: %w", err)
	}
	return got.one()
}
