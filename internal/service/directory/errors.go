package directory

import (
	"errors"
	"fmt"
)

var (
	// ErrUsernameTaken: another identity of the realm has this username,
	// ignoring case.
	ErrUsernameTaken = errors.New("username is taken")
	// ErrNameTaken: another group of the realm, or another role of the resource
	// server, has this name, ignoring the case of groups.
	ErrNameTaken = errors.New("name is taken")
	// ErrChanged: it is another version by now than the caller read.
	ErrChanged = errors.New("it was changed since it was read")
	// ErrLastAdmin: without this person nobody with a passkey could manage the server.
	ErrLastAdmin = errors.New("nobody else could manage the server")
	// ErrLastPasskey: the person would have no way to sign in any more.
	ErrLastPasskey = errors.New("it is the person's only way to sign in")
	// ErrLinkUnknown: no such link in this realm, or it was taken back.
	ErrLinkUnknown = errors.New("binding link is not known")
	// ErrLinkUsed: a passkey has been bound with this link.
	ErrLinkUsed = errors.New("binding link has been used")
	// ErrLinkExpired: the time of the link is over.
	ErrLinkExpired = errors.New("binding link has expired")
	// ErrProofRequired: the person has a passkey already and must be signed in
	// with one of them before another is bound.
	ErrProofRequired = errors.New("a passkey of this person must be proved first")
	// ErrRecoveryRequired: every passkey of the person was revoked, so that none can be
	// proved. It takes a link for recovery.
	ErrRecoveryRequired = errors.New("every passkey of this person was revoked: a link for recovery is needed")
	// ErrCeremony: the binding was not begun here or waited too long. Opening
	// the link again helps.
	ErrCeremony = errors.New("ceremony is over")
	// ErrPasskeyTaken: this passkey is bound in the realm already.
	ErrPasskeyTaken = errors.New("passkey is bound already")
	// ErrPasskeyInvalid: the browser's answer is not a valid new passkey.
	ErrPasskeyInvalid = errors.New("passkey is not valid")
	// ErrSoftwarePasskey: the passkey lives in a program, and the realm is not
	// for development.
	ErrSoftwarePasskey = errors.New("software passkeys are for development realms only")
	// ErrNotAllowed: the gate says that this person may not do anything now.
	ErrNotAllowed = errors.New("person may not bind a passkey now")
	// ErrAdmin: the person is an admin, and whoever asks may not let one in.
	ErrAdmin = errors.New("person is an admin")
	// ErrNoMail: this server sends no e-mail.
	ErrNoMail = errors.New("no e-mail is sent from here")
	// ErrNoAddress: the person has no e-mail address.
	ErrNoAddress = errors.New("person has no e-mail address")
	// ErrOrigin: a ceremony may not run at this origin.
	ErrOrigin = errors.New("origin is not trusted")
)

// An InvalidError names a field that is not what it must be.
type InvalidError struct {
	Field  string // as in JSON: "username", "expires", ...
	Reason string
}

func (e *InvalidError) Error() string { return fmt.Sprintf("%s %s", e.Field, e.Reason) }

func invalid(field, reason string) error { return &InvalidError{Field: field, Reason: reason} }
