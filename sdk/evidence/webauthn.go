package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Flags of authenticator data (WebAuthn, Section 6.1).
const (
	flagUserPresent    = 1 << 0
	flagUserVerified   = 1 << 2
	flagBackupEligible = 1 << 3
	flagBackupState    = 1 << 4
	flagAttested       = 1 << 6
	flagExtensions     = 1 << 7

	minAuthenticatorData = 37 // rpIdHash, flags, signCount
)

// checkAuthenticatorData checks everything in authenticator data that does
// not need the key.
func checkAuthenticatorData(data []byte, rpID string) error {
	if len(data) < minAuthenticatorData {
		return errors.New("shorter than 37 bytes")
	}
	hash := sha256.Sum256([]byte(rpID))
	flags := data[32]
	switch {
	case !bytes.Equal(data[:32], hash[:]):
		return fmt.Errorf("rpIdHash is not that of %q", rpID)
	case flags&flagUserPresent == 0:
		return errors.New("the flag UP is not set: nobody was present")
	case flags&flagUserVerified == 0:
		return errors.New("the flag UV is not set: the person was not verified")
	case flags&flagBackupState != 0 && flags&flagBackupEligible == 0:
		return errors.New("the flag BS is set without BE")
	}
	rest := cbor{in: data[minAuthenticatorData:]}
	if flags&flagAttested != 0 {
		if err := rest.skipAttested(); err != nil {
			return err
		}
	}
	if flags&flagExtensions != 0 {
		if len(rest.in) == 0 || rest.in[0]>>5 != cborMap {
			return errors.New("extensions are not a CBOR map")
		}
		if err := rest.skip(maxCBORDepth); err != nil {
			return fmt.Errorf("extensions: %w", err)
		}
	}
	if len(rest.in) != 0 {
		return errors.New("bytes after the end")
	}
	return nil
}

// skipAttested moves over attested credential data (WebAuthn, Section 6.5.1).
// Assertions should have none; what is there is signed all the same.
func (c *cbor) skipAttested() error {
	head, err := c.take(18) // AAGUID, length of the credential id
	if err != nil {
		return errors.New("attested credential data is cut off")
	}
	if _, err := c.take(uint64(binary.BigEndian.Uint16(head[16:]))); err != nil {
		return errors.New("attested credential data is cut off")
	}
	if err := c.skip(maxCBORDepth); err != nil {
		return fmt.Errorf("attested credential data: %w", err)
	}
	return nil
}

// checkClientData checks the client data of an assertion (WebAuthn, Section
// 7.2, steps 9 to 13). Members that are unknown here are allowed: browsers may
// add some.
func checkClientData(data []byte, challenge [32]byte, rpID string) error {
	canonical, err := Canonical(data)
	if err != nil {
		return err
	}
	members, err := membersOf(canonical)
	if err != nil {
		return fmt.Errorf("client data%w", err)
	}
	switch {
	case unquote(members["type"]) != "webauthn.get":
		return errors.New("type is not webauthn.get")
	case unquote(members["challenge"]) != base64.RawURLEncoding.EncodeToString(challenge[:]):
		return errors.New("challenge is not the hash of this decision")
	case !originOf(unquote(members["origin"]), rpID):
		return fmt.Errorf("origin is not one of %q", rpID)
	case members["crossOrigin"] != nil && string(members["crossOrigin"]) != "false", members["topOrigin"] != nil:
		return errors.New("the page stood inside a page of another origin")
	}
	return nil
}

// originOf tells whether origin is a web origin whose host is rpID or lies
// below it. Plain http counts on localhost alone, where browsers allow it.
func originOf(origin, rpID string) bool {
	host, secure := strings.CutPrefix(origin, "https://")
	if !secure {
		var plain bool
		if host, plain = strings.CutPrefix(origin, "http://"); !plain {
			return false
		}
	}
	if name, port, ok := strings.Cut(host, ":"); ok {
		if len(port) == 0 || len(port) > 5 || strings.Trim(port, "0123456789") != "" {
			return false
		}
		host = name
	}
	if !isHost(host) || !isHost(rpID) {
		return false
	}
	if !secure && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return false
	}
	return host == rpID || strings.HasSuffix(host, "."+rpID)
}

// isHost tells whether s is a host name as browsers write it: lower case,
// labels of letters, digits and hyphens.
func isHost(s string) bool {
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return len(s) <= 253
}
