package assent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assent-id/assent/sdk/evidence"
)

// DetailsType is the type of the one authorization detail (RFC 9396) that
// carries Details and Command of an [Action].
const DetailsType = "assent_action"

// An Action is what a person is asked to approve. All of it but ExpiresIn is
// shown to the person, and what was approved must equal it.
type Action struct {
	Person  string            // who is asked: identity id, username or e-mail address
	Message string            // what this is about, in a sentence of at most 300 characters
	Details map[string]string // the particulars
	Command []string          // the command line that runs when the answer is yes
	Scope   string            // scopes of the token, separated by spaces
	// Resource are the APIs that the token is for (RFC 8707), spelled as the
	// application has them. Empty: the application's default, which the person is
	// shown too, or the realm itself if it has none.
	Resource []string
	// ExpiresIn is how long the person has to answer, in whole seconds; 0: the
	// server's default of five minutes.
	ExpiresIn time.Duration
}

// detail is the wire form of Details and Command.
type detail struct {
	Type    string            `json:"type"`
	Details map[string]string `json:"details,omitempty"`
	Command []string          `json:"command,omitempty"`
}

// Validate tells why nobody could be asked for this action. [Client.Start] and
// [Client.Approve] refuse such an action before anything is sent.
func (a Action) Validate() error {
	switch {
	case a.Person == "":
		return errors.New("Person is missing: who is to be asked?")
	case a.Message == "":
		return errors.New("Message is missing: what is to be approved?")
	case a.ExpiresIn < 0 || a.ExpiresIn%time.Second != 0:
		return errors.New("ExpiresIn must be whole seconds")
	}
	return a.checkText()
}

// checkText refuses text that is not UTF-8. JSON cannot hold it: encoding/json
// puts U+FFFD in its place, so the person would approve other bytes than those
// that run, and the comparison with what was approved, written in the same way,
// would not tell.
func (a Action) checkText() error {
	texts := map[string][]string{
		"Person": {a.Person}, "Message": {a.Message}, "Scope": {a.Scope}, "Resource": a.Resource, "Command": a.Command,
		"Details": slices.AppendSeq(slices.Collect(maps.Keys(a.Details)), maps.Values(a.Details)),
	}
	for _, member := range slices.Sorted(maps.Keys(texts)) {
		for _, text := range texts[member] {
			if !utf8.ValidString(text) {
				return fmt.Errorf("%s is not valid UTF-8: %q", member, text)
			}
		}
	}
	return nil
}

// details is the authorization_details parameter; nil if there is nothing to
// put there.
func (a Action) details() ([]json.RawMessage, error) {
	if len(a.Details) == 0 && len(a.Command) == 0 {
		return nil, nil
	}
	text, err := evidence.CanonicalValue(detail{Type: DetailsType, Details: a.Details, Command: a.Command})
	if err != nil {
		return nil, fmt.Errorf("write the details: %w", err)
	}
	return []json.RawMessage{text}, nil
}

// wire is the action as statements and decisions carry it.
func (a Action) wire() (evidence.Action, error) {
	details, err := a.details()
	if err != nil {
		return evidence.Action{}, err
	}
	return evidence.Action{
		BindingMessage:       a.Message,
		Scope:                a.Scope,
		AuthorizationDetails: details,
		Resource:             a.Resource,
	}, nil
}

// same reports whether two actions are one: equal in canonical form (RFC 8785),
// where the order of scopes and of resources means nothing (RFC 6749, Section
// 3.3; RFC 8707, Section 2). The error names the first member that differs.
func same(got, want evidence.Action) error {
	if got.BindingMessage != want.BindingMessage {
		return errors.New("the message differs")
	}
	if !slices.Equal(words(got.Scope), words(want.Scope)) {
		return errors.New("the scope differs")
	}
	if !slices.Equal(slices.Sorted(slices.Values(got.Resource)), slices.Sorted(slices.Values(want.Resource))) {
		return errors.New("the resource differs")
	}
	if !sameDetails(got.AuthorizationDetails, want.AuthorizationDetails) {
		return errors.New("the details or the command differ")
	}
	return nil
}

// words are the scopes, each once.
func words(scope string) []string {
	return slices.Compact(slices.Sorted(slices.Values(strings.Fields(scope))))
}

func sameDetails(got, want []json.RawMessage) bool {
	return slices.EqualFunc(got, want, func(g, w json.RawMessage) bool {
		gc, errG := evidence.Canonical(g)
		wc, errW := evidence.Canonical(w)
		return errG == nil && errW == nil && bytes.Equal(gc, wc)
	})
}
