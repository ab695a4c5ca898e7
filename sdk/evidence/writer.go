package evidence

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
)

// A writer builds canonical JSON directly. Its callers write the members in
// the order of their names; the names are ASCII and need no escapes.
type writer struct {
	out []byte
	err error
}

// result returns what was written, or the first error.
func (w *writer) result(what string) ([]byte, error) {
	if w.err != nil {
		return nil, fmt.Errorf("canonical %s: %w", what, w.err)
	}
	return w.out, nil
}

func (w *writer) open()  { w.out = append(w.out, '{') }
func (w *writer) close() { w.out = append(w.out, '}') }

func (w *writer) name(name string) {
	if n := len(w.out); n > 0 && w.out[n-1] != '{' {
		w.out = append(w.out, ',')
	}
	w.out = append(w.out, '"')
	w.out = append(w.out, name...)
	w.out = append(w.out, '"', ':')
}

func (w *writer) text(name, s string) {
	w.name(name)
	w.string(s)
}

func (w *writer) int(name string, n int64) {
	w.name(name)
	if n < -maxSeconds || n > maxSeconds {
		w.fail(fmt.Errorf("%s is beyond 2^53-1", name))
	}
	w.out = strconv.AppendInt(w.out, n, 10)
}

func (w *writer) string(s string) {
	out, err := appendText(w.out, s)
	if err != nil {
		w.fail(err)
		return
	}
	w.out = out
}

func (w *writer) raw(text json.RawMessage) {
	out, err := appendCanonical(w.out, text, maxDepth)
	if err != nil {
		w.fail(err)
		return
	}
	w.out = out
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func writeList[T any](w *writer, list []T, write func(T)) {
	w.out = append(w.out, '[')
	for i, item := range list {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		write(item)
	}
	w.out = append(w.out, ']')
}

func (w *writer) bytes(name string, b Bytes) {
	w.name(name)
	w.out = append(w.out, '"')
	w.out = base64.RawURLEncoding.AppendEncode(w.out, b)
	w.out = append(w.out, '"')
}

func (w *writer) bool(name string, b bool) {
	w.name(name)
	w.out = strconv.AppendBool(w.out, b)
}
