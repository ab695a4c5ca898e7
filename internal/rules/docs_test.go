package rules_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
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
