package model

import "errors"

// Outcomes that services branch on. A store returns these and wraps
// everything else.
var (
	// ErrNotFound: no such row in this realm. Rows of other realms are not
	// found either.
	ErrNotFound = errors.New("not found")
	// ErrConflict: a unique name is taken, or the row changed under the writer.
	ErrConflict = errors.New("conflict")
	// ErrTooMany: a limit that the database decides (such as pending approvals
	// per agent and person) is reached.
	ErrTooMany = errors.New("too many")
	// ErrCommitUnknown: the connection was lost while committing, so the write
	// may or may not be there. Read back, then answer.
	ErrCommitUnknown = errors.New("commit outcome unknown")
	// ErrUnavailable: the database cannot be reached or is overloaded now.
	ErrUnavailable = errors.New("store unavailable")
)
