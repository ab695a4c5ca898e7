package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// dialect is what the one source of the schema says differently per engine.
type dialect struct {
	goose goose.Dialect
	words *strings.Replacer
}

var (
	sqliteDialect = dialect{goose.DialectSQLite3, strings.NewReplacer(
		"{{text}}", "TEXT",
		"{{bytes}}", "BLOB",
		"{{int}}", "INTEGER",
		"{{bool}}", "INTEGER",
		"{{strict}}", " STRICT",
		"{{rowless}}", " STRICT, WITHOUT ROWID",
		"{{now}}", "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
		"{{postgres}}", "--", // the rest of the line is not for here
	)}
	postgresDialect = dialect{goose.DialectPostgres, strings.NewReplacer(
		// Ids and names are compared as bytes, whatever the database's locale.
		"{{text}}", `TEXT COLLATE "C"`,
		"{{bytes}}", "BYTEA",
		"{{int}}", "BIGINT",
		"{{bool}}", "BOOLEAN",
		"{{strict}}", "",
		"{{rowless}}", "",
		// Not now(): that is when the transaction began.
		"{{now}}", "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
		"{{postgres}}", "",
	)}
)

// versionSQL asks for the newest migration that was applied. It stands alone
// so that an open that has nothing to migrate costs one query.
const versionSQL = `SELECT max(version_id) FROM goose_db_version WHERE is_applied`

// latest is the newest version that this program knows.
func latest() int64 {
	entries, err := migrationFiles.ReadDir("migrations")
	if err != nil {
		panic(err) // embedded
	}
	var newest int64
	for _, e := range entries {
		number, _, _ := strings.Cut(e.Name(), "_")
		if v, err := strconv.ParseInt(number, 10, 64); err == nil {
			newest = max(newest, v)
		}
	}
	return newest
}

// current reports whether a database at a version needs nothing. One that is
// newer than the program is refused: it may hold what this program would break.
func current(version int64) (bool, error) {
	if known := latest(); version > known {
		return false, fmt.Errorf("the database has schema version %d and this program knows %d: use the newer program", version, known)
	}
	return version == latest(), nil
}

// migrate applies what is missing, alone: of several processes that start at
// once, one migrates and the others wait for it.
func migrate(ctx context.Context, db *sql.DB, d dialect, l lock.Locker) (err error) {
	if err := l.Lock(ctx, db); err != nil {
		return fmt.Errorf("lock for migration: %w", err)
	}
	defer func() {
		if e := l.Unlock(context.WithoutCancel(ctx), db); err == nil && e != nil {
			err = fmt.Errorf("unlock after migration: %w", e)
		}
	}()
	p, err := goose.NewProvider(d.goose, db, rendered{d.words}, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// rendered is the folder of migrations in the words of one engine.
type rendered struct{ words *strings.Replacer }

// ReadDir implements [fs.ReadDirFS].
func (r rendered) ReadDir(name string) ([]fs.DirEntry, error) {
	return migrationFiles.ReadDir("migrations")
}

// Open implements [fs.FS].
func (r rendered) Open(name string) (fs.File, error) {
	f, err := migrationFiles.Open("migrations/" + name)
	if err != nil {
		return nil, err
	}
	text, err := migrationFiles.ReadFile("migrations/" + name)
	if err != nil {
		return f, nil //nolint:nilerr // the folder itself has no text
	}
	return renderedFile{f, strings.NewReader(r.words.Replace(string(text)))}, nil
}

type renderedFile struct {
	fs.File
	text *strings.Reader
}

func (f renderedFile) Read(p []byte) (int, error) { return f.text.Read(p) }
