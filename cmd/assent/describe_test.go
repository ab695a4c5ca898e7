package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/sdk/evidence"
)

func described(v *evidence.Verified) []string {
	var t table
	describe(&t, v)
	var lines []string
	for _, row := range t.rows {
		switch row[0] {
		case "person", "asked by", "asked at", "answered at", "ended at", "passkey", "realm":
		default:
			lines = append(lines, row[0]+": "+row[1])
		}
	}
	return lines
}

func TestDescribeSetsWhatWasGrantedBesideWhatWasShown(t *testing.T) {
	asked := evidence.Action{
		BindingMessage: "Water the plants", Scope: "read pay", Resource: []string{"https://a.example.com", "https://b.example.com"},
		AuthorizationDetails: []json.RawMessage{
			json.RawMessage(`{ "type": "assent_action", "command": ["rm", "-r", "my data\u202e"] }`),
			json.RawMessage(`{"type":"other","command":"none of ours"}`),
		},
	}
	less := asked
	less.Scope, less.Resource, less.AuthorizationDetails = "read", asked.Resource[:1], asked.AuthorizationDetails[1:]
	reordered := asked
	reordered.Scope = "pay  read"
	shown := []string{"shown: Water the plants", "  Plants: all", "  warning: Mind the cat."}
	all := []string{
		"  message: Water the plants", "  scope: read pay", "  resource: https://a.example.com", "  resource: https://b.example.com",
		`  details: {"command":["rm","-r","my data‹U+202E›"],"type":"assent_action"}`, "  command: rm -r 'my data‹U+202E›'",
		`  details: {"command":"none of ours","type":"other"}`,
	}
	part := []string{
		"  message: Water the plants", "  scope: read", "  resource: https://a.example.com",
		`  details: {"command":"none of ours","type":"other"}`,
	}
	tests := []struct {
		name, outcome string
		granted       *evidence.Action
		want          [][]string
	}{
		{"all", evidence.Approved, &asked, [][]string{{"granted: all that was asked for:"}, all}},
		{"all, scopes in another order", evidence.Approved, &reordered, [][]string{{"granted: all that was asked for:"},
			strings.Split(strings.Replace(strings.Join(all, "\n"), "read pay", "pay  read", 1), "\n")}},
		{"less", evidence.Approved, &less,
			[][]string{{"granted: LESS than was asked for, only:"}, part, {"not all of: what was asked for:"}, all}},
		{"denied", evidence.Denied, nil, [][]string{{"not granted: what was asked for:"}, all}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := &evidence.Verified{Outcome: tt.outcome, Decision: &evidence.Decision{Granted: tt.granted}, Statement: evidence.Statement{
				Action: asked, Shown: evidence.Shown{Title: "Water the plants", Lines: []evidence.Line{{Label: "Plants", Value: "all"}},
					Warnings: []string{"Mind the cat."}}}}
			want := append([]string{"outcome: " + tt.outcome}, shown...)
			for _, lines := range tt.want {
				want = append(want, lines...)
			}
			if diff := cmp.Diff(want, described(v)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
