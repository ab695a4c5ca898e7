package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"

	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/assent-id/assent/internal/model"
)

// A liteConn is one connection to SQLite with its prepared statements. It
// speaks to the driver itself: each statement is prepared once, and neither
// arguments nor rows go through reflection. One goroutine uses it at a time.
type liteConn struct {
	conn  driver.Conn
	stmts map[string]liteStmt
	args  []driver.NamedValue
	vals  []driver.Value
}

type liteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

func dialSQLite(dsn string) (*liteConn, error) {
	conn, err := new(sqlite.Driver).Open(dsn)
	if err != nil {
		return nil, liteError(err)
	}
	return &liteConn{conn: conn, stmts: make(map[string]liteStmt)}, nil
}

func (c *liteConn) close() error {
	for _, s := range c.stmts {
		s.Close()
	}
	return c.conn.Close()
}

func (c *liteConn) prepare(sql string) (liteStmt, error) {
	if s, ok := c.stmts[sql]; ok {
		return s, nil
	}
	prepared, err := c.conn.Prepare(sql)
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", sql, err)
	}
	s, ok := prepared.(liteStmt)
	if !ok {
		return nil, fmt.Errorf("prepare: the driver's %T lacks a method", prepared)
	}
	c.stmts[sql] = s
	return s, nil
}

// bind fills the connection's own argument list.
func (c *liteConn) bind(args []any) error {
	c.args = c.args[:0]
	for i, a := range args {
		v := plain(a)
		if err, bad := v.(error); bad {
			return err
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return nil
}

// The driver interrupts statements through a goroutine per call when its
// context can end. Statements here are short, so they get one that cannot.
var noContext = context.Background()

// exec runs a statement and counts the rows that it changed.
func (c *liteConn) exec(sql string, args ...any) (int64, error) {
	s, err := c.prepare(sql)
	if err != nil {
		return 0, liteError(err)
	}
	if err := c.bind(args); err != nil {
		return 0, err
	}
	res, err := s.ExecContext(noContext, c.args)
	if err != nil {
		return 0, liteError(err)
	}
	return res.RowsAffected()
}

// query runs a statement and collects its rows.
func (c *liteConn) query(into collector, sql string, args ...any) (err error) {
	s, err := c.prepare(sql)
	if err != nil {
		return liteError(err)
	}
	if err := c.bind(args); err != nil {
		return err
	}
	into.begin()
	rows, err := s.QueryContext(noContext, c.args)
	if err != nil {
		return liteError(err)
	}
	defer func() {
		if e := rows.Close(); err == nil && e != nil {
			err = liteError(e)
		}
	}()
	c.vals = slices.Grow(c.vals[:0], len(rows.Columns()))[:len(rows.Columns())]
	for {
		switch err := rows.Next(c.vals); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return liteError(err)
		}
		r := liteRow{vals: c.vals}
		into.add(&r)
		if r.err != nil {
			return r.err
		}
	}
}

// run does one step of a unit.
func (c *liteConn) run(st *step) error {
	if st.rows != nil {
		return c.query(st.rows, st.sql, st.args...)
	}
	n, err := c.exec(st.sql, st.args...)
	if err == nil && n == 0 && st.missed != nil {
		return st.missed
	}
	return err
}

// A liteRow is a row as the driver gives it.
type liteRow struct {
	vals []driver.Value
	next int
	err  error
}

func (r *liteRow) value() driver.Value {
	r.next++
	if r.next > len(r.vals) {
		r.err = fmt.Errorf("column %d of a row of %d", r.next, len(r.vals))
		return nil
	}
	return r.vals[r.next-1]
}

func liteColumn[T any](r *liteRow) T {
	v := r.value()
	t, ok := v.(T)
	if !ok && v != nil {
		r.err = fmt.Errorf("column %d holds a %T, not a %T", r.next, v, t)
	}
	return t
}

func (r *liteRow) text() string  { return liteColumn[string](r) }
func (r *liteRow) bytes() []byte { return liteColumn[[]byte](r) }
func (r *liteRow) int() int64    { return liteColumn[int64](r) }
func (r *liteRow) bool() bool    { return liteColumn[int64](r) != 0 }

// liteError puts a sentinel before what callers branch on. SQLite's codes are
// listed on https://sqlite.org/rescode.html.
func liteError(err error) error {
	coded, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch code := coded.Code(); code {
	case sqlitelib.SQLITE_CONSTRAINT_UNIQUE, sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY:
		return fmt.Errorf("%w: %w", model.ErrConflict, err)
	case sqlitelib.SQLITE_CONSTRAINT_FOREIGNKEY: // what it belongs to is not there
		return fmt.Errorf("%w: %w", model.ErrNotFound, err)
	default:
		switch code & 0xff {
		case sqlitelib.SQLITE_BUSY, sqlitelib.SQLITE_LOCKED, sqlitelib.SQLITE_FULL,
			sqlitelib.SQLITE_IOERR, sqlitelib.SQLITE_CANTOPEN, sqlitelib.SQLITE_NOMEM:
			return fmt.Errorf("%w: %w", model.ErrUnavailable, err)
		}
		return err
	}
}

// commitError is honest about a COMMIT that met an I/O error: the frames may
// be in the WAL and count after the next start.
func commitError(err error) error {
	if coded, ok := errors.AsType[*sqlite.Error](err); ok && coded.Code()&0xff == sqlitelib.SQLITE_IOERR {
		return fmt.Errorf("%w: %w", model.ErrCommitUnknown, err)
	}
	return err
}
