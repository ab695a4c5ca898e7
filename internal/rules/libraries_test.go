package rules_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// A shared library may be imported by more than one package.
type shared struct {
	module string
	by     []string // roots of ours; empty: everyone
	reason string
}

// sharedLibraries is every exception to "one library, one importer".
var sharedLibraries = []shared{
	{"github.com/go-jose/go-jose/v4", []string{"internal/format/jose", "sdk"},
		"the SDK verifies on its own, without the server"},
	{"golang.org/x/sync", nil,
		"singleflight and errgroup belong to the Go project and show no type of theirs in our interfaces"},
}

// clientLibraries are the clients of others that tests let loose on the server.
// They are in the tests of these packages and nowhere else.
var clientLibraries = map[string][]string{
	"github.com/modelcontextprotocol/go-sdk": {"internal/clients"},
	"github.com/coreos/go-oidc/v3":           {"internal/clients", "internal/edge/oauthhttp"},
	"golang.org/x/oauth2":                    {"internal/clients", "internal/edge/oauthhttp"},
}

// apart are the packages that are not linked into the product, and so do not
// count: the benchmark, and the examples, which are programs of strangers with
// libraries of their own choice.
var apart = []string{"bench", "examples"}

// sdkLibraries is all that people who import the SDK download with it.
var sdkLibraries = []string{"github.com/go-jose/go-jose/v4"}

// requiredModules lists the modules that go.mod names.
func requiredModules(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(moduleRoot + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) >= 2 && strings.HasPrefix(fields[1], "v") && strings.Contains(fields[0], "/") {
			list = append(list, fields[0])
		}
	}
	return list
}

// moduleOf finds the module that holds an import: the longest that fits.
func moduleOf(importPath string, modules []string) string {
	best := ""
	for _, m := range modules {
		if within(importPath, m) && len(m) > len(best) {
			best = m
		}
	}
	return best
}

// libraryFindings lists the libraries that too many packages import.
func libraryFindings(files []source, modules []string) []string {
	users := make(map[string][]string) // module → folders
	var found []string
	for _, f := range files {
		found = append(found, clientFindings(f, modules)...)
		if f.test() || within(f.dir, apart...) {
			continue
		}
		for _, p := range f.imports() {
			if !foreign(p) {
				continue
			}
			m := moduleOf(p, modules)
			if m == "" {
				found = append(found, fmt.Sprintf("%s imports %s, which go.mod does not name", f.name, p))
				continue
			}
			if within(f.dir, "sdk") && !slices.Contains(sdkLibraries, m) {
				found = append(found, fmt.Sprintf("%s imports %s: the SDK stands on the standard library and go-jose", f.name, p))
			}
			if !slices.Contains(users[m], f.dir) {
				users[m] = append(users[m], f.dir)
			}
		}
	}
	for m, dirs := range users {
		if !mayShare(m, dirs) {
			slices.Sort(dirs)
			found = append(found, fmt.Sprintf("%s is imported by %s: wrap it in one of them", m, strings.Join(dirs, ", ")))
		}
	}
	return found
}

// clientFindings lists the clients of others that a file has no business with.
func clientFindings(f source, modules []string) []string {
	var found []string
	for _, p := range f.imports() {
		m := moduleOf(p, modules)
		if by, listed := clientLibraries[m]; listed && !(f.test() && within(f.dir, by...)) {
			found = append(found, fmt.Sprintf("%s imports %s, which is for the tests of %s", f.name, m, strings.Join(by, ", ")))
		}
	}
	return found
}

func mayShare(module string, dirs []string) bool {
	for _, s := range sharedLibraries {
		if s.module == module {
			return len(s.by) == 0 || !slices.ContainsFunc(dirs, func(dir string) bool {
				return !within(dir, s.by...)
			})
		}
	}
	return len(dirs) <= 1
}

func TestEachLibraryHasOneImporter(t *testing.T) {
	report(t, libraryFindings(module(t), requiredModules(t)))
}

func TestLibraryRuleCatchesWhatItForbids(t *testing.T) {
	modules := []string{"example.org/lib", "example.org/lib/v2", "github.com/go-jose/go-jose/v4", "golang.org/x/sync",
		"github.com/modelcontextprotocol/go-sdk"}
	use := func(importPath string) string { return "package x\nimport _ \"" + importPath + "\"\n" }
	tests := []struct {
		name  string
		files map[string]string
		want  int // findings
	}{
		{"one package, two files", map[string]string{
			"internal/obs/a.go": use("example.org/lib"), "internal/obs/b.go": use("example.org/lib/sub")}, 0},
		{"two packages", map[string]string{
			"internal/obs/a.go": use("example.org/lib"), "internal/store/b.go": use("example.org/lib/sub")}, 1},
		{"two major versions are two libraries", map[string]string{
			"internal/obs/a.go": use("example.org/lib"), "internal/store/b.go": use("example.org/lib/v2")}, 0},
		{"the second is a test", map[string]string{
			"internal/obs/a.go": use("example.org/lib"), "internal/store/b_test.go": use("example.org/lib")}, 0},
		{"the second is a test helper", map[string]string{
			"internal/obs/a.go": use("example.org/lib"), "internal/store/pgtest/b.go": use("example.org/lib")}, 0},
		{"the second is the benchmark's floor", map[string]string{
			"internal/obs/a.go": use("example.org/lib"), "bench/floor/b.go": use("example.org/lib")}, 0},
		{"the second is an example", map[string]string{
			"internal/store/a.go": use("example.org/lib"), "examples/shop/b.go": use("example.org/lib")}, 0},
		{"go-jose where it may be", map[string]string{
			"internal/format/jose/a.go": use("github.com/go-jose/go-jose/v4"), "sdk/evidence/b.go": use("github.com/go-jose/go-jose/v4/jwt")}, 0},
		{"go-jose elsewhere", map[string]string{
			"internal/service/oauth/a.go": use("github.com/go-jose/go-jose/v4")}, 1},
		{"x/sync anywhere", map[string]string{
			"internal/store/a.go": use("golang.org/x/sync/errgroup"), "internal/server/b.go": use("golang.org/x/sync/errgroup")}, 0},
		{"a client of others in the tests for it", map[string]string{
			"internal/clients/a_test.go": use("github.com/modelcontextprotocol/go-sdk/mcp")}, 0},
		{"a client of others in the product", map[string]string{
			"internal/clients/a.go": use("github.com/modelcontextprotocol/go-sdk/mcp")}, 1},
		{"a client of others in other tests", map[string]string{
			"internal/store/a_test.go": use("github.com/modelcontextprotocol/go-sdk/mcp")}, 1},
		{"another library in the SDK", map[string]string{"sdk/assent/a.go": use("example.org/lib")}, 1},
		{"a library go.mod does not name", map[string]string{"internal/obs/a.go": use("example.com/other")}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if found := libraryFindings(tree(t, tt.files), modules); len(found) != tt.want {
				t.Errorf("got %q, want %d findings", found, tt.want)
			}
		})
	}
}
