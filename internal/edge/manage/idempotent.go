package manage

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/service/idempotency"
)

// Idempotency remembers requests that have a key.
type Idempotency interface {
	Begin(context.Context, idempotency.Request) (*idempotency.Answer, *idempotency.Claim, error)
	Finish(context.Context, *idempotency.Claim, idempotency.Answer) error
	Release(context.Context, *idempotency.Claim) error
}

const (
	keyHeader      = "Idempotency-Key"
	replayedHeader = "Idempotent-Replayed"
)

// keyParameter is how the document tells of the header.
func keyParameter() *huma.Param {
	return &huma.Param{Name: keyHeader, In: "header",
		Description: "1 to 255 visible ASCII characters of your choice. For 24 hours, the same request with the same key is answered as the first time, with " +
			replayedHeader + ": true, and does nothing. A refusal (4xx) frees the key.",
		Schema: &huma.Schema{Type: huma.TypeString}, Example: "5f0c8a6e-3a0e-4f6b-9d0c-2f1b7c1f0a55"}
}

// kept are the headers of an answer that it has again.
var kept = []string{"Content-Type", "Location", "ETag"}

// bodyWithin is how long a body may take to arrive, as where there is no key.
const bodyWithin = 5 * time.Second

// once does what a request asks for unless it was done before under its key. It is
// done to its end even if the caller goes away: they will ask what became of it.
func (a *API) once(w http.ResponseWriter, c call, most int64, do func(http.ResponseWriter, call)) error {
	keys := c.r.Header.Values(keyHeader)
	body, err := wholeBody(w, c.r, most)
	if err != nil {
		return err
	}
	if len(keys) != 1 {
		return refusal(idempotency.ErrKey)
	}
	// The answer is for who may ask for it: with less of what such requests may need,
	// it is another request.
	may := strings.Join(c.extra(), " ")
	content := slices.Concat([]byte(c.r.Method+" "+c.r.URL.Path+"?"+c.r.URL.RawQuery+"\n"+may+"\n"), body)
	ctx := context.WithoutCancel(c.r.Context())
	before, claim, err := a.cfg.Idempotency.Begin(ctx, idempotency.Request{RealmID: c.here.Realm.ID, Caller: c.actor, Key: keys[0], Content: content})
	if err != nil {
		return refusal(err)
	}
	if before != nil {
		return replay(w, before)
	}
	r := c.r.WithContext(ctx)
	r.Body = io.NopCloser(bytes.NewReader(body))
	c.r = r
	held := &heldAnswer{header: w.Header()}
	do(held, c)
	if err := a.settle(ctx, claim, held); err != nil {
		// What was done is done. Its answer goes out; the key stays taken.
		httpx.Note(r, "answer_not_kept", err)
	}
	w.WriteHeader(held.Status())
	_, err = w.Write(held.body.Bytes())
	return err
}

// settle keeps a good answer and frees the key of a refusal. Where something went
// wrong on our side nobody knows what was done, and the key stays taken.
func (a *API) settle(ctx context.Context, claim *idempotency.Claim, held *heldAnswer) error {
	switch status := held.Status(); {
	case status < http.StatusMultipleChoices:
		answer := idempotency.Answer{Status: status, Header: map[string][]string{}, Body: held.body.Bytes()}
		for _, name := range kept {
			if v := held.header.Values(name); len(v) > 0 {
				answer.Header[http.CanonicalHeaderKey(name)] = v
			}
		}
		return a.cfg.Idempotency.Finish(ctx, claim, answer)
	case status < http.StatusInternalServerError:
		return a.cfg.Idempotency.Release(ctx, claim)
	default:
		return nil
	}
}

func replay(w http.ResponseWriter, a *idempotency.Answer) error {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	w.Header().Set(replayedHeader, "true")
	w.WriteHeader(a.Status)
	_, err := w.Write(a.Body)
	return err
}

// wholeBody reads what the operation will read, within the same limits.
func wholeBody(w http.ResponseWriter, r *http.Request, most int64) ([]byte, error) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyWithin)) // as huma does; writers without deadlines do without
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most-1))
	switch {
	case err == nil:
		return body, nil
	case httpx.TooLarge(w, err):
		return nil, refused("body_too_large", err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, refused("body_too_slow", err)
	default:
		return nil, &httpx.Problem{Status: http.StatusBadRequest, Code: codes[http.StatusBadRequest], Detail: "The body was cut.", Cause: err}
	}
}

// A heldAnswer waits until it is kept.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *heldAnswer) Header() http.Header { return h.header }

// Status is 200 unless another was written.
func (h *heldAnswer) Status() int {
	if h.status == 0 {
		return http.StatusOK
	}
	return h.status
}

func (h *heldAnswer) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

func (h *heldAnswer) Write(b []byte) (int, error) { return h.body.Write(b) }
