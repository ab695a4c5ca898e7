package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/assent-id/assent/examples/ageverify/api"
	"github.com/assent-id/assent/examples/ageverify/pass"
)

// ran runs a command line and returns what it printed.
func ran(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	var out, log bytes.Buffer
	err := run(t.Context(), program{strings.NewReader(stdin), &out, &log}, args)
	return strings.TrimSuffix(out.String(), "\n"), err
}

// must is one that works.
func must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := ran(t, "", args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

// Requirement: age-issue, age-pass-offline
func TestPassesAreIssuedAndCheckedWithoutANetwork(t *testing.T) {
	dir := t.TempDir()
	key, second, keys := filepath.Join(dir, "1.key"), filepath.Join(dir, "2.key"), filepath.Join(dir, "pass.keys")
	must(t, "keygen", "--out", key, "--public", keys)
	must(t, "keygen", "--out", second, "--public", keys, "--id", "2")
	if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	for _, file := range []string{key, second} {
		adult, minor := must(t, "issue", "--key", file, "--over", "18"), must(t, "issue", "--key", file, "--born-by", "2020-02-29")
		for _, tt := range []struct {
			pass, age, at, want string
		}{
			{adult, "18", "", "pass"}, {adult, "0", "", "pass"}, {adult, "19", "", "fail: does not show the age"}, {minor, "18", "", "fail: does not show the age"},
			{adult, "18", "2100-01-01T00:00:00Z", "fail: expired"}, {"A" + adult[1:4] + "B" + adult[5:], "18", "", ""}, {"-", "18", "", "pass"},
		} {
			args := []string{"check", "--keys", keys, "--age", tt.age}
			if tt.at != "" {
				args = append(args, "--at", tt.at)
			}
			got, err := ran(t, adult+"\n", append(args, tt.pass)...)
			if want := tt.want; want == "" && !strings.HasPrefix(got, "fail: ") || want != "" && got != want || (err == nil) != (want == "pass") || err != nil && !errors.Is(err, errNo) {
				t.Errorf("%v: %q, %v", args, got, err)
			}
		}
	}
	legacy := "\n" // a pass may hold one, and what is read is a line
	for strings.Contains(legacy, "\n") {
		if err := json.Unmarshal([]byte(must(t, "issue", "--key", key, "--over", "21", "--latin1")), &legacy); err != nil || len([]rune(legacy)) != pass.Size {
			t.Fatal(legacy, err)
		}
	}
	if out, err := ran(t, legacy, "check", "--keys", keys, "--age", "21", "-"); err != nil || out != "pass" {
		t.Errorf("%q: %v", out, err)
	}
}

// What somebody copies from README.md registers every scope, and leaves nothing to be
// filled in.
//
// Requirement: age-scopes
func TestTheSetUpInTheReadmeCanBeCopied(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "```sh\n")
	commands, _, found := strings.Cut(after, "```")
	if !found || strings.ContainsAny(commands, "…<>") {
		t.Errorf("not to be copied:\n%s", commands)
	}
	for _, scope := range api.Scopes {
		if !strings.Contains(commands, ` --scope "`+scope+`=`) {
			t.Errorf("%s is not registered", scope)
		}
	}
	if !strings.Contains(commands, ` --approval-scope "`+api.ScopeClose+`=`) {
		t.Errorf("%s is not registered", api.ScopeClose)
	}
}

// Requirement: age-issue
func TestCommandsThatMeanNothingDoNothing(t *testing.T) {
	dir := t.TempDir()
	key, keys := filepath.Join(dir, "1.key"), filepath.Join(dir, "pass.keys")
	must(t, "keygen", "--out", key, "--public", keys)
	before, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{}, {"x"}, {"keygen"}, {"keygen", "--out", key, "--public", keys, "--id", "3"}, {"keygen", "--out", filepath.Join(dir, "2.key"), "--public", keys},
		{"keygen", "--out", filepath.Join(dir, "2.key"), "--public", keys, "--id", "65536"}, {"keygen", "--out", filepath.Join(dir, "2.key"), "--public", key},
		{"issue", "--key", key}, {"issue", "--key", key, "--over", "18", "--born-by", "2000-01-01"}, {"issue", "--key", key, "--over", "151"},
		{"issue", "--key", key, "--born-by", "2000-02-30"}, {"issue", "--key", key, "--born-by", "1700-01-01"}, {"issue", "--key", key, "--over", "18", "--valid", "0s"},
		{"issue", "--key", key, "--over", "18", "--valid", "900000h"}, {"issue", "--key", keys, "--over", "18"}, {"issue", "--over", "18"}, {"issue", "--key", key, "--over", "18", "x"},
		{"check", "--keys", keys, "--age", "18"}, {"check", "--keys", keys, "--age", "18", "x"}, {"check", "--keys", keys, "--age", "151", strings.Repeat("x", 64)},
		{"check", "--keys", keys, strings.Repeat("x", 64)}, {"check", "--keys", key, "--age", "18", strings.Repeat("x", 64)},
		{"check", "--keys", keys, "--age", "18", "--at", "today", strings.Repeat("x", 64)}, {"serve"},
		{"serve", "--issuer", "http://localhost:1", "--resource", "http://localhost:2/api", "--client-id", "svc_x", "--client-key", key, "--keys", keys, "--requests", "0"},
	} {
		if out, err := ran(t, "", args...); err == nil || errors.Is(err, errNo) || out != "" {
			t.Errorf("%v: %q, %v", args, out, err)
		}
	}
	after, err := os.ReadFile(key)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key was replaced: %v", err)
	}
}
