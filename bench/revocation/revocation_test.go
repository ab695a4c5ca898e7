package revocation_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/assent-id/assent/bench/revocation"
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

// Times are not looked at: they mean nothing here. A token that is not refused
// everywhere ends the run with an error, also after the restart.
//
// Requirement: lever-resource-servers
func TestEveryRevokedTokenIsRefusedByEveryResourceServer(t *testing.T) {
	t.Parallel()
	report, err := revocation.Run(t.Context(), revocation.Config{Assent: build(t, "cmd/assent"), API: build(t, "bench/api"),
		Revocations: 4, Nodes: 2, Servers: 3, Log: t.Output()})
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Skip("there is no PostgreSQL here, which several nodes need")
	}
	if err != nil {
		t.Fatal(err)
	}
	if report.Samples != 12 || !report.StillRefused {
		t.Errorf("got %d samples, still refused %v; want 12, true", report.Samples, report.StillRefused)
	}
}
