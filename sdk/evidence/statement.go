package evidence

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// The typ members of the formats, version 1.
const (
	StatementType = "assent.statement.v1"
	DecisionType  = "assent.decision.v1"
	EvidenceType  = "assent.evidence.v1"
	SealType      = "assent.seal.v1"
	BindingType   = "assent.binding.v1"
)

// A Statement is the exact action that a person is asked about and the text
// that is shown for it.
type Statement struct {
	Typ        string `json:"typ"` // StatementType
	Iss        string `json:"iss"` // issuer of the realm
	ID         string `json:"id"`  // of the approval
	Kind       string `json:"kind"`
	Sub        string `json:"sub"` // the person
	ClientID   string `json:"client_id"`
	ClientName string `json:"client_name"`
	Agent      *Agent `json:"agent,omitempty"`
	Action     Action `json:"action"`
	Shown      Shown  `json:"shown"`
	Nonce      string `json:"nonce"` // 256 random bits, base64url: 43 characters
	Iat        int64  `json:"iat"`   // Unix seconds
	Exp        int64  `json:"exp"`   // Unix seconds; no decision counts later
}

// An Agent is the agent that asks.
type Agent struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Owner string `json:"owner"` // identity id
}

// An Action is what is asked for, or what was granted of it.
type Action struct {
	BindingMessage       string            `json:"binding_message,omitempty"`
	Scope                string            `json:"scope,omitempty"`                 // space separated
	AuthorizationDetails []json.RawMessage `json:"authorization_details,omitempty"` // JSON objects (RFC 9396)
	Resource             []string          `json:"resource,omitempty"`              // URIs (RFC 8707)
}

// Shown is the text that the approver renders, and nothing else.
type Shown struct {
	Template string   `json:"template"` // name and version, such as "deploy.v1"
	Locale   string   `json:"locale"`   // BCP 47
	Title    string   `json:"title"`
	Lines    []Line   `json:"lines"`
	Warnings []string `json:"warnings,omitempty"`
}

// A Line is one labelled value that is shown.
type Line struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Canonical returns the RFC 8785 form of the statement. It fails on text that
// is not UTF-8 and on authorization details that are not JSON.
func (s Statement) Canonical() ([]byte, error) {
	w := writer{out: make([]byte, 0, 2048)}
	w.open()
	w.name("action")
	w.action(s.Action)
	if s.Agent != nil {
		w.name("agent")
		w.open()
		w.text("id", s.Agent.ID)
		w.text("name", s.Agent.Name)
		w.text("owner", s.Agent.Owner)
		w.close()
	}
	w.text("client_id", s.ClientID)
	w.text("client_name", s.ClientName)
	w.int("exp", s.Exp)
	w.int("iat", s.Iat)
	w.text("id", s.ID)
	w.text("iss", s.Iss)
	w.text("kind", s.Kind)
	w.text("nonce", s.Nonce)
	w.name("shown")
	w.shown(s.Shown)
	w.text("sub", s.Sub)
	w.text("typ", s.Typ)
	w.close()
	return w.result("statement")
}

func (w *writer) action(a Action) {
	w.open()
	if len(a.AuthorizationDetails) > 0 {
		w.name("authorization_details")
		writeList(w, a.AuthorizationDetails, w.raw)
	}
	if a.BindingMessage != "" {
		w.text("binding_message", a.BindingMessage)
	}
	if len(a.Resource) > 0 {
		w.name("resource")
		writeList(w, a.Resource, w.string)
	}
	if a.Scope != "" {
		w.text("scope", a.Scope)
	}
	w.close()
}

func (w *writer) shown(s Shown) {
	w.open()
	w.name("lines")
	writeList(w, s.Lines, func(l Line) {
		w.open()
		w.text("label", l.Label)
		w.text("value", l.Value)
		w.close()
	})
	w.text("locale", s.Locale)
	w.text("template", s.Template)
	w.text("title", s.Title)
	if len(s.Warnings) > 0 {
		w.name("warnings")
		writeList(w, s.Warnings, w.string)
	}
	w.close()
}

// ParseStatement reads a statement from JSON text. It refuses unknown and
// duplicate members and a statement that Validate refuses.
func ParseStatement(text []byte) (Statement, error) {
	var s Statement
	canonical, err := Canonical(text)
	if err != nil {
		return s, fmt.Errorf("statement: %w", err)
	}
	return s, parseStatement(canonical, &s)
}

func parseStatement(canonical []byte, s *Statement) error {
	if err := statementShape(canonical); err != nil {
		return fmt.Errorf("statement%w", err)
	}
	if err := json.Unmarshal(canonical, s); err != nil {
		return fmt.Errorf("statement: %w", err)
	}
	return s.Validate()
}

// Validate tells what keeps the statement from being one that a verifier
// accepts.
func (s Statement) Validate() error {
	switch {
	case s.Typ != StatementType:
		return fmt.Errorf("statement.typ is not %q", StatementType)
	case slices.Contains([]string{s.Iss, s.ID, s.Kind, s.Sub, s.ClientID, s.Shown.Template, s.Shown.Title}, ""):
		return errors.New("statement: iss, id, kind, sub, client_id, shown.template and shown.title must not be empty")
	case s.Agent != nil && (s.Agent.ID == "" || s.Agent.Owner == ""):
		return errors.New("statement.agent: id and owner must not be empty")
	case !isDigest(s.Nonce):
		return errors.New("statement.nonce is not 256 bits in base64url")
	case s.Iat < 0 || s.Exp <= s.Iat || s.Exp > maxSeconds:
		return errors.New("statement: exp is not after iat")
	}
	return nil
}
