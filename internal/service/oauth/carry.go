package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
)

// maxCarried is how long a text we let a client carry, in a URL. What is longer
// is parked in the database, and the client carries a reference.
const maxCarried = 1800

// parkedMark begins a reference; it is no character of base64url.
const parkedMark = "~"

// A load is state of one kind that is carried by a client, sealed.
type load struct {
	purpose string
	life    time.Duration
	by      string // who sent it, if that could be anybody; see mayPark
}

// from makes it the state of who sent a request.
func (l load) from(r Request, id model.ClientID) load {
	l.by = r.stranger(id)
	return l
}

var errCarried = errors.New("not carried state of ours")

// A wrapped value knows when it ends.
type wrapped[T any] struct {
	Value T            `json:"v"`
	Until model.Millis `json:"u"`
}

// carry seals a value for the realm and whatever else binds it.
func carry[T any](ctx context.Context, e *Engine, l load, site *model.Site, value T, bind string) (string, error) {
	until := model.MillisOf(e.cfg.Now().Add(l.life))
	plain, err := json.Marshal(wrapped[T]{value, until})
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", l.purpose, err)
	}
	sealed, err := e.cfg.Keyring.SealString(l.purpose, plain, carriedFor(site, bind))
	if err != nil || len(sealed) <= maxCarried {
		return sealed, err
	}
	if l.by != "" {
		if err := e.mayPark(l.by); err != nil {
			return "", err
		}
	}
	reference := parkedMark + ids.Secret()
	err = e.cfg.Store.Park(ctx, model.Parked{RealmID: site.Realm.ID, Digest: ids.DigestOf(reference),
		Sealed: []byte(sealed), ExpiresAt: until})
	if err != nil {
		return "", fmt.Errorf("park %s: %w", l.purpose, err)
	}
	return reference, nil
}

func carriedFor(site *model.Site, bind string) []byte {
	return []byte(string(site.Realm.ID) + "/" + bind)
}

// uncarry opens what carry made. It also opens what is over: until says when it
// ended. What is not ours is errCarried.
func uncarry[T any](ctx context.Context, e *Engine, l load, site *model.Site, text, bind string) (value T, until model.Millis, err error) {
	if strings.HasPrefix(text, parkedMark) {
		parked, err := e.cfg.Store.Parked(ctx, site.Realm.ID, ids.DigestOf(text))
		if errors.Is(err, model.ErrNotFound) {
			return value, 0, errCarried
		}
		if err != nil {
			return value, 0, fmt.Errorf("read parked %s: %w", l.purpose, err)
		}
		text = string(parked.Sealed)
	}
	plain, err := e.cfg.Keyring.OpenString(l.purpose, text, carriedFor(site, bind))
	if errors.Is(err, seal.ErrOpen) {
		return value, 0, errCarried
	}
	if err != nil {
		return value, 0, err
	}
	var w wrapped[T]
	if err := json.Unmarshal(plain, &w); err != nil {
		return value, 0, fmt.Errorf("%w: %w", errCarried, err)
	}
	return w.Value, w.Until, nil
}
