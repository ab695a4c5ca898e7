package strictjson_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/sdk/internal/strictjson"
)

// Requirement: mw-strict
func TestStrictJSONSaysWhatItSaysToEveryReader(t *testing.T) {
	for _, tt := range []struct {
		text string
		want bool
	}{
		{`{}`, true}, {` { } `, true}, {`{"a":1}`, true}, {`{"a":{"a":[{"a":1}]},"b":[{"c":1},{"c":1}]}`, true}, {`{"a":-0.5e+10,"b":0}`, true},
		{`{"\u0061":"\ud83d\ude00\n\"\\\/"}`, true}, {`{"":1}`, true},
		{`{"a":1,"a":1}`, false}, {`{"a":1,"\u0061":1}`, false}, {`{"x":{"a":1,"\u0061":1}}`, false}, {`{"x":[[{"a":1,"a":1}]]}`, false},
		{`{"a":1}x`, false}, {`{"a":1}{}`, false}, {`{"a" 1}`, false}, {`{"a":}`, false}, {`{"a":1,}`, false}, {`{,}`, false}, {`{a:1}`, false},
		{`{"a":01}`, false}, {`{"a":1.}`, false}, {`{"a":.5}`, false}, {`{"a":+1}`, false}, {`{"a":1e}`, false}, {`{"a":-}`, false}, {`{"a":NaN}`, false},
		{`{"a":[1,]}`, false}, {`{"a":[}`, false}, {`{"a":tru}`, false}, {`{"a":"`, false}, {`{"a":"\x"}`, false}, {`{"a":"\u12"}`, false}, {`{"a":"\u+123"}`, false},
		{`{"a":"\ud800"}`, false}, {`{"a":"\udc00\ud800"}`, false}, {`{"a":"\ud800\u0061"}`, false}, {"{\"a\":\"\xc3\"}", false}, {"{\"a\":\"\x00\"}", false},
		{`{"a":` + strings.Repeat("[", 7) + strings.Repeat("]", 7) + `}`, true}, {`{"a":` + strings.Repeat("[", 8) + strings.Repeat("]", 8) + `}`, false},
		{``, false}, {`[]`, false}, {`null`, false}, {`"a"`, false}, {"\ufeff{}", false},
	} {
		var r strictjson.Reader
		if _, err := r.Object(tt.text); (err == nil) != tt.want {
			t.Errorf("%s: %v", tt.text, err)
		}
	}
}

// Text that nobody has signed costs no more than its length.
//
// Requirement: mw-strict, mw-bounds
func TestAnObjectHasABoundedNumberOfMembersOfDifferentNames(t *testing.T) {
	list := func(n int, more string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"%d":0,`, i)
		}
		return "{" + strings.TrimSuffix(b.String()+more, ",") + "}"
	}
	for _, tt := range []struct {
		name, text string
		most       int
		want       bool
	}{
		{"as many as may be", list(256, ""), 256, true}, {"one more", list(257, ""), 256, false},
		{"fewer may be", list(64, ""), 64, true}, {"one more than those", list(65, ""), 64, false},
		{"within another", `{"a":` + list(64, "") + `}`, 64, true}, {"one more within another", `{"a":` + list(65, "") + `}`, 64, false},
		{"side by side", `{"a":` + list(40, "") + `,"b":` + list(40, "") + `}`, 64, true},
		{"the first twice", list(16, `"0":1`), 256, false}, {"the first twice, later", list(100, `"0":1`), 256, false},
		{"a late one twice", list(100, `"77":1`), 256, false}, {"a late one twice within another", `{"a":` + list(100, `"77":1`) + `}`, 256, false},
		{"the same name further in", list(100, `"x":{"77":`+list(100, "")+`}`), 256, true},
		{"twice around one that is further in", list(100, `"x":`+list(100, "")+`,"77":1`), 256, false},
	} {
		var r strictjson.Reader
		for range 2 { // its memory is used again
			if _, err := r.AtMost(tt.text, tt.most); (err == nil) != tt.want {
				t.Errorf("%s: %v", tt.name, err)
			}
		}
	}
	var r strictjson.Reader
	if _, err := r.Object(list(257, "")); err == nil {
		t.Error("any number of members is read")
	}
}

// Requirement: mw-strict
func TestNumericDatesAreSecondsThatAreNotNegative(t *testing.T) {
	for value, want := range map[string]int64{"0": 0, "1790000000": 1790000000, "1790000000.9": 1790000000, "1.79e9": 1790000000, "-0": 0, "9007199254740991": 9007199254740991,
		"-1": -1, "-0.5": -1, "9007199254740992": -1, "1e300": -1, "1e999": -1, `"1"`: -1, "true": -1, "": -1, "null": -1, "[1]": -1} {
		got, ok := strictjson.Seconds(value)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%s: %d, want %d", value, got, want)
		}
	}
}

// FuzzObject: what passes is JSON that encoding/json reads in the same way.
//
// Requirement: mw-strict
func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1,"b":[true,null,{"c":"\u00e9\ud83d\ude00"}]}`, `{"a":1,"a":2}`, `{"a":-1.5e-3}`, "{\"a\":\"\xff\"}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var r strictjson.Reader
		members, err := r.Object(text)
		if err != nil {
			return
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(text), &want); err != nil && !strings.Contains(err.Error(), "cannot unmarshal number") {
			t.Fatalf("%v", err)
		}
		got := map[string]any{}
		for _, m := range members {
			got[m.Name] = value(t, m.Value)
		}
		if len(want) == len(members) && !cmp.Equal(want, got) {
			t.Fatal(cmp.Diff(want, got))
		}
	})
}

// value reads a value with this package where it can, and else with encoding/json.
func value(t *testing.T, text string) any {
	if s, ok := strictjson.Text(text); ok {
		return s
	}
	if text[0] == '[' {
		out := []any{}
		if !strictjson.Items(text, func(item string) bool { out = append(out, value(t, item)); return true }) {
			t.Fatalf("items of %s", text)
		}
		return out
	}
	var v any
	_ = json.Unmarshal([]byte(text), &v) // a number out of range
	return v
}
