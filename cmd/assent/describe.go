package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/evidence"
)

const softwareWarning = "a passkey in software: it shows that a program answered, not a person"

// describe tells in plain words what verified evidence says: what was shown,
// and what was granted.
func describe(t *table, v *evidence.Verified) {
	s := v.Statement
	t.row("outcome", v.Outcome)
	t.row("shown", s.Shown.Title)
	for _, line := range s.Shown.Lines {
		t.row("  "+line.Label, line.Value)
	}
	for _, warning := range s.Shown.Warnings {
		t.row("  warning", warning)
	}
	describeAction(t, v)
	t.row("person", s.Sub)
	t.row("asked by", asker(s))
	t.row("asked at", stamp(s.Iat))
	if v.Decision != nil {
		t.row("answered at", stamp(v.Decision.At))
	} else {
		t.row("ended at", stamp(v.EndedAt))
	}
	t.row("passkey", passkeyLine(v))
	t.row("realm", v.Issuer)
}

func asker(s evidence.Statement) string {
	if s.Agent != nil {
		return fmt.Sprintf("%s (agent %s of %s)", s.Agent.Name, s.Agent.ID, s.Agent.Owner)
	}
	return fmt.Sprintf("%s (%s)", s.ClientName, s.ClientID)
}

// describeAction prints what a yes is for, member by member. What was shown is
// text beside it: that the two say the same is the server's word alone.
func describeAction(t *table, v *evidence.Verified) {
	asked := v.Statement.Action
	if v.Decision == nil || v.Decision.Granted == nil {
		t.row("not granted", "what was asked for:")
		actionRows(t, asked)
		return
	}
	granted := *v.Decision.Granted
	if evidence.Narrower(asked, granted) == nil { // and granted is narrower, or the evidence were not valid
		t.row("granted", "all that was asked for:")
		actionRows(t, granted)
		return
	}
	t.row("granted", "LESS than was asked for, only:")
	actionRows(t, granted)
	t.row("not all of", "what was asked for:")
	actionRows(t, asked)
}

func actionRows(t *table, a evidence.Action) {
	t.row("  message", a.BindingMessage)
	t.row("  scope", a.Scope)
	for _, resource := range a.Resource {
		t.row("  resource", resource)
	}
	for _, raw := range a.AuthorizationDetails {
		t.row("  details", compact(raw))
		if command := commandOf(raw); len(command) != 0 {
			t.row("  command", shellWords(command))
		}
	}
}

// compact is JSON on one line, in canonical form.
func compact(raw json.RawMessage) string {
	text, err := evidence.Canonical(raw)
	if err != nil { // not so in verified evidence
		text = raw
	}
	return string(text)
}

// commandOf returns the command of an action that has one.
func commandOf(raw json.RawMessage) []string {
	var detail struct {
		Type    string   `json:"type"`
		Command []string `json:"command"`
	}
	if err := json.Unmarshal(raw, &detail); err != nil || detail.Type != assent.DetailsType {
		return nil
	}
	return detail.Command
}

func passkeyLine(v *evidence.Verified) string {
	if v.Passkey == nil {
		return "none was needed"
	}
	line := base64.RawURLEncoding.EncodeToString(v.Passkey.CredentialID)
	line += ", bound to this person since " + stamp(v.BoundAt)
	if v.SoftwarePasskey {
		line += " (" + softwareWarning + ")"
	}
	return line
}

// verifiedReport is what `assent verify --json` prints of valid evidence.
type verifiedReport struct {
	Valid           bool            `json:"valid"`
	Issuer          string          `json:"issuer"`
	ApprovalID      string          `json:"approval_id"`
	Outcome         string          `json:"outcome"`
	EndedAt         time.Time       `json:"ended_at"`
	Person          string          `json:"person"`
	ClientID        string          `json:"client_id"`
	Title           string          `json:"title"`
	StatementHash   string          `json:"statement_hash"`
	Granted         json.RawMessage `json:"granted,omitempty"`
	CredentialID    string          `json:"credential_id,omitempty"`
	SoftwarePasskey bool            `json:"software_passkey"`
}

func newVerifiedReport(v *evidence.Verified) verifiedReport {
	r := verifiedReport{
		Valid: true, Issuer: v.Issuer, ApprovalID: v.Statement.ID, Outcome: v.Outcome,
		EndedAt: time.Unix(v.EndedAt, 0).UTC(), Person: v.Statement.Sub, ClientID: v.Statement.ClientID,
		Title: v.Statement.Shown.Title, StatementHash: v.StatementHash, SoftwarePasskey: v.SoftwarePasskey,
	}
	if v.Passkey != nil {
		r.CredentialID = base64.RawURLEncoding.EncodeToString(v.Passkey.CredentialID)
	}
	if v.Decision != nil && v.Decision.Granted != nil {
		r.Granted, _ = evidence.CanonicalValue(v.Decision.Granted) // it was canonical when it was verified
	}
	return r
}

func trimLine(text string) string { return strings.TrimRight(text, "\r\n") }
