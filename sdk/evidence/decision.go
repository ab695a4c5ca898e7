package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// The answers of a decision.
const (
	Approve = "approve"
	Deny    = "deny"
)

// Skew is by how many seconds clocks may differ: the approver's, which sets
// Decision.At, and those of the server's nodes.
const Skew = 60

// A Decision is a person's answer to one statement. Its canonical form is what
// the passkey signs the hash of.
type Decision struct {
	Typ       string  `json:"typ"`               // DecisionType
	Statement string  `json:"statement"`         // Hash of the canonical statement
	Answer    string  `json:"answer"`            // Approve or Deny
	Granted   *Action `json:"granted,omitempty"` // the action or a narrower one; with Approve only
	At        int64   `json:"at"`                // Unix seconds
}

// Canonical returns the RFC 8785 form of the decision. It fails on text that
// is not UTF-8 and on authorization details that are not JSON.
func (d Decision) Canonical() ([]byte, error) {
	w := writer{out: make([]byte, 0, 1024)}
	w.open()
	w.text("answer", d.Answer)
	w.int("at", d.At)
	if d.Granted != nil {
		w.name("granted")
		w.action(*d.Granted)
	}
	w.text("statement", d.Statement)
	w.text("typ", d.Typ)
	w.close()
	return w.result("decision")
}

// Challenge returns the WebAuthn challenge for a decision: the SHA-256 of its
// canonical form. The approver computes it from the statement that it shows.
func Challenge(decisionCanonical []byte) [32]byte {
	return sha256.Sum256(decisionCanonical)
}

// Comparison returns the four digits that the asking side and the approver
// both show for the statement with this hash.
func Comparison(statementHash string) string {
	sum := sha256.Sum256([]byte("assent.comparison.v1" + statementHash))
	return fmt.Sprintf("%04d", binary.BigEndian.Uint32(sum[:4])%10000)
}

// ParseDecision reads a decision from JSON text. It refuses unknown and
// duplicate members.
func ParseDecision(text []byte) (Decision, error) {
	var d Decision
	canonical, err := Canonical(text)
	if err != nil {
		return d, fmt.Errorf("decision: %w", err)
	}
	return d, parseDecision(canonical, &d)
}

func parseDecision(canonical []byte, d *Decision) error {
	if err := decisionShape(canonical); err != nil {
		return fmt.Errorf("decision%w", err)
	}
	if err := json.Unmarshal(canonical, d); err != nil {
		return fmt.Errorf("decision: %w", err)
	}
	return nil
}

// CheckDecision tells why d does not answer the statement s, whose canonical
// form hashes to statementHash: it answers another one, came outside of
// [iat-Skew, exp], or grants what was not asked.
func CheckDecision(d Decision, s Statement, statementHash string) error {
	switch {
	case d.Typ != DecisionType:
		return fmt.Errorf("decision.typ is not %q", DecisionType)
	case d.Statement != statementHash:
		return errors.New("decision.statement is not the hash of the statement")
	case d.Answer != Approve && d.Answer != Deny:
		return errors.New("decision.answer is neither approve nor deny")
	case d.At < s.Iat-Skew:
		return errors.New("decision.at is before the statement was made")
	case d.At > s.Exp:
		return errors.New("decision.at is after the statement expired")
	case d.Answer == Deny && d.Granted != nil:
		return errors.New("decision.granted stands in a denial")
	case d.Answer == Deny:
		return nil
	case d.Granted == nil:
		return errors.New("decision.granted is missing")
	}
	return Narrower(*d.Granted, s.Action)
}

// Narrower tells why granted is not the asked action or less of it. What was
// asked once can be granted once: two equal authorization details need two
// that were asked.
func Narrower(granted, asked Action) error {
	if granted.BindingMessage != asked.BindingMessage {
		return errors.New("granted.binding_message is not the one asked")
	}
	if extra, ok := subset(scopes(granted.Scope), scopes(asked.Scope)); !ok {
		return fmt.Errorf("granted.scope: %q was not asked", extra)
	}
	if extra, ok := subset(granted.Resource, asked.Resource); !ok {
		return fmt.Errorf("granted.resource: %q was not asked", extra)
	}
	have, err := canonicalList(granted.AuthorizationDetails)
	if err != nil {
		return fmt.Errorf("granted.authorization_details: %w", err)
	}
	may, err := canonicalList(asked.AuthorizationDetails)
	if err != nil {
		return fmt.Errorf("authorization_details: %w", err)
	}
	if _, ok := subset(have, may); !ok {
		return errors.New("granted.authorization_details holds one that was not asked")
	}
	return nil
}

// scopes splits a scope (RFC 6749, Section 3.3).
func scopes(scope string) []string {
	return strings.FieldsFunc(scope, func(r rune) bool { return r == ' ' })
}

// subset tells whether every item of have stands in may at least as often,
// and if not, returns one that does not.
func subset(have, may []string) (extra string, ok bool) {
	left := make(map[string]int, len(may))
	for _, item := range may {
		left[item]++
	}
	for _, item := range have {
		if left[item] == 0 {
			return item, false
		}
		left[item]--
	}
	return "", true
}

func canonicalList(details []json.RawMessage) ([]string, error) {
	list := make([]string, len(details))
	for i, raw := range details {
		canonical, err := Canonical(raw)
		if err != nil {
			return nil, err
		}
		list[i] = string(canonical)
	}
	return list, nil
}
