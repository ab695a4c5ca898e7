package fill

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqliteBatch is how many rows one transaction has.
const sqliteBatch = 50_000

type sqliteFile struct {
	db   *sql.DB
	conn *sql.Conn
}

// openSQLite opens the file with a large cache and without waiting for the disk:
// it is written in one go, and lost as a whole or not at all.
func openSQLite(ctx context.Context, path string) (writer, error) {
	query := url.Values{"_pragma": {"journal_mode(WAL)", "synchronous(OFF)", "cache_size(-400000)", "foreign_keys(0)"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite", "file:"+path+"?"+query.Encode())
	if err != nil {
		return nil, err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &sqliteFile{db: db, conn: conn}, nil
}

const realmSQL = `SELECT id FROM realm WHERE is_default`

func (f *sqliteFile) realm(ctx context.Context) (id string, err error) {
	err = f.conn.QueryRowContext(ctx, realmSQL).Scan(&id)
	return id, err
}

func (f *sqliteFile) write(ctx context.Context, t table, n int, row func(i int) []any) error {
	marks := strings.Repeat(",?", len(t.columns))[1:]
	insert, err := f.conn.PrepareContext(ctx, fmt.Sprintf(`INSERT INTO %s (%s) VALUES (%s)`, t.name, strings.Join(t.columns, ","), marks))
	if err != nil {
		return err
	}
	defer insert.Close()
	for from := 0; from < n; from += sqliteBatch {
		if err := f.batch(ctx, insert, from, min(from+sqliteBatch, n), row); err != nil {
			return err
		}
	}
	return nil
}

func (f *sqliteFile) batch(ctx context.Context, insert *sql.Stmt, from, to int, row func(i int) []any) error {
	tx, err := f.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	stmt := tx.StmtContext(ctx, insert)
	for i := from; i < to; i++ {
		if _, err := stmt.ExecContext(ctx, row(i)...); err != nil {
			return fmt.Errorf("row %d: %w", i, err)
		}
	}
	return tx.Commit()
}

// finish writes the log back. No ANALYZE: the server runs none on SQLite.
func (f *sqliteFile) finish(ctx context.Context) error {
	_, err := f.conn.ExecContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

func (f *sqliteFile) close() error {
	if err := f.conn.Close(); err != nil {
		return err
	}
	return f.db.Close()
}
