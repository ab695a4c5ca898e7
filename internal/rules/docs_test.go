package rules_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// link is the target of a Markdown link or picture.
var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// brokenLinks lists the targets in a page that are no file of the repository.
// Addresses on the web are left alone: a test must not need them.
func brokenLinks(root fs.FS, page, text string) []string {
	var found []string
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		target, _, _ := strings.Cut(m[1], "#")
		if target == "" || strings.Contains(target, "://") {
			continue
		}
		name := path.Join(path.Dir(page), target)
		if _, err := fs.Stat(root, name); err != nil {
			found = append(found, page+" links to "+target+", which does not exist")
		}
	}
	return found
}

func TestLinksInTheDocumentationLeadSomewhere(t *testing.T) {
	var found []string
	pages := 0
	err := ownFiles(".md", func(name string, text []byte) error {
		pages++
		found = append(found, brokenLinks(os.DirFS(moduleRoot), name, string(text))...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if pages < 5 {
		t.Fatalf("found only %d pages: the walk is broken", pages)
	}
	report(t, found)
}

func TestLinkRuleFindsWhatIsMissing(t *testing.T) {
	text := "[a](rules_test.go) [b](missing.md) ![c](../rules/docs_test.go#x) [d](https://example.org/x) [e](#here)\n" +
		"[f](../missing.png)"
	got := brokenLinks(os.DirFS(moduleRoot), "internal/rules/page.md", text)
	want := []string{
		"internal/rules/page.md links to missing.md, which does not exist",
		"internal/rules/page.md links to ../missing.png, which does not exist",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// tableRule is the line under the head of a Markdown table.
var tableRule = regexp.MustCompile(`^\|(\s*:?-+:?\s*\|)+\s*$`)

// cutTables lists rows in a page that belong to no table: a blank line ends one,
// and what follows is shown as text.
func cutTables(page, text string) []string {
	var found []string
	fenced, row := false, 0 // of the table at hand
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if fenced || !strings.HasPrefix(line, "|") {
			row = 0
			continue
		}
		if row++; row == 1 && (i+1 == len(lines) || !tableRule.MatchString(lines[i+1])) {
			found = append(found, page+":"+strconv.Itoa(i+1)+" is a row without a table above it")
		}
	}
	return found
}

func TestTablesInTheDocumentationAreWhole(t *testing.T) {
	var found []string
	tables := 0
	err := ownFiles(".md", func(name string, text []byte) error {
		tables += strings.Count(string(text), "|---")
		found = append(found, cutTables(name, string(text))...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if tables < 5 {
		t.Fatalf("found only %d tables: the walk is broken", tables)
	}
	report(t, found)
}

func TestTableRuleFindsRowsThatWereCutOff(t *testing.T) {
	text := "| a | b |\n|---|:-:|\n| 1 | 2 |\n\n| 3 | 4 |\n| 5 | 6 |\n\n```\n| 7 |\n```\n| 8 |"
	if got, want := cutTables("p.md", text), []string{"p.md:5 is a row without a table above it", "p.md:11 is a row without a table above it"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
