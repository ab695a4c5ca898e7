package rules_test

import (
	"fmt"
	"slices"
	"testing"
)

// A layer says what the packages under a folder may import of ours. The
// first layer that holds a package is its own. Tests may import more: they
// put real parts together.
type layer struct {
	root   string
	may    []string // roots of ours
	no     []string // roots of the standard library that would break the layer's promise
	reason string
}

// layers is the house, from the inside out: docs/architecture.md.
var layers = []layer{
	{"internal/format", []string{"internal/format"},
		[]string{"os", "net", "net/http", "database/sql"},
		"format is bytes and maths: no import of ours outside it and no I/O"},
	{"sdk", []string{"sdk"}, nil,
		"whoever imports the SDK must not link the server"},
	{"internal/model", []string{"internal/model", "internal/format", "sdk/evidence"},
		[]string{"os", "net", "net/http", "database/sql"},
		"model is types and rules: no I/O"},
	{"internal/hub", []string{"internal/model"}, []string{"net/http", "database/sql"},
		"the hub wakes waiters inside one node and knows nothing else"},
	{"internal/fetch", nil, []string{"os", "database/sql"},
		"the one way out is told what may be reached and knows nobody"},
	{"internal/service", []string{"internal/service", "internal/model", "internal/format", "internal/hub", "internal/fetch", "sdk/evidence"},
		[]string{"database/sql"},
		"a service declares the interfaces it needs; HTTP and SQL are not its business"},
	{"internal/store", []string{"internal/store", "internal/service", "internal/model", "internal/format", "sdk/evidence"},
		[]string{"net/http"},
		"the store satisfies the services' interfaces and speaks SQL only"},
	{"internal/edge", []string{"internal/edge", "internal/service", "internal/model", "internal/format", "internal/hub", "sdk/evidence"},
		[]string{"database/sql"},
		"the edge is HTTP and nothing else"},
	{"internal/obs", []string{"internal/obs"}, nil,
		"obs is told what to measure and knows nobody"},
	{"internal/softperson", []string{"internal/format", "sdk/evidence"}, []string{"database/sql"},
		"a person in software reaches the server over HTTP alone"},
	{"internal/server", []string{"internal", "sdk"}, nil, "the server wires everyone"},
	{"examples", []string{"examples", "sdk"}, nil, "an example shows what a stranger can do"},
	{"cmd", []string{"cmd", "internal", "sdk"}, nil, "a command wires what it runs"},
	{"bench", []string{"bench", "internal", "sdk"}, nil, "the benchmark measures whatever it likes"},
}

// wiring is what only those who wire may import.
var wiring = []string{"internal/server"}

func layerOf(dir string) *layer {
	for i, l := range layers {
		if within(dir, l.root) {
			return &layers[i]
		}
	}
	return nil
}

// importFindings holds each file's imports against its layer.
func importFindings(files []source) []string {
	var found []string
	for _, f := range files {
		if f.test() {
			continue
		}
		l := layerOf(f.dir)
		if l == nil {
			found = append(found, fmt.Sprintf("%s: %s is in no layer; give it one", f.name, f.dir))
			continue
		}
		for _, p := range f.imports() {
			if !allowed(f.dir, *l, p) {
				found = append(found, fmt.Sprintf("%s imports %s: %s", f.name, p, l.reason))
			}
		}
	}
	return found
}

func allowed(dir string, l layer, importPath string) bool {
	to, ours := local(importPath)
	switch {
	case !ours:
		return !slices.Contains(l.no, importPath)
	case within(to, wiring...):
		return within(dir, "cmd", "bench") || within(dir, wiring...)
	default:
		return within(to, l.may...)
	}
}

func TestImportsPointInward(t *testing.T) {
	report(t, importFindings(module(t)))
}

func TestImportRulesCatchWhatTheyForbid(t *testing.T) {
	tests := []struct {
		name, file, imports string
		want                bool // allowed
	}{
		{"format takes the standard library", "internal/format/x/x.go", "crypto/sha256", true},
		{"format takes another format", "internal/format/x/x.go", modulePath + "/internal/format/ids", true},
		{"format takes a model", "internal/format/x/x.go", modulePath + "/internal/model", false},
		{"format takes the SDK", "internal/format/x/x.go", modulePath + "/sdk/evidence", false},
		{"format opens files", "internal/format/x/x.go", "os", false},
		{"a format's test takes a model", "internal/format/x/x_test.go", modulePath + "/internal/model", true},
		{"service takes a model", "internal/service/a/x.go", modulePath + "/internal/model", true},
		{"service takes its own part", "internal/service/a/x.go", modulePath + "/internal/service/a/b", true},
		{"model takes a service", "internal/model/x.go", modulePath + "/internal/service/a", false},
		{"model takes one whose name begins alike", "internal/model/x.go", modulePath + "/internal/modelling", false},
		{"service takes the store", "internal/service/a/x.go", modulePath + "/internal/store", false},
		{"service takes the edge", "internal/service/a/x.go", modulePath + "/internal/edge/httpx", false},
		{"service takes the server", "internal/service/a/x.go", modulePath + "/internal/server", false},
		{"service speaks SQL", "internal/service/a/x.go", "database/sql", false},
		{"store takes a service", "internal/store/x.go", modulePath + "/internal/service/a", true},
		{"store takes the edge", "internal/store/x.go", modulePath + "/internal/edge/api", false},
		{"edge takes the store", "internal/edge/api/x.go", modulePath + "/internal/store", false},
		{"edge takes metrics", "internal/edge/api/x.go", modulePath + "/internal/obs", false},
		{"server takes the store", "internal/server/x.go", modulePath + "/internal/store", true},
		{"command takes the server", "cmd/assent/x.go", modulePath + "/internal/server", true},
		{"SDK takes the SDK", "sdk/assent/x.go", modulePath + "/sdk/evidence", true},
		{"SDK takes a format", "sdk/assent/x.go", modulePath + "/internal/format/ids", false},
		{"example takes the SDK", "examples/x/x.go", modulePath + "/sdk/assent", true},
		{"example takes a format", "examples/x/x.go", modulePath + "/internal/format/ids", false},
		{"a package without a layer", "internal/util/x.go", "fmt", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := tree(t, map[string]string{tt.file: "package x\nimport _ \"" + tt.imports + "\"\n"})
			if found := importFindings(files); (len(found) == 0) != tt.want {
				t.Errorf("got findings %q, want allowed %v", found, tt.want)
			}
		})
	}
}
