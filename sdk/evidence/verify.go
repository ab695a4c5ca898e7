package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

const maxEvidence = 1 << 20 // bytes of evidence

// Options narrow what Verify accepts.
type Options struct {
	// Issuer, when set, is the one realm whose evidence is accepted.
	Issuer string
	// At, when set, is the time of the check: evidence of what ended more
	// than Skew seconds later is refused.
	At time.Time
}

// Verified is evidence of which every part holds.
type Verified struct {
	Issuer        string
	Statement     Statement
	StatementHash string
	Outcome       string
	EndedAt       int64     // Unix seconds
	Decision      *Decision // nil when expired or withdrawn
	Passkey       *Passkey  // nil when nobody signed
	BoundAt       int64     // Unix seconds since when the passkey is the person's; 0 without Passkey
	// SoftwarePasskey tells that a program for demos and tests answered, not
	// a person.
	SoftwarePasskey bool
}

// A PartError tells which part of the evidence is the first that does not
// hold: the name of a member, "passkey.<member>", "evidence" when the text as
// a whole cannot be read, or "keys" when the keys cannot.
type PartError struct {
	Part   string
	Reason string
}

func (e *PartError) Error() string { return e.Part + ": " + e.Reason }

// Verify checks every part of the evidence against the public keys of the
// realm that is said to have made it, without network or clock. Any error is
// a *PartError. docs/formats.md gives the steps and their order.
func Verify(evidenceJSON, jwksJSON []byte, opts Options) (*Verified, error) {
	keys, err := parseKeys(jwksJSON)
	if err != nil {
		return nil, &PartError{"keys", err.Error()}
	}
	v := verifier{keys: keys, opts: opts}
	if err := v.read(evidenceJSON); err != nil {
		return nil, err
	}
	for _, step := range steps {
		if err := step.check(&v); err != nil {
			var named *PartError
			if !errors.As(err, &named) {
				named = &PartError{step.part, err.Error()}
			}
			return nil, named
		}
	}
	return &v.result, nil
}

// steps are the checks in their order. A step may rely on all those before it
// and looks at no part that comes later, so that one altered part is named by
// its own step. An error without a part of its own gets the step's.
var steps = []struct {
	part  string
	check func(*verifier) error
}{
	{"server", (*verifier).checkServer},
	{"outcome", (*verifier).checkOutcome},
	{"ended_at", (*verifier).checkEndedAt},
	{"statement", (*verifier).checkStatement},
	{"ended_at", (*verifier).checkEndedInTime},
	{"decision", (*verifier).checkDecision},
	{"binding", (*verifier).checkBinding},
	{"passkey", (*verifier).checkPasskey},
	{"log", (*verifier).checkLog},
}

// A verifier holds one piece of evidence, its members in canonical form.
type verifier struct {
	keys    keySet
	opts    Options
	members map[string]json.RawMessage
	seal    SealClaims
	binding BindingClaims
	result  Verified
}

// checkServer checks the realm's signature and learns from it what all other
// parts must be.
func (v *verifier) checkServer() error {
	payload, err := v.keys.verify(unquote(v.members["server"]), SealHeaderType)
	if err != nil {
		return err
	}
	if err := sealShape(payload); err != nil {
		return fmt.Errorf("seal%w", err)
	}
	if err := json.Unmarshal(payload, &v.seal); err != nil {
		return fmt.Errorf("seal: %w", err)
	}
	switch {
	case v.seal.Typ != SealType:
		return fmt.Errorf("seal.typ is not %q", SealType)
	case v.opts.Issuer != "" && v.seal.Iss != v.opts.Issuer:
		return fmt.Errorf("seal.iss is %q, not %q", v.seal.Iss, v.opts.Issuer)
	}
	v.result.Issuer = v.seal.Iss
	return nil
}

func (v *verifier) checkOutcome() error {
	v.result.Outcome = unquote(v.members["outcome"])
	if v.result.Outcome != v.seal.Outcome {
		return errors.New("is not what the server sealed")
	}
	return nil
}

func (v *verifier) checkEndedAt() error {
	if err := json.Unmarshal(v.members["ended_at"], &v.result.EndedAt); err != nil {
		return err
	}
	if v.result.EndedAt != v.seal.EndedAt {
		return errors.New("is not what the server sealed")
	}
	if at := v.opts.At; !at.IsZero() && v.result.EndedAt > at.Unix()+Skew {
		return errors.New("lies in the future")
	}
	return nil
}

// sealed checks that the part is what the server sealed, or that it stands
// in neither. It tells whether it is there.
func (v *verifier) sealed(part string, content []byte) (present bool, err error) {
	want, expected := v.seal.Parts[part]
	switch present = content != nil; {
	case expected && !present:
		return false, errors.New("is missing")
	case present && !expected:
		return true, errors.New("was not sealed by the server")
	case present && Hash(content) != want:
		return true, errors.New("is not what the server sealed")
	}
	return present, nil
}

func (v *verifier) checkStatement() error {
	raw := v.members["statement"]
	if _, err := v.sealed("statement", raw); err != nil {
		return err
	}
	s := &v.result.Statement
	if err := parseStatement(raw, s); err != nil {
		return err
	}
	if s.Iss != v.seal.Iss || s.ID != v.seal.ID {
		return errors.New("iss and id are not those of the seal")
	}
	v.result.StatementHash = Hash(raw)
	return nil
}

// checkEndedInTime demands that the approval ended when that outcome was
// possible.
func (v *verifier) checkEndedInTime() error {
	s, ended := v.result.Statement, v.result.EndedAt
	answered := v.result.Outcome == Approved || v.result.Outcome == Denied
	switch {
	case ended < s.Iat-Skew:
		return errors.New("lies before the statement was made")
	case answered && ended > s.Exp+Skew:
		return errors.New("lies after the statement expired")
	case v.result.Outcome == Expired && ended < s.Exp-Skew:
		return errors.New("lies before the statement expired")
	}
	return nil
}

func (v *verifier) checkDecision() error {
	raw := v.members["decision"]
	present, err := v.sealed("decision", raw)
	if err != nil {
		return err
	}
	want := map[string]string{Approved: Approve, Denied: Deny}[v.result.Outcome]
	switch {
	case !present && want == "":
		return nil
	case !present:
		return errors.New("is missing")
	case want == "":
		return fmt.Errorf("stands in evidence of what has %s", v.result.Outcome)
	}
	d := new(Decision)
	if err := parseDecision(raw, d); err != nil {
		return err
	}
	if err := CheckDecision(*d, v.result.Statement, v.result.StatementHash); err != nil {
		return err
	}
	if d.Answer != want {
		return fmt.Errorf("decision.answer is %s, the outcome %s", d.Answer, v.result.Outcome)
	}
	v.result.Decision = d
	return nil
}

func (v *verifier) checkBinding() error {
	var content []byte
	if raw := v.members["binding"]; raw != nil {
		content = []byte(unquote(raw))
	}
	present, err := v.sealed("binding", content)
	if err != nil {
		return err
	}
	_, passkey := v.seal.Parts["passkey"]
	needed := v.result.Outcome == Approved || passkey
	switch {
	case !present && needed:
		return errors.New("is missing")
	case !present:
		return nil
	case !needed:
		return errors.New("stands in evidence without a passkey")
	}
	payload, err := v.keys.verify(string(content), BindingHeaderType)
	if err != nil {
		return err
	}
	if v.binding, err = parseBinding(payload); err != nil {
		return err
	}
	switch s := v.result.Statement; {
	case v.binding.Iss != s.Iss:
		return errors.New("binding.iss is not the statement's")
	case v.binding.Sub != s.Sub:
		return errors.New("binding.sub is not the person of the statement")
	}
	return v.binding.check(v.result.Decision)
}

func (v *verifier) checkLog() error {
	if v.members["log"] != nil {
		// Nothing is taken on trust: version 1 has no proofs to check yet.
		return errors.New("log proofs cannot be checked by this version")
	}
	return nil
}

var outcomes = []string{Approved, Denied, Expired, Withdrawn}

func outcomeShape(raw []byte) error {
	if !slices.Contains(outcomes, unquote(raw)) {
		return errors.New(" is not an outcome")
	}
	return nil
}
