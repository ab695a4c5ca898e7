package httpx

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// A Record is what one request leaves in the log: one line, written when it
// ends. It never holds a token, code, cookie, secret or query string.
//
// It is the request's context and its response writer as well, so that a
// request costs one allocation of ours.
type Record struct {
	context.Context
	http.ResponseWriter
	Reference string
	Route     string // the pattern, not the path: paths hold ids
	Actor     string // client or identity id
	Refusal   string // error code of a refusal
	Cause     error
	status    int
	hurried   bool   // a write deadline is set
	stack     []byte // of a panic
	site      *model.Site
}

// Value finds the record itself among the values of its context.
func (rec *Record) Value(key any) any {
	if key == recordKey {
		return rec
	}
	return rec.Context.Value(key)
}

// RecordOf is the record of the request, or nil.
func RecordOf(r *http.Request) *Record {
	ctx := r.Context()
	if rec, ok := ctx.(*Record); ok { // as good as always
		return rec
	}
	rec, _ := ctx.Value(recordKey).(*Record)
	return rec
}

// Reference is the id that the refusal and the log share. It is made when it
// is first asked for: most requests never need one.
func Reference(r *http.Request) string {
	rec := RecordOf(r)
	if rec == nil {
		return ""
	}
	if rec.Reference == "" {
		rec.Reference = ids.New("req")
	}
	return rec.Reference
}

// SetActor notes who the request turned out to be from.
func SetActor(r *http.Request, id string) {
	if rec := RecordOf(r); rec != nil {
		rec.Actor = id
	}
}

// Note puts a refusal into the record.
func Note(r *http.Request, code string, cause error) { note(r, code, cause) }

func note(r *http.Request, code string, cause error) {
	if rec := RecordOf(r); rec != nil {
		rec.Refusal, rec.Cause = code, cause
	}
}

// An Observer counts finished requests.
type Observer interface {
	Observe(route, method string, status int, took time.Duration)
}

// Recorded wraps the whole server: it makes the record, recovers panics, and
// writes the log line and the metrics at the end.
func Recorded(log *slog.Logger, obs Observer, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := &Record{Context: r.Context(), ResponseWriter: w}
		r = r.WithContext(rec)
		defer func() {
			cut := recovered(rec, r, recover())
			rec.unhurry()
			finish(log, obs, r, rec, time.Since(start))
			if cut {
				panic(http.ErrAbortHandler) // net/http closes the connection, and says nothing
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// recovered answers for a handler that panicked with v, if it did. It reports
// whether the answer had begun: then it must not look complete.
func recovered(rec *Record, r *http.Request, v any) (cut bool) {
	if v == nil {
		return false
	}
	begun := rec.status != 0
	if v == http.ErrAbortHandler { //nolint:errorlint // net/http compares the panic itself
		rec.Refusal = "answer_cut"
		return true
	}
	rec.Cause, rec.stack = panicError{v}, debug.Stack()
	if !begun {
		writeProblem(rec, r, AsProblem(rec.Cause))
	}
	rec.Refusal = "server_error"
	return begun
}

type panicError struct{ value any }

func (p panicError) Error() string {
	if err, ok := p.value.(error); ok {
		return "panic: " + err.Error()
	}
	if s, ok := p.value.(string); ok {
		return "panic: " + s
	}
	return "panic"
}

func (rec *Record) realm() string {
	if rec.site == nil {
		return ""
	}
	return rec.site.Realm.Name
}

func finish(log *slog.Logger, obs Observer, r *http.Request, rec *Record, took time.Duration) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	if rec.Route == "" { // a handler that was not adapted
		rec.Route = r.Pattern
	}
	if obs != nil {
		obs.Observe(rec.Route, r.Method, rec.status, took)
	}
	level := slog.LevelInfo
	if rec.status >= 500 || rec.stack != nil {
		level = slog.LevelError
	}
	if !log.Enabled(r.Context(), level) {
		return
	}
	// Straight to the handler: a logger would first look up where in the code it
	// was called, which is here every time.
	line := slog.NewRecord(time.Now(), level, "request", 0)
	line.AddAttrs(slog.String("method", r.Method), slog.String("route", rec.Route),
		slog.Int("status", rec.status), slog.Float64("took_ms", float64(took.Microseconds())/1000))
	for _, a := range [...]struct{ k, v string }{{"realm", rec.realm()}, {"actor", rec.Actor}, {"refusal", rec.Refusal}, {"reference", rec.Reference}} {
		if a.v != "" {
			line.AddAttrs(slog.String(a.k, a.v))
		}
	}
	if rec.Cause != nil {
		line.AddAttrs(slog.String("cause", rec.Cause.Error()))
	}
	if rec.stack != nil {
		line.AddAttrs(slog.String("stack", string(rec.stack)))
	}
	_ = log.Handler().Handle(r.Context(), line) // where a log fails there is nobody to tell
}

// WriteHeader notes the status.
func (rec *Record) WriteHeader(status int) {
	if rec.status == 0 {
		rec.status = status
	}
	rec.ResponseWriter.WriteHeader(status)
}

// Write notes that the answer has begun.
func (rec *Record) Write(b []byte) (int, error) {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
	if len(b) > largeWrite {
		// What does not fit into a socket's buffer waits for the reader; not for
		// ever. Writers without deadlines do without.
		rec.hurried = http.NewResponseController(rec.ResponseWriter).SetWriteDeadline(time.Now().Add(readWithin)) == nil
	}
	return rec.ResponseWriter.Write(b)
}

// unhurry takes the deadline away: the connection may serve other requests.
func (rec *Record) unhurry() {
	if rec.hurried {
		_ = http.NewResponseController(rec.ResponseWriter).SetWriteDeadline(time.Time{})
	}
}

// How long somebody may take to read a large answer.
const (
	largeWrite = 8 << 10 // bytes
	readWithin = time.Minute
)

// Unwrap is for http.ResponseController.
func (rec *Record) Unwrap() http.ResponseWriter { return rec.ResponseWriter }
