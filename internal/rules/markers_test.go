package rules_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A marker is the claim of one test that it proves one requirement.
type marker struct{ id, test, file string }

// markerLine is a comment line that makes such claims, by ids with commas
// between them.
var markerLine = regexp.MustCompile(`(?m)^[ \t]*//[ \t]*Requirements?:([^\n]*)$`)

// scriptTest is what must follow a marker in TypeScript: more comment lines
// at most, then a call of test or it with its name. A test that is skipped
// proves nothing and does not match.
var scriptTest = regexp.MustCompile(`^\n(?:[ \t]*//[^\n]*\n)*[ \t]*(?:await )?(?:t\.)?(?:test|it)\(\s*` +
	`("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|` + "`(?:[^`\\\\]|\\\\.)*`)")

// unescape takes the backslashes out of a string literal.
var unescape = regexp.MustCompile(`\\(.)`)

// scriptSuffixes are the names of test files that are not Go.
var scriptSuffixes = []string{".spec.ts", ".test.ts", ".test.mjs"}

// claims makes one marker for each id of a marker line.
func claims(ids, test, file string) []marker {
	var list []marker
	for id := range strings.SplitSeq(ids, ",") {
		list = append(list, marker{strings.TrimSpace(id), test, file})
	}
	return list
}

// goMarkers collects the markers of a Go file, and lists those that belong to
// no test: nobody would run them.
func goMarkers(f source) (list []marker, found []string) {
	for _, group := range f.tree.Comments {
		for _, c := range group.List {
			m := markerLine.FindStringSubmatch(c.Text)
			if m == nil {
				continue
			}
			test := f.testAt(c.Pos())
			if test == "" {
				found = append(found, fmt.Sprintf("%s: the requirement stands at no test", f.fset.Position(c.Pos())))
				continue
			}
			list = append(list, claims(m[1], test, f.name)...)
		}
	}
	return list, found
}

// testAt returns the test whose doc comment or body holds the position, or
// "". Subtests and rows of tables count for the test around them.
func (s source) testAt(pos token.Pos) string {
	for _, d := range s.tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !s.runs(fn) {
			continue
		}
		from := fn.Pos()
		if fn.Doc != nil {
			from = fn.Doc.Pos()
		}
		if from <= pos && pos < fn.End() {
			return fn.Name.Name
		}
	}
	return ""
}

// runs reports whether go test calls the function by itself.
func (s source) runs(fn *ast.FuncDecl) bool {
	if fn.Recv != nil || fn.Name.Name == "TestMain" || !strings.HasSuffix(s.name, "_test.go") {
		return false
	}
	return slices.ContainsFunc([]string{"Test", "Fuzz", "Benchmark"}, func(prefix string) bool {
		return strings.HasPrefix(fn.Name.Name, prefix)
	})
}

// scriptMarkers does the same for a test file in TypeScript.
func scriptMarkers(name, text string) (list []marker, found []string) {
	for _, at := range markerLine.FindAllStringSubmatchIndex(text, -1) {
		test := scriptTest.FindStringSubmatch(text[at[1]:])
		if test == nil {
			line := 1 + strings.Count(text[:at[0]], "\n")
			found = append(found, fmt.Sprintf("%s:%d: the requirement stands directly above no test", name, line))
			continue
		}
		title := unescape.ReplaceAllString(test[1][1:len(test[1])-1], "$1")
		list = append(list, claims(text[at[2]:at[3]], title, name)...)
	}
	return list, found
}

// markersIn collects the markers of one file of the repository.
func markersIn(name string, text []byte) (list []marker, found []string, err error) {
	switch {
	case !markerLine.Match(text):
		return nil, nil, nil
	case strings.HasSuffix(name, ".go"):
		f, err := parse(name, text)
		if err != nil {
			return nil, nil, err
		}
		list, found = goMarkers(f)
	case slices.ContainsFunc(scriptSuffixes, func(s string) bool { return strings.HasSuffix(name, s) }):
		list, found = scriptMarkers(name, string(text))
	default:
		found = []string{name + ": a requirement stands in a file that holds no tests"}
	}
	return list, found, nil
}

func TestConformanceMarkersAreFoundInGo(t *testing.T) {
	const text = `package x

// TestDoc is one.
//
// Requirement: code-race, code-entropy
func TestDoc(t *testing.T) {}

func TestTable(t *testing.T) {
	tests := []struct{ name string }{
		// Requirement: par-answer
		{"a row"},
	}
	// Requirement: par-race
	t.Run("a subtest", func(t *testing.T) {})
	_ = "// Requirement: in-a-string"
}

// Requirement: token-never-5xx
func FuzzToken(f *testing.F) {}

// Requirement: limits-body
func BenchmarkToken(b *testing.B) {}
`
	list, found, err := markersIn("a/x_test.go", []byte(text))
	if err != nil || len(found) > 0 {
		t.Fatalf("found %q, %v, want none", found, err)
	}
	want := []marker{
		{"code-race", "TestDoc", "a/x_test.go"}, {"code-entropy", "TestDoc", "a/x_test.go"},
		{"par-answer", "TestTable", "a/x_test.go"}, {"par-race", "TestTable", "a/x_test.go"},
		{"token-never-5xx", "FuzzToken", "a/x_test.go"}, {"limits-body", "BenchmarkToken", "a/x_test.go"},
	}
	if diff := cmp.Diff(want, list, cmp.AllowUnexported(marker{})); diff != "" {
		t.Error(diff)
	}
}

func TestConformanceMarkersAreFoundInTypeScript(t *testing.T) {
	const text = `// Requirement: jarm-modes, jarm-errors
test("answers \"signed\"", async () => {
	// Requirement: jarm-claims
	// More about it.
	await t.test(
		'in every mode', () => {});
});
// Requirement: par-answer
it(` + "`works with ${auth}`" + `, () => {});
`
	list, found, err := markersIn("web/a.spec.ts", []byte(text))
	if err != nil || len(found) > 0 {
		t.Fatalf("found %q, %v, want none", found, err)
	}
	want := []marker{
		{"jarm-modes", `answers "signed"`, "web/a.spec.ts"}, {"jarm-errors", `answers "signed"`, "web/a.spec.ts"},
		{"jarm-claims", "in every mode", "web/a.spec.ts"},
		{"par-answer", "works with ${auth}", "web/a.spec.ts"},
	}
	if diff := cmp.Diff(want, list, cmp.AllowUnexported(marker{})); diff != "" {
		t.Error(diff)
	}
}

func TestConformanceMarkersThatNoTestHoldsAreReported(t *testing.T) {
	const mark = "// Requirement: code-race\n"
	tests := []struct{ name, file, text string }{
		{"a helper", "a/x_test.go", "package x\n\n" + mark + "func helper(t *testing.T) {}\n"},
		{"a method", "a/x_test.go", "package x\n\n" + mark + "func (s suite) TestCode(t *testing.T) {}\n"},
		{"a blank line before the test", "a/x_test.go", "package x\n\n" + mark + "\nfunc TestCode(t *testing.T) {}\n"},
		{"a table outside its test", "a/x_test.go", "package x\n\nvar rows = []int{\n" + mark + "1,\n}\n"},
		{"a package that is no test", "a/x.go", "package x\n\n" + mark + "func TestCode(t *testing.T) {}\n"},
		{"a skipped test in TypeScript", "web/a.spec.ts", mark + "test.skip(\"a\", () => {});\n"},
		{"a blank line in TypeScript", "web/a.spec.ts", mark + "\ntest(\"a\", () => {});\n"},
		{"a function in TypeScript", "web/a.spec.ts", mark + "function a() {}\n"},
		{"a script that is no test", "web/a.ts", mark + "test(\"a\", () => {});\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list, found, err := markersIn(tt.file, []byte(tt.text))
			if err != nil || len(list) != 0 || len(found) != 1 {
				t.Errorf("got %v, %q, %v, want one finding", list, found, err)
			}
		})
	}
}
