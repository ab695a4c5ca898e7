package rules_test

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/conformance.md anew")

// What the page of conformance is made of, and where it is.
const (
	requirementsFile = "docs/requirements.txt"
	conformancePage  = "docs/conformance.md"
)

// A requirement is one line of docs/requirements.txt. It has a test, or a
// reason why there is none.
type requirement struct{ area, id, spec, text, reason string }

// kebab is the form of a requirement's id.
var kebab = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)

// parseRequirements reads docs/requirements.txt: areas as "# Area", and below
// each its lines "id | specification | text [| not here: reason]".
func parseRequirements(text string) (list []requirement, found []string) {
	area, known := "", make(map[string]bool)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if heading, ok := strings.CutPrefix(line, "# "); ok {
			area = heading
			continue
		}
		r, err := parseRequirement(line)
		switch {
		case err != nil:
			found = append(found, fmt.Sprintf("%s: %v: %s", requirementsFile, err, line))
			continue
		case area == "":
			found = append(found, fmt.Sprintf("%s: %s stands below no area", requirementsFile, r.id))
		case known[r.id]:
			found = append(found, fmt.Sprintf("%s lists %s twice", requirementsFile, r.id))
			continue
		}
		r.area, known[r.id] = area, true
		list = append(list, r)
	}
	return list, found
}

func parseRequirement(line string) (requirement, error) {
	parts := strings.Split(line, " | ")
	if len(parts) != 3 && len(parts) != 4 {
		return requirement{}, fmt.Errorf("%d columns, want 3 or 4", len(parts))
	}
	r := requirement{id: parts[0], spec: parts[1], text: parts[2]}
	if len(parts) == 4 {
		reason, ok := strings.CutPrefix(parts[3], "not here: ")
		if !ok || reason == "" {
			return r, fmt.Errorf("the fourth column is not a reason")
		}
		r.reason = reason
	}
	if !kebab.MatchString(r.id) || r.spec == "" || r.text == "" {
		return r, fmt.Errorf("an id in kebab case, a specification and a text are needed")
	}
	return r, nil
}

// A conformance is what is required and which tests prove it.
type conformance struct {
	requirements []requirement
	tests        map[string][]marker // by requirement, sorted by file and name
	found        []string            // what is wrong with them
}

// newConformance joins requirements and markers, and lists what does not fit.
func newConformance(requirements string, markers []marker) conformance {
	list, found := parseRequirements(requirements)
	c := conformance{requirements: list, tests: make(map[string][]marker), found: found}
	for _, m := range markers {
		known := slices.ContainsFunc(list, func(r requirement) bool { return r.id == m.id })
		if !known {
			c.found = append(c.found, fmt.Sprintf("%s: %s proves %q, which %s does not list", m.file, m.test, m.id, requirementsFile))
		}
		c.tests[m.id] = append(c.tests[m.id], m)
	}
	for id, tests := range c.tests {
		slices.SortFunc(tests, func(a, b marker) int {
			return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.test, b.test))
		})
		c.tests[id] = slices.Compact(tests)
	}
	for _, r := range list {
		switch tested := len(c.tests[r.id]) > 0; {
		case !tested && r.reason == "":
			c.found = append(c.found, fmt.Sprintf("%s has no test and no reason: mark its test with // Requirement: %s", r.id, r.id))
		case tested && r.reason != "":
			c.found = append(c.found, fmt.Sprintf("%s has a test: take its reason out of %s", r.id, requirementsFile))
		}
	}
	return c
}

// readConformance builds the conformance of this repository.
func readConformance(t *testing.T) conformance {
	t.Helper()
	text, err := os.ReadFile(path.Join(moduleRoot, requirementsFile))
	if err != nil {
		t.Fatal(err)
	}
	var markers []marker
	var found []string
	for _, suffix := range []string{".go", ".ts", ".tsx", ".mjs"} {
		err := ownFiles(suffix, func(name string, text []byte) error {
			list, lost, err := markersIn(name, text)
			markers, found = append(markers, list...), append(found, lost...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	c := newConformance(string(text), markers)
	c.found = append(c.found, found...)
	return c
}

func TestConformanceHasATestOrAReasonForEachRequirement(t *testing.T) {
	report(t, readConformance(t).found)
}

func TestConformancePageIsUpToDate(t *testing.T) {
	want := readConformance(t).page()
	file := path.Join(moduleRoot, conformancePage)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the tests say: run make conformance", conformancePage)
	}
}

func TestConformanceFindsWhatDoesNotFit(t *testing.T) {
	proof := []marker{{"code-race", "TestCode", "a/a_test.go"}}
	tests := []struct {
		name, requirements string
		markers            []marker
		want               int // findings
	}{
		{"a test", "# Codes\ncode-race | RFC 1 | Once.\n", proof, 0},
		{"a reason", "# Codes\ncode-race | RFC 1 | Once. | not here: there are no codes\n", nil, 0},
		{"neither", "# Codes\ncode-race | RFC 1 | Once.\n", nil, 1},
		{"both", "# Codes\ncode-race | RFC 1 | Once. | not here: there are no codes\n", proof, 1},
		{"an unknown id", "# Codes\n", proof, 1},
		{"an empty id", "# Codes\n", []marker{{"", "TestCode", "a/a_test.go"}}, 1},
		{"listed twice", "# Codes\ncode-race | RFC 1 | Once.\n\n# More\ncode-race | RFC 1 | Once.\n", proof, 1},
		{"no area", "code-race | RFC 1 | Once.\n", proof, 1},
		{"too few columns", "# Codes\ncode-race | RFC 1 | Once.\ncode-more | Twice.\n", proof, 1},
		{"a fourth column that is no reason", "# Codes\ncode-race | RFC 1 | Once.\ncode-more | RFC 1 | Twice. | later\n", proof, 1},
		{"an id in capitals", "# Codes\ncode-race | RFC 1 | Once.\nCode-More | RFC 1 | Twice.\n", proof, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if c := newConformance(tt.requirements, tt.markers); len(c.found) != tt.want {
				t.Errorf("got %q, want %d findings", c.found, tt.want)
			}
		})
	}
}
