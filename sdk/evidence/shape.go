package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// maxSeconds is the largest integer that every JSON implementation keeps
// (RFC 7493, Section 2.2).
const maxSeconds = 1<<53 - 1

// A shape tells how a canonical JSON text differs from what is expected. The
// error begins with the path to the fault: ".shown.title is missing".
type shape func(text []byte) error

// fields are the members of a closed object.
type fields map[string]shape

var (
	actionShape = object(nil, fields{
		"authorization_details": list(anyObject),
		"binding_message":       text,
		"resource":              list(text),
		"scope":                 text,
	})
	statementShape = object(fields{
		"typ": text, "iss": text, "id": text, "kind": text, "sub": text,
		"client_id": text, "client_name": text, "nonce": text,
		"iat": seconds, "exp": seconds,
		"action": actionShape,
		"shown": object(fields{
			"template": text, "locale": text, "title": text,
			"lines": list(object(fields{"label": text, "value": text}, nil)),
		}, fields{"warnings": list(text)}),
	}, fields{
		"agent": object(fields{"id": text, "name": text, "owner": text}, nil),
	})
	decisionShape = object(fields{
		"typ": text, "statement": text, "answer": text, "at": seconds,
	}, fields{"granted": actionShape})
	sealShape = object(fields{
		"typ": text, "iss": text, "id": text, "outcome": text,
		"ended_at": seconds, "iat": seconds,
		"parts": object(fields{"statement": digest},
			fields{"decision": digest, "passkey": digest, "binding": digest}),
	}, nil)
	bindingShape = object(fields{
		"typ": text, "iss": text, "sub": text, "rp_id": text, "iat": seconds,
		"credential_id": bytesOf(1, maxCredentialID),
		"public_key":    bytesOf(1, maxPublicKey),
		"aaguid":        aaguid,
	}, nil)
	headerShape = object(fields{"alg": text, "kid": text, "typ": text}, nil)
)

// object demands an object with all required members and no others than the
// required and the optional ones.
func object(required, optional fields) shape {
	all := maps.Clone(required)
	if all == nil {
		all = fields{}
	}
	maps.Copy(all, optional)
	return func(raw []byte) error {
		members, err := membersOf(raw)
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			check, known := all[name]
			if !known {
				return fmt.Errorf(" has an unknown member %q", name)
			}
			if err := check(members[name]); err != nil {
				return fmt.Errorf(".%s%w", name, err)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(required)) {
			if members[name] == nil {
				return fmt.Errorf(".%s is missing", name)
			}
		}
		return nil
	}
}

// membersOf splits a canonical object. The values are canonical themselves.
func membersOf(raw []byte) (map[string]json.RawMessage, error) {
	if len(raw) == 0 || raw[0] != '{' {
		return nil, errors.New(" is not an object")
	}
	members := make(map[string]json.RawMessage)
	eachMember(raw, func(name, value []byte) { members[unquote(name)] = value })
	return members, nil
}

func list(item shape) shape {
	return func(raw []byte) error {
		if raw[0] != '[' {
			return errors.New(" is not an array")
		}
		return eachItem(raw, func(i int, it []byte) error {
			if err := item(it); err != nil {
				return fmt.Errorf("[%d]%w", i, err)
			}
			return nil
		})
	}
}

func anyObject(raw []byte) error {
	if raw[0] != '{' {
		return errors.New(" is not an object")
	}
	return nil
}

func text(raw []byte) error {
	if raw[0] != '"' {
		return errors.New(" is not a string")
	}
	return nil
}

func boolean(raw []byte) error {
	if s := string(raw); s != "true" && s != "false" {
		return errors.New(" is neither true nor false")
	}
	return nil
}

// seconds demands an integer from 0 to 2^53-1. In canonical form that is a
// number of digits alone.
func seconds(raw []byte) error {
	n, err := strconv.ParseUint(string(raw), 10, 64)
	if err != nil || n > maxSeconds {
		return errors.New(" is not a time in whole seconds")
	}
	return nil
}

func digest(raw []byte) error {
	if !isDigest(unquote(raw)) {
		return errors.New(" is not a SHA-256 hash in base64url")
	}
	return nil
}

func isDigest(s string) bool {
	b, err := decodeBytes(s)
	return err == nil && len(b) == 32
}

// bytesOf demands base64url of lo to hi bytes.
func bytesOf(lo, hi int) shape {
	return func(raw []byte) error {
		if err := text(raw); err != nil {
			return err
		}
		b, err := decodeBytes(unquote(raw))
		switch {
		case err != nil:
			return errors.New(" is not base64url")
		case len(b) < lo || len(b) > hi:
			return fmt.Errorf(" has %d bytes, not %d to %d", len(b), lo, hi)
		}
		return nil
	}
}

// aaguid demands the lower-case text of a UUID.
func aaguid(raw []byte) error {
	s := unquote(raw)
	ok := len(s) == 36
	for i := 0; ok && i < len(s); i++ {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			ok = c == '-'
		default:
			ok = '0' <= c && c <= '9' || 'a' <= c && c <= 'f'
		}
	}
	if !ok {
		return errors.New(" is not a UUID in lower case")
	}
	return nil
}

// unquote decodes a canonical string; what is no string becomes "".
func unquote(raw []byte) string {
	if len(raw) == 0 || raw[0] != '"' {
		return ""
	}
	return string(unescape(raw))
}
