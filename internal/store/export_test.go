package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"github.com/pressly/goose/v3"
)

// MigrateTo brings an empty database to an older version, as a program of that
// time did.
func MigrateTo(ctx context.Context, url string, version int64) (err error) {
	driver, dsn, d := "sqlite", writerDSN(url), sqliteDialect
	if strings.HasPrefix(url, "postgres") {
		driver, dsn, d = "pgx", url, postgresDialect
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := goose.NewProvider(d.goose, db, rendered{d.words}, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	_, err = p.UpTo(ctx, version)
	return err
}
