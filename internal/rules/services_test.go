package rules_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"strconv"
	"strings"
	"testing"
)

// Services ask each other through interfaces that the asker declares. They
// may name each other's plain types, sentinels and pure functions; what makes
// another service what it is, its engine, its constructor and its store, is
// out of reach. The server puts the engines together.

// serviceOf returns the root of the service that a folder belongs to, or "".
func serviceOf(dir string) string {
	parts := strings.SplitN(dir, "/", 4)
	if len(parts) < 3 || !within(dir, "internal/service") {
		return ""
	}
	return strings.Join(parts[:3], "/")
}

// A use is one name that a file takes from an import.
type use struct {
	dir  string // the import's folder when it is ours, else its path
	name string
	at   token.Position
}

// uses lists every name of another package in a file.
func uses(f source) []use {
	imports := make(map[string]string) // name in this file → import path
	for _, spec := range f.tree.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(p)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		if dir, ours := local(p); ours {
			p = dir
		}
		imports[name] = p
	}
	var list []use
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && imports[x.Name] != "" {
				list = append(list, use{imports[x.Name], sel.Sel.Name, f.fset.Position(sel.Pos())})
			}
		}
		return true
	})
	return list
}

// private lists, by folder, what a service keeps from other services:
// constructors and the engines they return, stores, and variables other than
// errors.
func private(files []source) map[string]map[string]bool {
	names := make(map[string]map[string]bool)
	for _, f := range files {
		if f.test() || serviceOf(f.dir) == "" {
			continue
		}
		if names[f.dir] == nil {
			names[f.dir] = make(map[string]bool)
		}
		for _, d := range f.tree.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				addConstructor(d, names[f.dir])
			case *ast.GenDecl:
				addStores(d, names[f.dir])
			}
		}
	}
	return names
}

func addConstructor(d *ast.FuncDecl, names map[string]bool) {
	if d.Recv != nil || !strings.HasPrefix(d.Name.Name, "New") || d.Type.Results == nil {
		return
	}
	names[d.Name.Name] = true
	for _, result := range d.Type.Results.List {
		if star, ok := result.Type.(*ast.StarExpr); ok {
			if engine, ok := star.X.(*ast.Ident); ok {
				names[engine.Name] = true
			}
		}
	}
}

func addStores(d *ast.GenDecl, names map[string]bool) {
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if strings.HasSuffix(spec.Name.Name, "Store") {
				names[spec.Name.Name] = true
			}
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				if d.Tok == token.VAR && !strings.HasPrefix(name.Name, "Err") {
					names[name.Name] = true
				}
			}
		}
	}
}

// serviceFindings lists where services reach into each other, or into HTTP
// beyond the numbers of its statuses.
func serviceFindings(files []source) []string {
	kept := private(files)
	var found []string
	for _, f := range files {
		self := serviceOf(f.dir)
		if f.test() || self == "" {
			continue
		}
		for _, u := range uses(f) {
			switch {
			case u.dir == "net/http" && !strings.HasPrefix(u.name, "Status"):
				found = append(found, fmt.Sprintf("%s uses http.%s: HTTP ends at the edge", u.at, u.name))
			case serviceOf(u.dir) != self && kept[u.dir][u.name]:
				found = append(found, fmt.Sprintf("%s uses %s.%s: declare an interface and be given one", u.at, path.Base(u.dir), u.name))
			}
		}
	}
	return found
}

func TestServicesReachEachOtherThroughInterfacesOfTheirOwn(t *testing.T) {
	report(t, serviceFindings(module(t)))
}

func TestServiceRuleTellsTypesFromEngines(t *testing.T) {
	const other = `package b
type Engine struct{}
type Store interface{}
type LinkStore interface{}
type Decision struct{}
var ErrRefused error
var Default Decision
const Max = 1
func New(s Store) (*Engine, error) { return nil, nil }
func Reason(err error) string { return "" }
`
	tests := []struct {
		name, use string
		want      int // findings
	}{
		{"a plain type", "b.Decision", 0},
		{"a sentinel", "b.ErrRefused", 0},
		{"a constant", "b.Max", 0},
		{"a pure function", "b.Reason", 0},
		{"the engine", "b.Engine", 1},
		{"the constructor", "b.New", 1},
		{"the store", "b.Store", 1},
		{"a part of the store", "b.LinkStore", 1},
		{"a variable", "b.Default", 1},
		{"a status of HTTP", "http.StatusOK", 0},
		{"a request of HTTP", "http.Request", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := tree(t, map[string]string{
				"internal/service/b/b.go": other,
				"internal/service/b/c/c.go": "package c\nimport \"" + modulePath + "/internal/service/b\"\n" +
					"var _ = b.Default\n", // a part of b itself
				"internal/service/a/a.go": "package a\nimport (\n\"net/http\"\n\"" + modulePath + "/internal/service/b\"\n)\n" +
					"var _ = " + tt.use + "\n",
			})
			if found := serviceFindings(files); len(found) != tt.want {
				t.Errorf("got %q, want %d findings", found, tt.want)
			}
		})
	}
	renamed := tree(t, map[string]string{
		"internal/service/b/b.go": other,
		"internal/service/a/a.go": "package a\nimport x \"" + modulePath + "/internal/service/b\"\nvar _ = x.New\n",
	})
	if found := serviceFindings(renamed); len(found) != 1 {
		t.Errorf("under another name: got %q, want 1 finding", found)
	}
}
