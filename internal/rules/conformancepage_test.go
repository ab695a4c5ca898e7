package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const conformanceHead = `# Conformance

What the OAuth 2.1 and OpenID Connect engine must do, by specification, and the tests that hold it to that. A requirement
without a section of a specification is a rule of Assent. One without a test says why. What differs from a specification
is in [divergences](divergences.md).

This page is generated: the requirements are in [requirements.txt](requirements.txt), and a test claims one with a line
` + "`// Requirement: id`" + ` in its comment. ` + "`make conformance`" + ` writes the page anew; ` + "`make test`" + ` fails when it is out of date, when a
requirement has neither a test nor a reason, and when a test claims what is not listed.

`

// escapes keeps names and texts of tests from being read as Markdown.
var escapes = strings.NewReplacer("|", `\|`, "[", `\[`, "]", `\]`, "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`")

// page writes docs/conformance.md.
func (c conformance) page() string {
	var b strings.Builder
	b.WriteString(conformanceHead)
	c.summary(&b)
	area := ""
	for _, r := range c.requirements {
		if r.area != area {
			area = r.area
			fmt.Fprintf(&b, "\n## %s\n\n| Specification | Requirement | Test | Status |\n|---|---|---|---|\n", area)
		}
		fmt.Fprintf(&b, "| %s | %s (`%s`) | %s | %s |\n",
			escapes.Replace(r.spec), escapes.Replace(r.text), r.id, c.links(r), escapes.Replace(c.status(r)))
	}
	return b.String()
}

// summary counts by area, with all of them in the last row.
func (c conformance) summary(b *strings.Builder) {
	b.WriteString("| Area | Requirements | Tested | Not covered |\n|---|---:|---:|---:|\n")
	var order []string
	count, tested := make(map[string]int), make(map[string]int)
	for _, r := range c.requirements {
		if count[r.area] == 0 {
			order = append(order, r.area)
		}
		count[r.area]++
		if len(c.tests[r.id]) > 0 {
			tested[r.area]++
		}
	}
	sum := 0
	for _, area := range order {
		n, ok := count[area], tested[area]
		fmt.Fprintf(b, "| %s | %d | %d | %d |\n", area, n, ok, n-ok)
		sum += ok
	}
	all := len(c.requirements)
	fmt.Fprintf(b, "| **All** | **%d** | **%d** | **%d** |\n", all, sum, all-sum)
}

// links names the tests of a requirement, each linked to its file.
func (c conformance) links(r requirement) string {
	var list []string
	for _, m := range c.tests[r.id] {
		list = append(list, fmt.Sprintf("[%s](../%s)", escapes.Replace(m.test), m.file))
	}
	return strings.Join(list, "<br>")
}

func (c conformance) status(r requirement) string {
	switch {
	case len(c.tests[r.id]) > 0:
		return "tested"
	case r.reason != "":
		return "not covered: " + r.reason
	}
	return "no test"
}

func TestConformancePageIsInTheOrderOfTheRequirements(t *testing.T) {
	const requirements = `# Codes
code-race | RFC 6749, Section 4.1.2 | One of 32 wins.
code-form | Assent | Has a form. | not here: codes are opaque

# PAR
par-answer | RFC 9126 | Answers [a|b].
`
	c := newConformance(requirements, []marker{
		{"par-answer", "with `ES256`", "web/a.spec.ts"},
		{"code-race", "TestB", "z/a_test.go"},
		{"code-race", "TestC", "a/a_test.go"},
		{"code-race", "TestB", "a/a_test.go"},
		{"code-race", "TestB", "a/a_test.go"},
	})
	const want = `| Area | Requirements | Tested | Not covered |
|---|---:|---:|---:|
| Codes | 2 | 1 | 1 |
| PAR | 1 | 1 | 0 |
| **All** | **3** | **2** | **1** |

## Codes

| Specification | Requirement | Test | Status |
|---|---|---|---|
| RFC 6749, Section 4.1.2 | One of 32 wins. (` + "`code-race`" + `) | [TestB](../a/a_test.go)<br>[TestC](../a/a_test.go)<br>[TestB](../z/a_test.go) | tested |
| Assent | Has a form. (` + "`code-form`" + `) |  | not covered: codes are opaque |

## PAR

| Specification | Requirement | Test | Status |
|---|---|---|---|
| RFC 9126 | Answers \[a\|b\]. (` + "`par-answer`" + `) | [with \` + "`ES256\\`" + `](../web/a.spec.ts) | tested |
`
	if diff := cmp.Diff(conformanceHead+want, c.page()); diff != "" {
		t.Error(diff)
	}
}
