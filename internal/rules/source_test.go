package rules_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
)

// modulePath is the prefix of every import of ours.
const modulePath = "github.com/assent-id/assent"

// A source is one parsed Go file of the module.
type source struct {
	name  string // slash-separated, relative to the module: "internal/obs/log.go"
	dir   string // its package: "internal/obs"
	lines int
	fset  *token.FileSet
	tree  *ast.File
}

// test reports whether the file is only linked into tests: a _test.go file,
// or a package of test helpers, whose name ends in "test" (storetest).
func (s source) test() bool {
	return strings.HasSuffix(s.name, "_test.go") || strings.HasSuffix(path.Base(s.dir), "test")
}

// imports lists what the file imports.
func (s source) imports() []string {
	var list []string
	for _, spec := range s.tree.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			list = append(list, p)
		}
	}
	return list
}

// local returns the folder of an import of ours.
func local(importPath string) (dir string, ours bool) {
	return strings.CutPrefix(importPath, modulePath+"/")
}

// foreign reports whether an import is of another module: the first element
// of its path has a dot, as no package of the standard library has.
func foreign(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return strings.Contains(first, ".") && first+"/" != modulePath+"/" &&
		importPath != modulePath && !strings.HasPrefix(importPath, modulePath+"/")
}

// within reports whether a folder is one of the roots or below one.
func within(dir string, roots ...string) bool {
	for _, root := range roots {
		if dir == root || strings.HasPrefix(dir, root+"/") {
			return true
		}
	}
	return false
}

// parse reads one file.
func parse(name string, text []byte) (source, error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return source{}, fmt.Errorf("parse %s: %w", name, err)
	}
	return source{
		name: name, dir: path.Dir(name), fset: fset, tree: tree,
		lines: strings.Count(string(text), "\n"),
	}, nil
}

// tree parses texts by file name, for trying a rule on a small module.
func tree(t *testing.T, files map[string]string) []source {
	t.Helper()
	var list []source
	for name, text := range files {
		s, err := parse(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s)
	}
	return list
}

// moduleRoot is the folder that holds go.mod.
const moduleRoot = "../.."

// ownFiles calls visit for each file of the repository with the suffix that
// somebody here wrote: not those of dependencies, builds and other modules.
func ownFiles(suffix string, visit func(name string, text []byte) error) error {
	root := os.DirFS(moduleRoot)
	return fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return skipped(name, d.Name())
		case !strings.HasSuffix(name, suffix):
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		return visit(name, text)
	})
}

// skipped says which folders hold nothing of ours.
func skipped(name, base string) error {
	hidden := strings.HasPrefix(base, ".") && name != "."
	switch {
	case hidden, base == "node_modules", base == "testdata", base == "dist",
		name == "tools", name == "bin", name == "data":
		return fs.SkipDir
	}
	return nil
}

// module parses every Go file of this module.
func module(t *testing.T) []source {
	t.Helper()
	var list []source
	err := ownFiles(".go", func(name string, text []byte) error {
		s, err := parse(name, text)
		list = append(list, s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 20 {
		t.Fatalf("found only %d Go files from %s: the walk is broken", len(list), moduleRoot)
	}
	return list
}
