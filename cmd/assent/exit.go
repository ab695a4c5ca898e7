package main

import (
	"errors"

	"github.com/assent-id/assent/sdk/assent"
)

// The exit codes. Above 128: ended by the signal with the code minus 128. With
// a COMMAND that ran, the code is the COMMAND's own.
const (
	exitFailed      = 1  // something else went wrong
	exitUsage       = 2  // the command line cannot be understood
	exitDenied      = 10 // the person said no
	exitExpired     = 11 // nobody answered in time
	exitUnreachable = 12 // the server cannot be reached
	exitInvalid     = 13 // what came back proves no approval of exactly this
)

// An exitError ends the program with a code of its own.
type exitError struct {
	code int
	text string // empty: everything has been said
}

func (e *exitError) Error() string { return e.text }

func usage(text string) error { return &exitError{code: exitUsage, text: text} }

// exitCode sorts errors into exit codes. What it does not know is a failure,
// never a success.
func exitCode(err error) int {
	if e, ok := errors.AsType[*exitError](err); ok && e.code != 0 {
		return e.code
	}
	if e, ok := errors.AsType[*signalError](err); ok {
		return 128 + int(e.signal)
	}
	for _, known := range []struct {
		kind error
		code int
	}{
		{assent.ErrDenied, exitDenied},
		{assent.ErrExpired, exitExpired},
		{assent.ErrUnreachable, exitUnreachable},
		{assent.ErrInvalid, exitInvalid},
	} {
		if errors.Is(err, known.kind) {
			return known.code
		}
	}
	return exitFailed
}
