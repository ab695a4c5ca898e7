package fill

import (
	"context"

	"github.com/jackc/pgx/v5"
)

type postgresDatabase struct{ conn *pgx.Conn }

// openPostgres opens the database as an operator who restores a dump: foreign keys
// are not checked row by row.
func openPostgres(ctx context.Context, dsn string) (writer, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, `SET session_replication_role = replica; SET synchronous_commit = off`); err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	return &postgresDatabase{conn}, nil
}

func (d *postgresDatabase) realm(ctx context.Context) (id string, err error) {
	err = d.conn.QueryRow(ctx, realmSQL).Scan(&id)
	return id, err
}

func (d *postgresDatabase) write(ctx context.Context, t table, n int, row func(i int) []any) error {
	_, err := d.conn.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) { return row(i), nil }))
	return err
}

// finish does what autovacuum does within minutes.
func (d *postgresDatabase) finish(ctx context.Context) error {
	for _, sql := range []string{`VACUUM (ANALYZE)`, `CHECKPOINT`} {
		if _, err := d.conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func (d *postgresDatabase) close() error { return d.conn.Close(context.Background()) }
