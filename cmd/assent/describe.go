package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/sdk/evidence"
)

const softwareWarning = "a passkey in software: it shows that a program answered, not a person"

// describe tells in plain words what verified evidence says.
func describe(t *table, v *evidence.Verified) {
	s := v.Statement
	t.row("outcome", v.Outcome)
	t.row("asked", s.Shown.Title)
	for _, line := range s.Shown.Lines {
		t.row("  "+line.Label, line.Value)
	}
	describeGranted(t, v)
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

// describeGranted says so where less was approved than was asked.
func describeGranted(t *table, v *evidence.Verified) {
	if v.Decision == nil || v.Decision.Granted == nil {
		return
	}
	granted, errG := evidence.CanonicalValue(v.Decision.Granted)
	asked, errA := evidence.CanonicalValue(v.Statement.Action)
	if errG == nil && errA == nil && string(granted) != string(asked) {
		t.row("approved less", string(granted))
	}
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
