package store

import (
	"fmt"
	"reflect"

	"github.com/assent-id/assent/internal/model"
)

// A unit is one transaction written down as data: statements that run in
// order, each with what must be true of its outcome. There is nothing to
// decide between two of them in Go, so on PostgreSQL a whole transaction is
// one round trip, on SQLite many units share one commit, and a unit can run
// again after a serialization failure without asking anybody.
type unit struct {
	steps []step
	// alone keeps PostgreSQL from putting the unit into one transaction with
	// others.
	alone bool
	// serializable asks PostgreSQL for SERIALIZABLE instead of READ COMMITTED:
	// for units in which more than one row decides. On SQLite every unit is.
	// Such a unit is alone.
	serializable bool
}

// A step is one statement of a unit.
type step struct {
	sql  string
	args []any
	// missed, when not nil, is what the unit fails with if the step changes no
	// row. It is how the precondition in a WHERE clause becomes an error.
	missed error
	// rows reads what the statement returns; nil: it returns nothing.
	rows collector
	// lock names the existing row that the statement locks, if others may want
	// it too. See [unit.locks].
	lock string
}

// do adds a statement whose count of rows does not matter.
func (u *unit) do(sql string, args ...any) {
	u.steps = append(u.steps, step{sql: sql, args: args})
}

// expect adds a statement that must change a row; otherwise nothing of the
// unit happens and it fails with missed.
func (u *unit) expect(missed error, sql string, args ...any) {
	u.steps = append(u.steps, step{sql: sql, args: args, missed: missed})
}

// The order in which a transaction takes locks on rows that are there before
// it. Everybody takes them in this order, and rows of one rank in the order of
// their names, so that no two transactions wait for each other.
const (
	lockOnce    = "0"
	lockRow     = "1" // the row that the unit is about
	lockPasskey = "2"
	lockAsker   = "3"
	lockGrant   = "4"
	lockJoined  = "5"
)

// locks says of the statement added last which row it locks. The locks of a
// unit must come in their order, and before its statements without one.
func (u *unit) locks(rank, name string) { u.steps[len(u.steps)-1].lock = rank + name }

// read adds a statement that returns rows.
func (u *unit) read(into collector, sql string, args ...any) {
	u.steps = append(u.steps, step{sql: sql, args: args, rows: into})
}

// A row hands out its columns from left to right. Reading a column as the
// wrong type, or NULL, gives the zero value; the engine reports the former.
type row interface {
	text() string
	bytes() []byte
	int() int64
	bool() bool
}

// A collector takes the rows of one statement. An engine that runs a
// statement again calls begin again.
type collector interface {
	begin()
	add(row)
}

// list collects rows of one type.
type list[T any] struct {
	scan func(row) T
	got  []T
}

func (l *list[T]) begin()    { l.got = l.got[:0] }
func (l *list[T]) add(r row) { l.got = append(l.got, l.scan(r)) }

func rowsOf[T any](scan func(row) T) *list[T] { return &list[T]{scan: scan} }

// one returns the only row of a statement that finds at most one.
func (l *list[T]) one() (T, error) {
	if len(l.got) == 0 {
		var zero T
		return zero, model.ErrNotFound
	}
	return l.got[0], nil
}

func millis(r row) model.Millis { return model.Millis(r.int()) }

// plain turns an argument into one of string, []byte, int64 and bool, which
// is all that both engines are given. No bytes at all are NULL.
func plain(arg any) any {
	switch v := arg.(type) {
	case string, []byte, int64, bool, pgArray:
		return v
	case int:
		return int64(v)
	case model.Millis:
		return int64(v)
	case model.RealmID:
		return string(v)
	case model.IdentityID:
		return string(v)
	case model.ClientID:
		return string(v)
	case model.ApprovalID:
		return string(v)
	default:
		return plainKind(arg)
	}
}

// plainKind is the slow way, for types that are not on a hot path.
func plainKind(arg any) any {
	v := reflect.ValueOf(arg)
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint8, reflect.Uint16, reflect.Uint32:
		return int64(v.Uint())
	case reflect.Bool:
		return v.Bool()
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Bytes()
		}
	}
	return fmt.Errorf("no column holds a %T", arg) // the engine refuses it
}

// filled is b, or no bytes for nil: the column may not be NULL.
func filled(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// orNull is b, or nil, which both engines write as NULL, where there is nothing.
func orNull(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
