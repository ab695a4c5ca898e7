package manage_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	pathMember = regexp.MustCompile(`\{[^}]*\}`)
)

// written lists the operations in the tables of a page, as "GET /v1/tenants/{}".
// The first cell of a row names methods and then the path that they are for; …
// stands for the address of a realm.
func written(page string) []string {
	var found []string
	for line := range strings.Lines(page) {
		row := strings.Split(strings.ReplaceAll(line, `\|`, "/"), "|")
		if len(row) < 3 {
			continue
		}
		var methods []string
		for _, span := range codeSpan.FindAllStringSubmatch(row[1], -1) {
			method, path, _ := strings.Cut(span[1], " ")
			methods = append(methods, method)
			if !strings.HasPrefix(path, "…") && !strings.HasPrefix(path, "/v1/") {
				continue
			}
			path, _, _ = strings.Cut(strings.Replace(path, "…", "/v1/tenants/{}/realms/{}", 1), "?")
			for _, method := range methods {
				found = append(found, method+" "+pathMember.ReplaceAllString(path, "{}"))
			}
			methods = nil
		}
	}
	slices.Sort(found)
	return found
}

func TestThePageOfTheAPIHasEachOperationOnce(t *testing.T) {
	page, err := os.ReadFile("../../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	each(t, read(t, start(t)), func(_ *testing.T, method, path string, _ *operation) {
		want = append(want, method+" "+pathMember.ReplaceAllString(path, "{}"))
	})
	slices.Sort(want)
	if diff := cmp.Diff(want, written(string(page))); diff != "" {
		t.Errorf("docs/api.md (-the server has +the page has):\n%s", diff)
	}
}
