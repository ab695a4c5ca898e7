package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// migrateSQLite brings the file's schema up to date.
func migrateSQLite(ctx context.Context, conn *liteConn, path string) error {
	version, err := liteVersion(conn)
	if err != nil {
		return err
	}
	if done, err := current(version); done || err != nil {
		return err
	}
	db, err := sql.Open("sqlite", writerDSN(path)+"&_txlock=immediate")
	if err != nil {
		return fmt.Errorf("open %s to migrate: %w", path, err)
	}
	defer db.Close()
	l := &fileLock{path: path + ".migrating"}
	if err := migrate(ctx, db, sqliteDialect, l); err != nil {
		return err
	}
	// Whoever still waits for the lock, or makes a new one, finds nothing to do.
	if err := os.Remove(l.path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func liteVersion(conn *liteConn) (int64, error) {
	got := rowsOf(row.int)
	err := conn.query(got, versionSQL)
	if err != nil && strings.Contains(err.Error(), "no such table") {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read the schema version: %w", err)
	}
	return got.one()
}

// lockTries is how often a lock is tried, each time for [waitTimeout].
const lockTries = 12

// A fileLock is a lock between processes: the write lock of an SQLite file of
// its own, because the file to be migrated is busy being migrated. The
// operating system lets go of it when its holder dies.
type fileLock struct {
	path string
	conn *liteConn
}

// Lock implements [lock.Locker].
func (l *fileLock) Lock(ctx context.Context, _ *sql.DB) (err error) {
	for range lockTries {
		if l.conn, err = dialSQLite(liteDSN(l.path)); err != nil {
			return err
		}
		if _, err = l.conn.exec("BEGIN EXCLUSIVE"); err == nil {
			return nil
		}
		// Busy for long, or its holder is done and has removed the file.
		err = errors.Join(err, l.conn.close())
		if ctx.Err() != nil {
			break
		}
	}
	return err
}

// Unlock implements [lock.Locker].
func (l *fileLock) Unlock(context.Context, *sql.DB) error { return l.conn.close() }
