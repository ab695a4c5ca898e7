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

func TestEveryAnswerOfAssentIsRight(t *testing.T) {
	binary, err := filepath.Abs("../../bin/assent")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		t.Skip("bin/assent is not built; make test builds it")
	}
	text := run(t, binary).Markdown()
	for _, want := range []string{"whole CIBA approval | SQLite", "private_key_jwt | SQLite", "Cold start"} {
		if !strings.Contains(text, want) {
			t.Errorf("the report has no %q:\n%s", want, text)
		}
	}
}

func TestAnUnknownRowIsRefused(t *testing.T) {
	c := suite.Quick()
	c.Floor, c.Rows = "floor", []string{"nothing"}
	if _, err := suite.Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "discovery") {
		t.Errorf("error is %v; it must name the rows there are", err)
	}
}
