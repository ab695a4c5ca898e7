package oauth

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/schema"
)

func raws(texts ...string) []json.RawMessage {
	out := make([]json.RawMessage, len(texts))
	for i, t := range texts {
		out[i] = json.RawMessage(t)
	}
	return out
}

// RFC 9396, Section 6.1.
//
// Requirement: rar-narrowed
func TestDetailsAreNarrowedAndNeverWidened(t *testing.T) {
	granted := raws(`{"a":1,"type":"x"}`, `{"b":[1,2],"type":"x"}`)
	tests := []struct {
		name  string
		asked []json.RawMessage
		want  []json.RawMessage // nil: refused
	}{
		{"nothing asked", nil, granted},
		{"one", raws(`{"b":[1,2],"type":"x"}`), granted[1:]},
		{"in another order", raws(`{"type":"x","b":[1,2]}`, `{"type":"x","a":1.0}`), raws(`{"b":[1,2],"type":"x"}`, `{"a":1,"type":"x"}`)},
		{"one twice", raws(`{"a":1,"type":"x"}`, `{"a":1,"type":"x"}`), granted[:1]},
		{"a part of one", raws(`{"type":"x"}`), nil},
		{"more than one holds", raws(`{"a":1,"b":[1,2],"type":"x"}`), nil},
		{"another value", raws(`{"a":2,"type":"x"}`), nil},
		{"another order of a list", raws(`{"b":[2,1],"type":"x"}`), nil},
		{"one granted and one not", raws(`{"a":1,"type":"x"}`, `{"c":1,"type":"x"}`), nil},
		{"no JSON", raws(`{`), nil},
	}
	for _, tt := range tests {
		got, err := narrowDetails(granted, tt.asked)
		if (err == nil) != (tt.want != nil) || err == nil && cmp.Diff(tt.want, got) != "" {
			t.Errorf("%s: %s, %v", tt.name, got, err)
		}
		if err != nil && AsError(err).Code != InvalidAuthorizationDetails {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if got, err := narrowDetails(nil, raws(`{"type":"x"}`)); err == nil {
		t.Errorf("of nothing: %s", got)
	}
}

func TestCharactersThatCannotBeSeenAreShownOnPages(t *testing.T) {
	tests := map[string]string{
		"plain text, ünï 日本 🎉":             "plain text, ünï 日本 🎉",
		"pay \u202e001":                    "pay ⟨U+202E⟩001",
		"a\u200bb\u2060c\u00add":           "a⟨U+200B⟩b⟨U+2060⟩c⟨U+00AD⟩d",
		"a\nb\tc\x00":                      "a⟨U+000A⟩b⟨U+0009⟩c⟨U+0000⟩",
		"\u00a0\u2003":                     "⟨U+00A0⟩⟨U+2003⟩",
		"\u3164\u115f\u2800\ufe0f\u034f":   "⟨U+3164⟩⟨U+115F⟩⟨U+2800⟩⟨U+FE0F⟩⟨U+034F⟩",
		"\U000e0041\U000e0100":             "⟨U+E0041⟩⟨U+E0100⟩",
		"\ue000\ufffe":                     "⟨U+E000⟩⟨U+FFFE⟩",
		"<b onclick=\"x\">&amp;</b>":       "<b onclick=\"x\">&amp;</b>", // escaping is the template's
		"\u2066left\u2069 and \u061cright": "⟨U+2066⟩left⟨U+2069⟩ and ⟨U+061C⟩right",
	}
	for text, want := range tests {
		if got := visible(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	lines := describeDetail(json.RawMessage(`{"type":"x","to":"Ada\u202e"}`))
	if diff := cmp.Diff([]Line{{"to", "Ada⟨U+202E⟩"}, {"type", "x"}}, lines); diff != "" {
		t.Error(diff)
	}
	if got := describeDetail(json.RawMessage("[\u202e]")); len(got) != 1 || got[0].Value != "[⟨U+202E⟩]" {
		t.Errorf("what cannot be described: %v", got)
	}
}

// RFC 6749, Section 5.2: names of members are the client's own.
func TestTheWayToAFaultIsSaidOnlyInPlainCharacters(t *testing.T) {
	tests := []struct {
		fault schema.Fault
		want  string
	}{
		{schema.Fault{Rule: "required"}, ": required"},
		{schema.Fault{At: "/a/0/b~1c", Rule: "type"}, " at /a/0/b~1c: type"},
		{schema.Fault{At: `/"`, Rule: "type"}, ""},
		{schema.Fault{At: `/\`, Rule: "type"}, ""},
		{schema.Fault{At: "/é", Rule: "type"}, ""},
		{schema.Fault{At: "/\n", Rule: "type"}, ""},
		{schema.Fault{At: "/" + string(make([]byte, 300)), Rule: "type"}, ""},
	}
	for _, tt := range tests {
		if got := plainly(&tt.fault); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.fault.At, got, tt.want)
		}
	}
}

// RFC 6749, Section 3.1.2.
//
// Requirement: authorize-registered-query
func TestAQueryIsAddedToAURIAsItStands(t *testing.T) {
	params := [][2]string{{"code", "a b&c"}, {"state", "ü=\"'<"}}
	const added = "code=a+b%26c&state=%C3%BC%3D%22%27%3C"
	tests := map[string]string{
		"https://app.example/cb":           "https://app.example/cb?" + added,
		"https://app.example/cb?":          "https://app.example/cb?" + added,
		"https://app.example/cb?x=%2F&y":   "https://app.example/cb?x=%2F&y&" + added,
		"https://app.example/cb?x=1&":      "https://app.example/cb?x=1&" + added,
		"com.example.app:/cb":              "com.example.app:/cb?" + added,
		"http://[::1]:7777/cb?a=b+c&a=b%c": "http://[::1]:7777/cb?a=b+c&a=b%c&" + added,
	}
	for uri, want := range tests {
		if got := withQuery(uri, params); got != want {
			t.Errorf("%s: got %s", uri, got)
		}
	}
}

func TestTypesOfARealmAreCheckedBeforeTheyCount(t *testing.T) {
	tests := []struct {
		name, kind, schema string
		ok                 bool
	}{
		{"a schema", "payment", `{"type":"object"}`, true},
		{"one of ours", "assent_action", `{}`, false},
		{"no name", "", `{}`, false},
		{"no schema", "payment", `7`, false},
		{"a schema that is elsewhere", "payment", `{"$ref":"https://x.example/"}`, false},
	}
	for _, tt := range tests {
		err := CheckDetailsTypes(map[string]json.RawMessage{tt.kind: json.RawMessage(tt.schema)})
		if (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}
