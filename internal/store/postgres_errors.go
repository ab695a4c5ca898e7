package store

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/assent-id/assent/internal/model"
)

// Codes of PostgreSQL that mean something here.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	divisionByZero       = "22012" // a guard found no row
	foreignKeyViolation  = "23503"
	uniqueViolation      = "23505"
	readOnlyTransaction  = "25006" // a standby that was the primary
	noSuchStatement      = "26000" // a pooler changed the connection beneath
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	undefinedTable       = "42P01"
	duplicateTable       = "42P07"
	lockNotAvailable     = "55P03"
	queryCanceled        = "57014"
)

// errSerialization: others were in the way; running again may succeed.
var errSerialization = errors.New("serialization failure")

// isFarewell reports whether the server closes the connection with this
// error, or this connection is of no use any more.
func isFarewell(e *pgconn.PgError) bool {
	severity := e.SeverityUnlocalized
	return severity == "FATAL" || severity == "PANIC" || e.Code == readOnlyTransaction || e.Code == noSuchStatement
}

// outcome is what a failed transaction means to the caller.
func outcome(err error, p *pipeline) error {
	if err == nil {
		return nil
	}
	atCommit := p.done == len(p.steps)-1
	server, ok := isServerError(err)
	switch {
	case errors.Is(err, errNotSent), errors.Is(err, model.ErrUnavailable):
		return unavailable(err)
	case !ok && isCallers(err):
		return err
	case !ok:
		// Sent, and no answer: the server may have got to the COMMIT.
		return fmt.Errorf("%w: %w", model.ErrCommitUnknown, err)
	case isFarewell(server) && atCommit:
		return fmt.Errorf("%w: %w", model.ErrCommitUnknown, err)
	case server.Code == divisionByZero && p.done < len(p.steps) && p.steps[p.done].missed != nil:
		return p.steps[p.done].missed
	default:
		return readOutcome(err)
	}
}

// readOutcome is what a failure means when nothing can have been committed.
func readOutcome(err error) error {
	server, ok := isServerError(err)
	switch {
	case err == nil:
		return nil
	case !ok && isCallers(err):
		return err
	case !ok:
		return unavailable(err)
	}
	switch server.Code {
	case serializationFailure, deadlockDetected:
		return fmt.Errorf("%w: %w", errSerialization, err)
	case uniqueViolation:
		return fmt.Errorf("%w: %w", model.ErrConflict, err)
	case foreignKeyViolation: // what it belongs to is not there
		return fmt.Errorf("%w: %w", model.ErrNotFound, err)
	case lockNotAvailable, queryCanceled, readOnlyTransaction, noSuchStatement:
		return unavailable(err)
	}
	switch server.Code[:2] {
	case "08", "53", "57", "58": // connection, resources, operator, system
		return unavailable(err)
	}
	return err
}

func unavailable(err error) error {
	if errors.Is(err, model.ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", model.ErrUnavailable, err)
}
