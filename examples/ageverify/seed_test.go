package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// leaks are what a transcript that may be shown to anybody has none of: secrets,
// tokens and private keys at full length.
var leaks = regexp.MustCompile(`"(access_token|client_secret|d|seed)": ?"[^"]{6}|client_(assertion|secret)=[A-Za-z0-9_-]{6}|eyJ[A-Za-z0-9_-]{20}`)

// The script runs both programs, as somebody would who tries them.
//
// Requirement: seed4-replay, seed4-assertion, seed4-verify, seed4-rotate, seed4-revoke, seed4-restart
func TestTheScenarioOfTheServiceClientEndsWell(t *testing.T) {
	dir := t.TempDir()
	programs := map[string]string{"ASSENT_BIN": "../../cmd/assent", "AGEVERIFY_BIN": "."}
	script := exec.CommandContext(t.Context(), "../seed-004.sh")
	script.Env = os.Environ()
	for name, source := range programs {
		binary := filepath.Join(dir, name)
		build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", binary, source) // as make build does, whose cache this uses
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		script.Env = append(script.Env, name+"="+binary)
	}
	script.Cancel, script.WaitDelay = func() error { return script.Process.Signal(os.Interrupt) }, 10*time.Second
	out, err := script.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("\nDONE: all ")) {
		t.Fatalf("%v\n%s", err, out)
	}
	if leak := leaks.Find(out); leak != nil {
		t.Errorf("the transcript tells a secret: %.30s", leak)
	}
	t.Logf("%s", regexp.MustCompile(`refused \d+ ms[^\n]*`).Find(out))
}
