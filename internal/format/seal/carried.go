package seal

import (
	"encoding/json"
	"fmt"
	"time"
)

// Carried seals values of one type that a client carries for us until it comes
// back with them: for one purpose, and for a time.
type Carried[T any] struct {
	Keyring *Keyring
	Purpose string
	Life    time.Duration
}

// envelope is what is sealed.
type envelope[T any] struct {
	Until int64 `json:"until"` // Unix milliseconds
	Value T     `json:"value"`
}

// Seal makes a text that [Carried.Open] opens for the same associated data
// before now + Life. It fails if the value is not JSON.
func (c Carried[T]) Seal(value T, now time.Time, aad []byte) (string, error) {
	plain, err := json.Marshal(envelope[T]{now.Add(c.Life).UnixMilli(), value})
	if err != nil {
		return "", fmt.Errorf("encode for %s: %w", c.Purpose, err)
	}
	return c.Keyring.SealString(c.Purpose, plain, aad)
}

// Open returns the value, and the instant at which its time is over. It returns
// [ErrOpen], also for a text whose time is over.
func (c Carried[T]) Open(sealed string, now time.Time, aad []byte) (value T, until time.Time, err error) {
	var none T
	plain, err := c.Keyring.OpenString(c.Purpose, sealed, aad)
	if err != nil {
		return none, until, err
	}
	var e envelope[T]
	if err := json.Unmarshal(plain, &e); err != nil {
		return none, until, fmt.Errorf("%w: %w", ErrOpen, err)
	}
	if now.UnixMilli() >= e.Until {
		return none, until, fmt.Errorf("%w: its time is over", ErrOpen)
	}
	return e.Value, time.UnixMilli(e.Until), nil
}
