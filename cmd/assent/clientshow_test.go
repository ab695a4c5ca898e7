package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
)

var errFull = errors.New("no space left on device")

// full is a disk without space.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// The key that it had before may be dead by then.
//
// Requirement: svc-key-kept
func TestAKeyThatWasMadeIsAlwaysTold(t *testing.T) {
	key, err := jose.Generate(jose.ES256)
	if err != nil {
		t.Fatal(err)
	}
	private, err := application.PrivateJWK(key)
	if err != nil {
		t.Fatal(err)
	}
	const file, stdout, stderr = "file", "standard output", "standard error"
	for _, tt := range []struct {
		name   string
		out    bool // --out
		lost   bool // the file cannot be written
		full   bool // nor can standard output
		where  string
		failed bool
	}{
		{"printed", false, false, false, stdout, false},
		{"printed to nowhere", false, false, true, stderr, true},
		{"to a file", true, false, false, file, false},
		{"to a file, and the rest to nowhere", true, false, true, file, true},
		{"to a file that is not there any more", true, true, false, stdout, true},
		{"to no file and to nowhere", true, true, true, stderr, true},
	} {
		for _, asJSON := range []bool{false, true} {
			var f keyFlags
			if tt.out {
				f.Out = filepath.Join(t.TempDir(), "sub", "key.jwk")
				if err := os.Mkdir(filepath.Dir(f.Out), 0o700); err != nil {
					t.Fatal(err)
				}
				if _, err := f.own(false); err != nil {
					t.Fatal(err)
				}
			}
			if tt.lost {
				if err := os.RemoveAll(filepath.Dir(f.Out)); err != nil {
					t.Fatal(err)
				}
			}
			var output, errs bytes.Buffer
			p := &program{stdout: io.Writer(&output), stderr: &errs}
			if tt.full {
				p.stdout = full{}
			}
			err := f.tell(p, &model.Site{Issuer: "https://id.example"}, application.Keyed{Private: key}, asJSON)
			f.drop()
			if (err != nil) != tt.failed || tt.full && !errors.Is(err, errFull) {
				t.Errorf("%s, JSON %v: %v", tt.name, asJSON, err)
			}
			got := map[string]bool{stdout: strings.Contains(output.String(), string(private)), stderr: strings.Contains(errs.String(), string(private))}
			if content, err := os.ReadFile(f.Out); err == nil {
				got[file] = string(content) == string(private)+"\n"
			}
			if diff := cmp.Diff(map[string]bool{stdout: tt.where == stdout, stderr: tt.where == stderr, tt.where: true}, got); diff != "" {
				t.Errorf("%s, JSON %v: %s", tt.name, asJSON, diff)
			}
			if strings.Contains(output.String(), "private_key") && strings.Contains(output.String(), "key.jwk") != (tt.where == file) {
				t.Errorf("%s, JSON %v: it says %s", tt.name, asJSON, output.String())
			}
		}
	}
}

// Requirement: svc-key-kept
func TestAFileIsTakenAwayOnlyIfItHoldsNoKey(t *testing.T) {
	for content, kept := range map[string]bool{"": false, "a key\n": true} {
		f := keyFlags{Out: filepath.Join(t.TempDir(), "key.jwk")}
		if err := os.WriteFile(f.Out, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f.drop()
		if _, err := os.Stat(f.Out); (err == nil) != kept {
			t.Errorf("%q: %v", content, err)
		}
	}
}
