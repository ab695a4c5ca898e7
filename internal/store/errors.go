package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/model"
)

var errClosed = fmt.Errorf("%w: the store is closed", model.ErrUnavailable)

// takeTurn waits for a place among those who may use a connection, for as long
// as ctx and [waitTimeout] allow.
func takeTurn(ctx context.Context, turns chan struct{}) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case turns <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(waitTimeout)
	defer timer.Stop()
	select {
	case turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: all connections are in use: %w", model.ErrUnavailable, ctx.Err())
	case <-timer.C:
		return fmt.Errorf("%w: all connections are in use", model.ErrUnavailable)
	}
}

// wrap says what was being done, and to which id.
func wrap[ID ~string](err error, doing string, id ID) error {
	switch {
	case err == nil:
		return nil
	case id == "":
		return fmt.Errorf("%s: %w", doing, err)
	default:
		return fmt.Errorf("%s %s: %w", doing, id, err)
	}
}

// first is the first error that is one.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// decode reads a column of JSON and keeps the first failure.
func decode(text string, into any, bad *error) {
	if err := json.Unmarshal([]byte(text), into); err != nil && *bad == nil {
		*bad = fmt.Errorf("decode a column: %w", err)
	}
}

// isCallers reports whether the caller stopped waiting.
func isCallers(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
