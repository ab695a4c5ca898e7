// Package idempotency lets a program send a request again without fear: with the
// same key it is done once, and answered twice.
//
// The key is reserved before anything is done, by one statement, so that of many
// who send it at once one goes on. A good answer is kept sealed, for it may hold a
// secret that is shown once. If this package is wrong, something is created twice,
// or a program is told what another one was.
package idempotency

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
)

// Life is how long a key means the request that it came with.
const Life = 24 * time.Hour

var (
	// ErrKey: a key is 1 to 255 visible ASCII characters.
	ErrKey = errors.New("an idempotency key is 1 to 255 visible ASCII characters")
	// ErrReused: the key came with another request before.
	ErrReused = errors.New("the idempotency key was used for another request")
	// ErrInProgress: the request with this key runs, or was cut before its outcome
	// was known.
	ErrInProgress = errors.New("the request with this idempotency key has not been answered yet")
)

// Store keeps requests. The store's own suite proves what is said here.
type Store interface {
	// ReserveIdempotent keeps a request unless one with its digest is there that
	// expires after now: model.ErrConflict.
	ReserveIdempotent(ctx context.Context, i model.Idempotent, now model.Millis) error
	Idempotent(ctx context.Context, realm model.RealmID, digest []byte) (model.Idempotent, error)
	// AnswerIdempotent keeps the answer of a reservation that has none.
	AnswerIdempotent(context.Context, model.Idempotent) error
	// ReleaseIdempotent takes a reservation away that has no answer.
	ReleaseIdempotent(context.Context, model.Idempotent) error
}

// Config is what a Service needs.
type Config struct {
	Store   Store
	Keyring *seal.Keyring
	Now     func() time.Time // nil: time.Now
}

// A Service remembers requests.
type Service struct{ cfg Config }

// New makes the service.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{cfg}
}

// A Request is one with a key.
type Request struct {
	RealmID model.RealmID // where its sender is known
	Caller  string
	Key     string
	// Content is everything that makes it this request: what is to be done, and
	// the body.
	Content []byte
}

// An Answer is what a request was answered with.
type Answer struct {
	Status int                 `json:"status"`
	Header map[string][]string `json:"header"`
	Body   []byte              `json:"body"`
}

// A Claim is a request that goes on. It ends with Finish or with Release; one that
// ends with neither keeps its key.
type Claim struct{ row model.Idempotent }

// tries bounds how often a key is looked at again that was released meanwhile.
const tries = 3

// Begin reserves the key of a request. Where the request was answered before, it
// returns that answer and no claim: ErrKey, ErrReused, ErrInProgress.
func (s *Service) Begin(ctx context.Context, r Request) (*Answer, *Claim, error) {
	if !visible(r.Key) {
		return nil, nil, ErrKey
	}
	now := model.MillisOf(s.cfg.Now())
	digest := sha256.Sum256([]byte(r.Caller + "\x00" + r.Key)) // no caller's name holds a NUL
	content := sha256.Sum256(r.Content)
	row := model.Idempotent{RealmID: r.RealmID, Digest: digest[:], Request: content[:], CreatedAt: now, ExpiresAt: now.Add(Life)}
	for range tries {
		err := s.cfg.Store.ReserveIdempotent(ctx, row, now)
		if err == nil {
			return nil, &Claim{row}, nil
		}
		if !errors.Is(err, model.ErrConflict) {
			return nil, nil, fmt.Errorf("reserve an idempotency key: %w", err)
		}
		there, err := s.cfg.Store.Idempotent(ctx, row.RealmID, row.Digest)
		if errors.Is(err, model.ErrNotFound) {
			continue // released meanwhile
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read what an idempotency key was for: %w", err)
		}
		a, err := s.before(there, row)
		return a, nil, err
	}
	return nil, nil, ErrInProgress
}

// before is the answer that there is.
func (s *Service) before(there, asked model.Idempotent) (*Answer, error) {
	if !bytes.Equal(there.Request, asked.Request) {
		return nil, ErrReused
	}
	if there.Status == 0 {
		return nil, ErrInProgress
	}
	plain, err := s.cfg.Keyring.Open(sealPurpose, there.Answer, bound(there))
	if err != nil {
		return nil, fmt.Errorf("open a kept answer: %w", err)
	}
	a := &Answer{}
	if err := json.Unmarshal(plain, a); err != nil {
		return nil, fmt.Errorf("read a kept answer: %w", err)
	}
	return a, nil
}

// Finish keeps the answer for as long as the key lives.
func (s *Service) Finish(ctx context.Context, c *Claim, a Answer) error {
	plain, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode an answer to keep: %w", err)
	}
	row := c.row
	row.Status = a.Status
	if row.Answer, err = s.cfg.Keyring.Seal(sealPurpose, plain, bound(row)); err != nil {
		return fmt.Errorf("seal an answer to keep: %w", err)
	}
	return s.cfg.Store.AnswerIdempotent(ctx, row)
}

// Release frees the key of a request that did nothing: it may come again in other
// words.
func (s *Service) Release(ctx context.Context, c *Claim) error {
	return s.cfg.Store.ReleaseIdempotent(ctx, c.row)
}

const sealPurpose = "idempotent-answer"

// bound keeps an answer with its caller, its key and its request.
func bound(i model.Idempotent) []byte {
	return append(append([]byte(i.RealmID), i.Digest...), i.Request...)
}

const maxKey = 255

func visible(key string) bool {
	return key != "" && len(key) <= maxKey && !strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' })
}
