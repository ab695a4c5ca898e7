package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/stdlib"
)

// A pgLink is one connection to PostgreSQL with its prepared statements. It
// sends a whole transaction as one pipeline of extended-protocol messages and
// reads the outcome of each statement: one round trip, with statements that
// are new to the connection prepared on the way.
// https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
//
// Four types travel, all in binary: text, bytea, bigint and boolean.
type pgLink struct {
	conn     *sql.Conn
	prepared map[statement]string
	usedAt   time.Time
	params   [][]byte
	arena    []byte // what params point into
	oids     []uint32
	fresh    []statement // those that the pipeline being sent prepares
}

// A statement is what is prepared: the same text with and without its guard
// are two.
type statement struct {
	sql     string
	guarded bool
}

// text is what the server is given. A guard turns "no row changed" into an
// error (division by zero), so that the server itself abandons the rest of the
// pipeline, COMMIT included.
func (s statement) text() string {
	if !s.guarded {
		return s.sql
	}
	return "WITH changed AS (" + s.sql + " RETURNING 1) SELECT 1 / count(*) FROM changed"
}

// errNotSent: the server has seen nothing of it, so it can be sent again.
var errNotSent = errors.New("not sent")

// idleTrust is how long an unused connection is believed to be there.
const idleTrust = 5 * time.Millisecond

// binaryFormat says that every parameter, or every column, is binary.
var binaryFormat = []int16{1}

func newLink(ctx context.Context, db *sql.DB) (*pgLink, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &pgLink{conn: conn, prepared: make(map[statement]string)}, nil
}

// used reports whether anything ran on the link before.
func (l *pgLink) used() bool { return !l.usedAt.IsZero() }

// discard closes the connection instead of giving it back to database/sql.
func (l *pgLink) discard() {
	_ = l.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = l.conn.Close()
}

// raw gives f the connection underneath, with a deadline for everything that
// f does. A deadline on the socket costs nothing, a context costs a goroutine.
func (l *pgLink) raw(f func(*pgconn.PgConn) error) error {
	return l.conn.Raw(func(dc any) error {
		c := dc.(*stdlib.Conn).Conn().PgConn()
		now := time.Now()
		if now.Sub(l.usedAt) > idleTrust && !alive(c.Conn()) {
			return errNotSent
		}
		l.usedAt = now
		if err := c.Conn().SetDeadline(now.Add(runTimeout)); err != nil {
			return errNotSent
		}
		return f(c)
	})
}

// A pipeline is what travels at once, and how far the server got.
type pipeline struct {
	steps []step
	// done counts the statements that completed. After an error it is the
	// index of the one that failed.
	done int
	// tag is the command tag of the last statement, such as "INSERT 0 3".
	tag []byte
	// status is the server's transaction status afterwards: I, T or E.
	status byte
}

// run sends the pipeline and reads everything that comes back. An error of
// the server is a *pgconn.PgError; any other means that the connection is lost.
func (l *pgLink) run(p *pipeline) error {
	return l.raw(func(c *pgconn.PgConn) error {
		fe := c.Frontend()
		l.fresh = l.fresh[:0]
		for i := range p.steps {
			if err := l.send(fe, &p.steps[i]); err != nil {
				return err
			}
		}
		fe.SendSync(&pgproto3.Sync{})
		if err := fe.Flush(); err != nil {
			return err
		}
		return l.receive(fe, p)
	})
}

func (l *pgLink) send(fe *pgproto3.Frontend, st *step) error {
	if err := l.encode(st.args); err != nil {
		return err
	}
	key := statement{st.sql, st.missed != nil}
	name, ok := l.prepared[key]
	if !ok {
		name = "s" + strconv.Itoa(len(l.prepared))
		fe.SendParse(&pgproto3.Parse{Name: name, Query: key.text(), ParameterOIDs: l.oids})
		// Known from here on, so that it is parsed once even if the pipeline
		// uses it twice. After an error forgetUnparsed takes it back.
		l.prepared[key] = name
		l.fresh = append(l.fresh, key)
	}
	fe.SendBind(&pgproto3.Bind{PreparedStatement: name, ParameterFormatCodes: binaryFormat,
		Parameters: l.params, ResultFormatCodes: binaryFormat})
	fe.SendExecute(&pgproto3.Execute{})
	return nil
}

// receive reads until the server is ready for the next pipeline.
func (l *pgLink) receive(fe *pgproto3.Frontend, p *pipeline) error {
	var failed error
	parsed, begun := 0, -1
	for {
		msg, err := fe.Receive()
		if err != nil {
			return err
		}
		switch msg := msg.(type) {
		case *pgproto3.ParseComplete:
			parsed++
		case *pgproto3.DataRow:
			into := p.steps[p.done].rows
			if into == nil {
				continue // the 1 of a guard
			}
			if begun != p.done {
				into.begin()
				begun = p.done
			}
			if err := l.collect(into, msg.Values); err != nil {
				failed = first(failed, err)
			}
		case *pgproto3.CommandComplete:
			if into := p.steps[p.done].rows; into != nil && begun != p.done {
				into.begin()
			}
			p.tag = append(p.tag[:0], msg.CommandTag...)
			p.done++
		case *pgproto3.ErrorResponse:
			failed = first(failed, pgconn.ErrorResponseToPgError(msg))
		case *pgproto3.ReadyForQuery:
			p.status = msg.TxStatus
			l.forgetUnparsed(parsed)
			return failed
		}
	}
}

// forgetUnparsed drops the statements that the server never came to parse.
// They are the last ones, so their names can be given again.
func (l *pgLink) forgetUnparsed(parsed int) {
	for _, s := range l.fresh[min(parsed, len(l.fresh)):] {
		delete(l.prepared, s)
	}
}

func (l *pgLink) collect(into collector, vals [][]byte) error {
	r := pgRow{vals: vals}
	into.add(&r)
	return r.err
}

// encode fills params and oids.
func (l *pgLink) encode(args []any) error {
	l.params, l.oids, l.arena = l.params[:0], l.oids[:0], l.arena[:0]
	for _, a := range args {
		start := len(l.arena)
		switch v := plain(a).(type) {
		case string:
			l.arena = append(l.arena, v...)
			l.param(start, textOID)
		case []byte: // nil is NULL
			l.params, l.oids = append(l.params, v), append(l.oids, byteaOID)
		case int64:
			l.arena = binary.BigEndian.AppendUint64(l.arena, uint64(v))
			l.param(start, int8OID)
		case bool:
			b := byte(0)
			if v {
				b = 1
			}
			l.arena = append(l.arena, b)
			l.param(start, boolOID)
		case pgArray:
			l.params, l.oids = append(l.params, v.encoded), append(l.oids, v.oid)
		default:
			return fmt.Errorf("%w: no column holds a %T", errNotSent, a)
		}
	}
	return nil
}

func (l *pgLink) param(start int, oid uint32) {
	l.params, l.oids = append(l.params, l.arena[start:len(l.arena):len(l.arena)]), append(l.oids, oid)
}

// The types that travel (pg_type.dat).
const (
	boolOID       = 16
	byteaOID      = 17
	int8OID       = 20
	textOID       = 25
	byteaArrayOID = 1001
	textArrayOID  = 1009
	int8ArrayOID  = 1016
)

// A pgArray is a one-dimensional array without NULLs in binary form.
type pgArray struct {
	oid     uint32
	encoded []byte
}

// begin starts an array of n elements, in memory that it had before.
func (a *pgArray) begin(oid, element uint32, n int) {
	a.oid = oid
	b := binary.BigEndian.AppendUint32(a.encoded[:0], 1) // dimensions
	b = binary.BigEndian.AppendUint32(b, 0)              // no NULLs
	b = binary.BigEndian.AppendUint32(b, element)
	b = binary.BigEndian.AppendUint32(b, uint32(n))
	a.encoded = binary.BigEndian.AppendUint32(b, 1) // the first index
}

func (a *pgArray) addText(s string) {
	a.encoded = append(binary.BigEndian.AppendUint32(a.encoded, uint32(len(s))), s...)
}

func (a *pgArray) addBytes(p []byte) {
	a.encoded = append(binary.BigEndian.AppendUint32(a.encoded, uint32(len(p))), p...)
}

func (a *pgArray) addInt(n int64) {
	a.encoded = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(a.encoded, 8), uint64(n))
}

// A pgRow is a row in binary form.
type pgRow struct {
	vals [][]byte
	next int
	err  error
}

func (r *pgRow) value() []byte {
	r.next++
	if r.next > len(r.vals) {
		r.err = fmt.Errorf("column %d of a row of %d", r.next, len(r.vals))
		return nil
	}
	return r.vals[r.next-1]
}

func (r *pgRow) text() string { return string(r.value()) }

func (r *pgRow) bytes() []byte {
	v := r.value()
	if v == nil {
		return nil
	}
	return append(make([]byte, 0, len(v)), v...)
}

func (r *pgRow) int() int64 {
	switch v := r.value(); len(v) {
	case 8:
		return int64(binary.BigEndian.Uint64(v))
	case 0:
		return 0
	default:
		r.err = fmt.Errorf("column %d is no bigint: %d bytes", r.next, len(v))
		return 0
	}
}

func (r *pgRow) bool() bool {
	v := r.value()
	return len(v) == 1 && v[0] == 1
}

// isServerError tells an answer of the server from a lost connection.
func isServerError(err error) (*pgconn.PgError, bool) {
	return errors.AsType[*pgconn.PgError](err)
}
