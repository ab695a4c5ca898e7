package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	maxCredentialID      = 1023 // WebAuthn, Section 4: credential ID
	maxPublicKey         = 2048
	maxAuthenticatorData = 4096
	maxClientData        = 8192
	maxSignature         = 1024
)

// A part is one member of the evidence and how it must look.
type part struct {
	name     string
	shape    shape
	required bool
}

// parts are the members of evidence in the order in which their shape is
// checked.
var parts = []part{
	{"typ", evidenceType, true},
	{"outcome", outcomeShape, true},
	{"ended_at", seconds, true},
	{"statement", statementShape, true},
	{"decision", decisionShape, false},
	{"passkey", passkeyShape, false},
	{"binding", text, false},
	{"server", text, true},
	{"log", anyObject, false},
}

// passkeyParts are the members of a passkey in the order in which their shape
// is checked.
var passkeyParts = []part{
	{"credential_id", bytesOf(1, maxCredentialID), true},
	{"public_key", bytesOf(1, maxPublicKey), true},
	{"backup_eligible", boolean, true},
	{"backup_state", boolean, true},
	{"aaguid", aaguid, true},
	{"authenticator_data", bytesOf(minAuthenticatorData, maxAuthenticatorData), true},
	{"client_data_json", bytesOf(1, maxClientData), true},
	{"signature", bytesOf(1, maxSignature), true},
}

// read splits the evidence into its members and checks the shape of each.
func (v *verifier) read(evidenceJSON []byte) error {
	if len(evidenceJSON) > maxEvidence {
		return &PartError{"evidence", "longer than 1 MB"}
	}
	canonical, err := Canonical(evidenceJSON)
	if err != nil {
		return &PartError{blamed(err), err.Error()}
	}
	v.members, err = membersOf(canonical)
	if err != nil {
		return &PartError{"evidence", strings.TrimSpace(err.Error())}
	}
	return checkParts("", parts, v.members)
}

// blamed names the part to which a fault in the JSON text belongs.
func blamed(err error) string {
	var fault *textError
	if !errors.As(err, &fault) || !fault.inside || len(fault.path) == 0 {
		return "evidence"
	}
	if fault.path[0] == "passkey" && len(fault.path) > 1 {
		return nameOf("passkey.", fault.path[1])
	}
	return nameOf("", fault.path[0])
}

// nameOf returns prefix+member, or the part that holds the member if its name
// is not one to repeat in a message.
func nameOf(prefix, member string) string {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
	if member != "" && len(member) <= 64 && strings.Trim(member, allowed) == "" {
		return prefix + member
	}
	if prefix == "" {
		return "evidence"
	}
	return strings.TrimSuffix(prefix, ".")
}

// checkParts checks that the members are those listed and that each has its
// shape. The first one listed is checked before unknown ones are named: it
// tells which format this is.
func checkParts(prefix string, listed []part, members map[string]json.RawMessage) error {
	for i, p := range listed {
		if raw := members[p.name]; raw != nil {
			if err := p.shape(raw); err != nil {
				var named *PartError
				if errors.As(err, &named) {
					return named
				}
				return &PartError{prefix + p.name, strings.TrimSpace(err.Error())}
			}
		} else if p.required {
			return &PartError{prefix + p.name, "is missing"}
		}
		if i == 0 {
			if err := checkKnown(prefix, listed, members); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkKnown refuses members that are not listed; the first by name is named.
func checkKnown(prefix string, listed []part, members map[string]json.RawMessage) error {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.ContainsFunc(listed, func(p part) bool { return p.name == name }) {
			return &PartError{nameOf(prefix, name), fmt.Sprintf("has an unknown member %q", name)}
		}
	}
	return nil
}

func evidenceType(raw []byte) error {
	if unquote(raw) != EvidenceType {
		return fmt.Errorf(" is not %q", EvidenceType)
	}
	return nil
}

func passkeyShape(raw []byte) error {
	members, err := membersOf(raw)
	if err != nil {
		return err
	}
	return checkParts("passkey.", passkeyParts, members)
}
