package rules_test

import (
	"fmt"
	"go/ast"
	"strings"
	"testing"
)

// What one screen, one head and one reviewer can hold.
const (
	maxFileLines     = 600
	maxFunctionLines = 80
)

// sizeFindings lists the files and functions that nobody reads in one go.
func sizeFindings(files []source) []string {
	var found []string
	for _, f := range files {
		if f.lines > maxFileLines {
			found = append(found, fmt.Sprintf("%s has %d lines: split it (limit %d)", f.name, f.lines, maxFileLines))
		}
		for _, fn := range f.functions() {
			if n := f.span(fn) - f.apart(fn); n > maxFunctionLines {
				found = append(found, fmt.Sprintf("%s: function of %d lines (limit %d)", f.fset.Position(fn.Pos()), n, maxFunctionLines))
			}
		}
	}
	return found
}

// functions lists what is measured: every declared function, and in tests
// every subtest.
func (s source) functions() []ast.Node {
	var list []ast.Node
	ast.Inspect(s.tree, func(n ast.Node) bool {
		if fn, ok := n.(*ast.FuncDecl); ok {
			list = append(list, fn)
		}
		if fn := subtest(n); fn != nil && s.test() {
			list = append(list, fn)
		}
		return true
	})
	return list
}

// subtest returns the function of a call such as t.Run("name", func…), or nil.
func subtest(n ast.Node) *ast.FuncLit {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return nil
	}
	if sel, ok := call.Fun.(*ast.SelectorExpr); !ok || sel.Sel.Name != "Run" {
		return nil
	}
	fn, _ := call.Args[len(call.Args)-1].(*ast.FuncLit)
	return fn
}

// span is how many lines a node covers.
func (s source) span(n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
}

// apart counts the lines of a test function that are not its own: the rows of
// its table are data, and a table may be as long as there are cases; a subtest
// is measured by itself.
func (s source) apart(fn ast.Node) int {
	if !s.test() {
		return 0
	}
	lines := 0
	ast.Inspect(fn, func(n ast.Node) bool {
		if n == fn {
			return true
		}
		inner := subtest(n)
		literal, rows := n.(*ast.CompositeLit)
		switch {
		case inner != nil && inner != fn:
			lines += s.span(inner) - 1
		case rows:
			lines += s.span(literal) - 1
		default:
			return true
		}
		return false
	})
	return lines
}

func TestFilesAndFunctionsStayReadable(t *testing.T) {
	report(t, sizeFindings(module(t)))
}

func TestWebFilesStayReadable(t *testing.T) {
	for _, suffix := range []string{".ts", ".tsx", ".css", ".html"} {
		err := ownFiles(suffix, func(name string, text []byte) error {
			if n := strings.Count(string(text), "\n"); n > maxFileLines && within(name, "web", "internal") {
				t.Errorf("%s has %d lines: split it (limit %d)", name, n, maxFileLines)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestSizeRuleCountsLines(t *testing.T) {
	body := func(lines int) string { return strings.Repeat("\t_ = 0\n", lines) }
	table := "\t_ = []int{\n" + strings.Repeat("\t\t0,\n", maxFunctionLines) + "\t}\n"
	tests := []struct {
		name, text string
		want       int // findings
	}{
		{"a long table outside a test", "package x\n\nfunc f() {\n" + table + "}\n", 1},
		{"a function at the limit", "package x\n\nfunc f() {\n" + body(maxFunctionLines-2) + "}\n", 0},
		{"a function over the limit", "package x\n\nfunc f() {\n" + body(maxFunctionLines-1) + "}\n", 1},
		{"its doc comment does not count", "package x\n\n" + strings.Repeat("// f.\n", 40) + "func f() {\n" + body(maxFunctionLines-2) + "}\n", 0},
		{"a file over the limit", "package x\n" + strings.Repeat("\n", maxFileLines), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if found := sizeFindings(tree(t, map[string]string{"x/x.go": tt.text})); len(found) != tt.want {
				t.Errorf("got %q, want %d findings", found, tt.want)
			}
		})
	}
}

func TestSizeRuleMeasuresTablesAndSubtestsApart(t *testing.T) {
	body := strings.Repeat("\t_ = 0\n", maxFunctionLines-2)
	table := "\t_ = []int{\n" + strings.Repeat("\t\t0,\n", maxFunctionLines) + "\t}\n"
	sub := func(body string) string { return "\tt.Run(\"a\", func(t *testing.T) {\n" + body + "\t})\n" }
	tests := []struct {
		name, body string
		want       int // findings
	}{
		{"a long table", table, 0},
		{"two subtests at the limit", sub(body) + sub(body), 0},
		{"a subtest over the limit", sub(body + "\t_ = 0\n"), 1},
		{"a subtest with a long table", sub(table), 0},
		{"too much beside a subtest", body + sub("\t_ = 0\n"), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := "package x\n\nfunc TestF(t *testing.T) {\n" + tt.body + "}\n"
			if found := sizeFindings(tree(t, map[string]string{"x/x_test.go": text})); len(found) != tt.want {
				t.Errorf("got %q, want %d findings", found, tt.want)
			}
		})
	}
}
