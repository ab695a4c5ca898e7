package oauth_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/oauth"
)

// A source is the code of the engine, by the names of its functions.
type source struct {
	funcs  map[string][]*ast.FuncDecl
	checks []*ast.CompositeLit // rows of the table
}

func readSource(t *testing.T) source {
	t.Helper()
	s := source{funcs: map[string][]*ast.FuncDecl{}}
	names, err := filepath.Glob("*.go")
	servertest.Check(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		servertest.Check(t, err)
		for _, d := range f.Decls {
			if d, ok := d.(*ast.FuncDecl); ok {
				s.funcs[d.Name.Name] = append(s.funcs[d.Name.Name], d)
			}
		}
		ast.Inspect(f, func(n ast.Node) bool {
			v, ok := n.(*ast.ValueSpec)
			if !ok || v.Names[0].Name != "checks" {
				return true
			}
			for _, row := range v.Values[0].(*ast.CompositeLit).Elts {
				s.checks = append(s.checks, row.(*ast.CompositeLit))
			}
			return false
		})
	}
	return s
}

// authorizing are the functions of the table that see what was kept: all those of
// the authorization endpoint, and of the other those behind the one that keeps.
func (s source) authorizing() []string {
	var names []string
	kept := false
	for _, row := range s.checks {
		run := row.Elts[2].(*ast.SelectorExpr).Sel.Name
		ast.Inspect(row.Elts[1], func(n ast.Node) bool {
			if at, ok := n.(*ast.Ident); ok && (at.Name == "authorize" || kept && at.Name == "par") {
				names = append(names, run)
			}
			return true
		})
		kept = kept || run == "keepKnown"
	}
	return names
}

// reads are the parameters that functions read, or those that they call.
func (s source) reads(names []string) []string {
	var params []string
	seen := map[string]bool{}
	for len(names) > 0 {
		name := names[0]
		names = names[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		for _, d := range s.funcs[name] {
			ast.Inspect(d, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					names = append(names, called(n))
					if called(n) == "Get" && len(n.Args) == 1 {
						params = append(params, text(n.Args[0]))
					}
				case *ast.IndexExpr:
					if of, ok := n.X.(*ast.SelectorExpr); ok && of.Sel.Name == "Params" {
						params = append(params, text(n.Index))
					}
				}
				return true
			})
		}
	}
	params = slices.DeleteFunc(params, func(p string) bool { return p == "" })
	slices.Sort(params)
	return slices.Compact(params)
}

func called(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func text(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		s, _ := strconv.Unquote(l.Value)
		return s
	}
	return ""
}

// What the list lacks, the engine would read as not sent once a request has
// waited; what nobody reads has no business in the database.
func TestTheParametersThatAreKeptAreThoseThatAreRead(t *testing.T) {
	s := readSource(t)
	first := s.authorizing()
	if len(first) < 15 {
		t.Fatalf("the table was not read: %q", first)
	}
	got := s.reads(append(first, "Authorize", "Hold", "Resume", "Cancel", "Consented", "Refused", "Push", "SignInNeed"))
	// These two lead to where the parameters are, and are not among them (RFC 9101,
	// Section 4; RFC 9126, Section 2.1).
	want := append(slices.Clone(oauth.AuthorizationParams), "request", "request_uri")
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the code reads\n%q\nand keeps\n%q", got, want)
	}
}
