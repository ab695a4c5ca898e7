package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/service/notify/smtp"
)

func TestTheMailServerComesFromFlagsAndItsPasswordNeverDoes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(t.TempDir(), "open")
	if err := os.WriteFile(open, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		flags smtpFlags
		env   environment
		want  smtp.Config
		fails bool
	}{
		{"none", smtpFlags{TLS: "starttls"}, environment{"ASSENT_SMTP_PASSWORD": "x"}, smtp.Config{}, false},
		{"without signing in", smtpFlags{Host: "m", From: "a@b.example", TLS: "none"}, nil, smtp.Config{Host: "m", From: "a@b.example", TLS: "none"}, false},
		{"password of the environment", smtpFlags{Host: "m", Username: "u", Port: 26}, environment{"ASSENT_SMTP_PASSWORD": "secret"},
			smtp.Config{Host: "m", Username: "u", Port: 26, Password: "secret"}, false},
		{"password of a file", smtpFlags{Host: "m", Username: "u", PasswordFile: file}, nil, smtp.Config{Host: "m", Username: "u", Password: "from the file"}, false},
		{"a file that others read", smtpFlags{Host: "m", Username: "u", PasswordFile: open}, nil, smtp.Config{}, true},
		{"no password", smtpFlags{Host: "m", Username: "u"}, nil, smtp.Config{}, true},
		{"no host", smtpFlags{From: "a@b.example"}, nil, smtp.Config{}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.flags.config(&program{env: tt.env})
			if (err != nil) != tt.fails {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b smtp.Config) bool { return tt.fails || a == b })); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}
