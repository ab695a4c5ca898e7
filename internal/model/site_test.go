package model_test

import (
	"testing"

	"github.com/assent-id/assent/internal/model"
)

func TestLocalPathsLeadNowhereElse(t *testing.T) {
	root := &model.Site{}
	blue := &model.Site{Path: "/realms/blue"}
	tests := []struct {
		target     string
		root, blue bool
	}{
		{"/approver/", true, false},
		{"/", true, false},
		{"/realms/blue", true, true},
		{"/realms/blue/", true, true},
		{"/realms/blue/approver/approvals/apr_1?x=/y#z", true, true},
		{"/realms/blue/bind?token=abc-_", true, true},
		{"/realms/blue?x=//evil.example", true, true},
		{"/realms/bluebeard/", true, false},
		{"/realms/red/", true, false},
		{"/realms/blue/../red/", false, false},
		{"/realms/blue/%2e%2e/red/", false, false},
		{"/realms/blue/./", false, false},
		{"", false, false},
		{"approver", false, false},
		{"//evil.example", false, false},
		{"//evil.example/realms/blue/", false, false},
		{"///evil.example", false, false},
		{`/\evil.example`, false, false},
		{`\/evil.example`, false, false},
		{`/realms/blue/\evil.example`, false, false},
		{"/realms/blue/%5cevil.example", false, false},
		{"/%2fevil.example", false, false},
		{"/\t/evil.example", false, false},
		{"/\n/evil.example", false, false},
		{"\t//evil.example", false, false},
		{" //evil.example", false, false},
		{"/realms/blue/\u2028x", false, false},
		{"/realms/blue/\u202ex", false, false},
		{"https://evil.example/", false, false},
		{"https:/realms/blue/", false, false},
		{"javascript:alert(1)", false, false},
		{"/realms/blue/%zz", false, false},
	}
	for _, tt := range tests {
		if got := root.LocalPath(tt.target); got != tt.root {
			t.Errorf("at the root: %q is local: %v, want %v", tt.target, got, tt.root)
		}
		if got := blue.LocalPath(tt.target); got != tt.blue {
			t.Errorf("under /realms/blue: %q is local: %v, want %v", tt.target, got, tt.blue)
		}
	}
}

func TestOnlyTheFixedAAGUIDMarksASoftwarePasskey(t *testing.T) {
	tests := []struct {
		name   string
		aaguid string
		want   bool
	}{
		{"the one", "asse" + "nt" + "sw\x80\x00softwa", true},
		{"none", "", false},
		{"zero", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", false},
		{"one bit off", "asse" + "nt" + "sw\x80\x01softwa", false},
	}
	for _, tt := range tests {
		if got := (model.Passkey{AAGUID: []byte(tt.aaguid)}).Software(); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}
