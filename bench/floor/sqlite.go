package main

import (
	"context"
	"database/sql"
	"fmt"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// sqliteWriter writes batches on the one connection that writes.
type sqliteWriter struct {
	db     *sql.DB
	conn   *sql.Conn
	insert *sql.Stmt
}

func openSQLite(ctx context.Context, path string) (writer, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	const schema = `CREATE TABLE IF NOT EXISTS spent (digest BLOB PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID`
	if _, err := conn.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("make table: %w", err)
	}
	insert, err := conn.PrepareContext(ctx, `INSERT INTO spent VALUES ($1, $2) ON CONFLICT DO NOTHING`)
	if err != nil {
		return nil, fmt.Errorf("prepare insert: %w", err)
	}
	return &sqliteWriter{db: db, conn: conn, insert: insert}, nil
}

func (w *sqliteWriter) write(ctx context.Context, batch []*claim) error {
	tx, err := w.conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	insert := tx.StmtContext(ctx, w.insert)
	for _, c := range batch {
		result, err := insert.ExecContext(ctx, c.digest[:], c.expires.UnixMilli())
		if err != nil {
			return fmt.Errorf("insert: %w", err)
		}
		rows, err := result.RowsAffected()
		if err != nil {
			return fmt.Errorf("insert: %w", err)
		}
		c.fresh = rows == 1
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (w *sqliteWriter) close() {
	_ = w.insert.Close()
	_ = w.conn.Close()
	_ = w.db.Close()
}
