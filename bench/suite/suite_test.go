package suite_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assent-id/assent/bench/suite"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// build compiles one of our commands.
func build(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), filepath.Base(name))
	out, err := exec.Command("go", "build", "-o", path, "github.com/assent-id/assent/"+name).CombinedOutput()
	if err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return path
}

// run is a run of a few seconds on every database that is here.
func run(t *testing.T, assent string) *suite.Report {
	t.Helper()
	c := suite.Quick()
	c.Floor, c.Assent, c.Log = build(t, "bench/floor"), assent, t.Output()
	report, err := suite.Run(t.Context(), c)
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Log("no PostgreSQL here: SQLite alone")
		c.Databases = []string{"sqlite"}
		report, err = suite.Run(t.Context(), c)
	}
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// A run fails on the first wrong answer, so a run that ends is a run in which
// every answer was right. Times are not looked at: they mean nothing here.
func TestEveryAnswerOfTheFloorIsRight(t *testing.T) {
	t.Parallel()
	report := run(t, "")
	for _, row := range report.Rows {
		for _, cell := range row.Cells {
			if cell.Median.Ops != 40 {
				t.Errorf("%s on %s: %d operations, want 40", row.Name, cell.Database, cell.Median.Ops)
			}
		}
	}
	if len(report.Rows) == 0 {
		t.Error("no row was measured")
	}
}

// assent is the binary that make test builds first.
func assent(t *testing.T) string {
	t.Helper()
	binary, err := filepath.Abs("../../bin/assent")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		t.Skip("bin/assent is not built; make test builds it")
	}
	return binary
}

func TestEveryAnswerOfAssentIsRight(t *testing.T) {
	t.Parallel()
	report := run(t, assent(t))
	for _, row := range report.Rows {
		for _, cell := range row.Cells {
			if cell.Median.Ops != 40 {
				t.Errorf("%s of %s on %s: %d operations, want 40", row.Name, cell.Kind, cell.Database, cell.Median.Ops)
			}
		}
	}
	text := report.Markdown()
	for _, want := range []string{"whole CIBA approval | SQLite", "private_key_jwt | SQLite", "DPoP-bound | SQLite", "Cold start",
		"code + PKCE, authorize to tokens | SQLite", "refresh with rotation | SQLite", "collect | SQLite", "token exchange | SQLite"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has no %q:\n%s", want, text)
		}
	}
}

// The people of a filled database must be as good as those who came by
// themselves: each answer depends on them.
func TestEveryAnswerOnAFilledDatabaseIsRight(t *testing.T) {
	t.Parallel()
	c := suite.Quick()
	c.Assent, c.Log = assent(t), t.Output()
	sizes := suite.Sizes{Small: 100, Large: 2000}
	report, err := suite.Grow(t.Context(), c, sizes)
	if errors.Is(err, pgtest.ErrNotInstalled) {
		c.Databases = []string{"sqlite"}
		report, err = suite.Grow(t.Context(), c, sizes)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range report.Rows {
		if row.Small.Median.Ops != 40 || row.Large.Median.Ops != 40 {
			t.Errorf("%s on %s: %d and %d operations, want 40", row.Name, row.Database, row.Small.Median.Ops, row.Large.Median.Ops)
		}
	}
	for _, f := range report.Filled {
		if f.Identities == sizes.Large && f.Bytes < 2<<20 {
			t.Errorf("%s with %d identities has %d bytes", f.Database, f.Identities, f.Bytes)
		}
	}
	if text := report.Markdown(); !strings.Contains(text, "refresh with rotation | SQLite") {
		t.Errorf("the report has no refresh on SQLite:\n%s", text)
	}
}

func TestAnUnknownRowIsRefused(t *testing.T) {
	c := suite.Quick()
	c.Floor, c.Rows = "floor", []string{"nothing"}
	if _, err := suite.Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "discovery") {
		t.Errorf("error is %v; it must name the rows there are", err)
	}
}
