package passkey

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
)

// checkClientData is stricter than the library. An origin must be one of ours to
// the letter, where the library compares host names alone and overlooks a path.
// And the client data must have one reading, because evidence carries it to
// verifiers in other languages: no member name twice, or in two cases.
func checkClientData(rp RP, challenge, raw []byte, data protocol.CollectedClientData) error {
	if len(challenge) < minChallenge { // or an empty one would match an empty one
		return errShortChallenge
	}
	if !slices.Contains(rp.Origins, data.Origin) {
		return fmt.Errorf("%w: the origin is not one of this realm", ErrRefused)
	}
	return uniqueNames(raw)
}

// uniqueNames looks at the outermost object only; that is where every member is
// that anybody reads.
func uniqueNames(raw []byte) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return fmt.Errorf("%w: client data is not an object", ErrMalformed)
	}
	var names []string
	for dec.More() {
		token, err := dec.Token()
		name, ok := token.(string)
		if err != nil || !ok || len(names) == 32 {
			return fmt.Errorf("%w: client data", ErrMalformed)
		}
		if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, name) }) {
			return fmt.Errorf("%w: client data has a member twice", ErrMalformed)
		}
		names = append(names, name)
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			return fmt.Errorf("%w: client data", ErrMalformed)
		}
	}
	return nil
}

// checkBackup refuses a passkey that is backed up and cannot be (Section 6.1.3).
func checkBackup(flags protocol.AuthenticatorFlags) error {
	if flags.HasBackupState() && !flags.HasBackupEligible() {
		return fmt.Errorf("%w: backed up but not eligible for backup", ErrRefused)
	}
	return nil
}
