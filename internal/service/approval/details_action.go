package approval

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/assent-id/assent/sdk/evidence"
)

// assent_action: an action in the asker's own words, and the command that will
// be run once it is approved. Both members are optional.
//
//	{"type":"assent_action","details":{"service":"api"},"command":["./deploy.sh"]}
type actionDetails struct {
	Type    string            `json:"type"`
	Details map[string]string `json:"details,omitempty"`
	Command []string          `json:"command,omitempty"`
}

// What a person can still read on a phone.
const (
	maxDetails     = 20
	maxDetailLabel = 64
	maxDetailValue = 1000
	maxCommandArgs = 100
	maxCommand     = 4000 // bytes of the whole command line
)

func showAction(raw json.RawMessage) ([]evidence.Line, error) {
	d, err := parseAction(raw)
	if err != nil {
		return nil, err
	}
	lines := make([]evidence.Line, 0, len(d.Details)+1)
	for _, label := range slices.Sorted(maps.Keys(d.Details)) {
		lines = append(lines, evidence.Line{Label: label, Value: d.Details[label]})
	}
	if len(d.Command) > 0 {
		lines = append(lines, evidence.Line{Label: labelCommand, Value: commandLine(d.Command)})
	}
	return lines, nil
}

func parseAction(raw json.RawMessage) (actionDetails, error) {
	var d actionDetails
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return d, &DetailsError{Reason: "assent_action: want type, details (strings) and command (strings) only", Cause: err}
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return d, &DetailsError{Reason: "assent_action: data after the object"}
	}
	// encoding/json takes "Details" for "details"; the canonical form would
	// keep what was sent, so what is shown and what is signed could differ.
	canonical, err := evidence.Canonical(raw)
	if err != nil {
		return d, &DetailsError{Reason: "assent_action: not canonical JSON", Cause: err}
	}
	again, err := evidence.CanonicalValue(d)
	if err != nil || !bytes.Equal(canonical, again) {
		return d, &DetailsError{Reason: "assent_action: members must be spelled exactly, and empty ones left out", Cause: err}
	}
	return d, d.limits()
}

func (d actionDetails) limits() error {
	if len(d.Details) > maxDetails {
		return &DetailsError{Reason: "assent_action: more than 20 details"}
	}
	for label, value := range d.Details {
		if err := checkLabel(label); err != nil {
			return err
		}
		if len(value) > maxDetailValue {
			return &DetailsError{Reason: "assent_action: a detail has more than 1000 bytes"}
		}
	}
	size := 0
	for _, arg := range d.Command {
		size += len(arg) + 1
	}
	if len(d.Command) > maxCommandArgs || size > maxCommand {
		return &DetailsError{Reason: "assent_action: the command has more than 100 words or 4000 bytes"}
	}
	return nil
}

// checkLabel keeps labels short, readable and apart from ours: "Runs" is what
// is run, and nothing that somebody says about it.
func checkLabel(label string) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case label == "" || len(label) > maxDetailLabel || strings.ContainsFunc(label, odd) || strings.TrimSpace(label) != label:
		return &DetailsError{Reason: "assent_action: a label has 1 to 64 bytes of printable text"}
	case ourLabel(label):
		return &DetailsError{Reason: "assent_action: the labels Runs, At and Gives access to are taken"}
	}
	return nil
}

// ourLabel reports whether a person could take the label for one of ours.
func ourLabel(label string) bool {
	plain := strings.TrimFunc(label, func(r rune) bool { return !unicode.IsLetter(r) })
	return strings.EqualFold(plain, labelCommand) || strings.EqualFold(plain, labelAccess) || strings.EqualFold(plain, labelResource)
}

// commandLine writes a command as one would type it, so that a space inside a
// word cannot be taken for two words.
func commandLine(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = quoteWord(a)
	}
	return strings.Join(quoted, " ")
}

const plainWord = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,"

func quoteWord(a string) string {
	if a != "" && strings.Trim(a, plainWord) == "" {
		return a
	}
	return "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
}
