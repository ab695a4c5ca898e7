package approval

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/sdk/evidence"
)

// A kind says how approvals of that kind are shown. A new kind is one new
// file and one row here.
type kind struct {
	template string // name and version; a change of wording is a new version
	title    func(Request) string
}

var kinds = map[string]kind{
	"ciba": {template: "ciba.v1", title: cibaTitle},
}

// A detailsType is a registered type of authorization details (RFC 9396): it
// checks an object and says it in words. A new type is one new file and one
// row here.
type detailsType struct {
	// show returns what a person must see of the object, in order. Whatever
	// the object may hold must be in it: the person decides on what is shown.
	show func(json.RawMessage) ([]evidence.Line, error)
}

var detailsTypes = map[string]detailsType{
	"assent_action": {show: showAction},
}

// DetailsTypes are the registered types in alphabetical order, for metadata.
func DetailsTypes() []string { return slices.Sorted(maps.Keys(detailsTypes)) }

// A DetailsError is an authorization_details value that cannot be asked for
// (RFC 9396, Section 5).
type DetailsError struct {
	Reason string
	Cause  error
}

func (e *DetailsError) Error() string { return e.Reason }
func (e *DetailsError) Unwrap() error { return e.Cause }

// show says the action in words. The approver renders this and nothing else.
func show(site *model.Site, r Request) (evidence.Shown, error) {
	k, ok := kinds[r.Kind]
	if !ok {
		return evidence.Shown{}, fmt.Errorf("unknown kind of approval %q", r.Kind)
	}
	shown := evidence.Shown{Template: k.template, Locale: "en", Title: k.title(r), Lines: []evidence.Line{}}
	for i, raw := range r.Action.AuthorizationDetails {
		lines, err := showDetails(site, raw)
		if err != nil {
			return evidence.Shown{}, fmt.Errorf("authorization_details[%d]: %w", i, err)
		}
		shown.Lines = append(shown.Lines, lines...)
	}
	if strings.TrimSpace(r.Action.BindingMessage) == "" && len(shown.Lines) == 0 {
		shown.Warnings = append(shown.Warnings, "The one who asks did not say what this is for.")
	}
	shown.Lines = append(shown.Lines, accessLines(r.Action)...)
	return shown, nil
}

// showDetails says one object in words, if its type is one of ours or one that
// the realm has registered.
func showDetails(site *model.Site, raw json.RawMessage) ([]evidence.Line, error) {
	kind, err := typeOf(raw)
	if err != nil {
		return nil, err
	}
	if _, ours := detailsTypes[kind]; !ours && site.Realm.Policy.DetailsTypes[kind] == nil {
		return nil, &DetailsError{Reason: "unknown type"}
	}
	return Describe(raw)
}

func cibaTitle(r Request) string {
	if strings.TrimSpace(r.Action.BindingMessage) != "" {
		return r.Action.BindingMessage
	}
	return r.Client.Name + " asks for your approval"
}

// Labels of our own, which an asker cannot use for something else.
const (
	labelCommand  = "Runs"
	labelAccess   = "Gives access to"
	labelResource = "At"
)

// accessLines say which access a yes gives. The protocol's own scope word
// "openid" means nothing to a person and gives nothing by itself.
func accessLines(a evidence.Action) []evidence.Line {
	var lines []evidence.Line
	var scopes []string
	for s := range strings.FieldsSeq(a.Scope) {
		if s != "openid" {
			scopes = append(scopes, s)
		}
	}
	if len(scopes) > 0 {
		lines = append(lines, evidence.Line{Label: labelAccess, Value: strings.Join(scopes, ", ")})
	}
	for _, res := range a.Resource {
		lines = append(lines, evidence.Line{Label: labelResource, Value: res})
	}
	return lines
}
