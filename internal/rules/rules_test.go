// Package rules_test holds the house to its plan (docs/architecture.md): who
// may import whom, which package owns which library, how long a file or a
// function may get, and that each requirement of docs/requirements.txt has its
// test. It reads the sources with go/parser and tries each rule on small
// modules that break it, so that a rule cannot fall silent.
//
// If it is wrong nothing breaks at once; the layers just grow together until
// no part can be changed or checked alone.
package rules_test

import (
	"slices"
	"testing"
)

// report fails the test once for each finding, in a stable order.
func report(t *testing.T, found []string) {
	t.Helper()
	slices.Sort(found)
	for _, f := range found {
		t.Error(f)
	}
}
