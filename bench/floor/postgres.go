package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresWriter writes batches on one connection: one statement is one
// transaction is one commit.
type postgresWriter struct{ conn *pgx.Conn }

func openPostgres(ctx context.Context, url string) (writer, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	const schema = `CREATE TABLE IF NOT EXISTS spent (digest BYTEA PRIMARY KEY, expires_at BIGINT NOT NULL)`
	if _, err := conn.Exec(ctx, schema); err != nil {
		return nil, fmt.Errorf("make table: %w", err)
	}
	return &postgresWriter{conn: conn}, nil
}

const insertSQL = `
INSERT INTO spent SELECT * FROM unnest($1::bytea[], $2::bigint[])
ON CONFLICT DO NOTHING RETURNING digest`

func (w *postgresWriter) write(ctx context.Context, batch []*claim) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	digests, expiries := make([][]byte, len(batch)), make([]int64, len(batch))
	for i, c := range batch {
		digests[i], expiries[i] = c.digest[:], c.expires.UnixMilli()
	}
	rows, err := w.conn.Query(ctx, insertSQL, digests, expiries)
	if err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	written, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return fmt.Errorf("insert: %w", err)
	}
	fresh := make(map[digest]bool, len(written))
	for _, d := range written {
		fresh[digest(d)] = true
	}
	for _, c := range batch {
		c.fresh = fresh[c.digest]
		delete(fresh, c.digest) // the same digest twice in one batch: the first wins
	}
	return nil
}

func (w *postgresWriter) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.conn.Close(ctx)
}
