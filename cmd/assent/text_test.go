package main

import (
	"strings"
	"testing"
	"time"
)

func TestTextOfOthersCannotMoveTheCursorOrTurnWords(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Deploy shop 2.4.1 – „jetzt“ 部署", "Deploy shop 2.4.1 – „jetzt“ 部署"},
		{"a\x1b[2Jb", "a‹U+001B›[2Jb"},
		{"a\rb", "a‹U+000D›b"},
		{"a\u202eb", "a‹U+202E›b"},
		{"a\u200bb", "a‹U+200B›b"},
		{"a\nb", "a‹U+000A›b"},
	}
	for _, tt := range tests {
		if got := oneLine(tt.in); got != tt.want {
			t.Errorf("oneLine(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestShellWordsKeepWordsApart(t *testing.T) {
	got := shellWords([]string{"./deploy.sh", "a b", "", "it's", "$HOME", "--x=1"})
	want := `./deploy.sh 'a b' '' 'it'\''s' '$HOME' --x=1`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestClockCountsDownToZero(t *testing.T) {
	for d, want := range map[time.Duration]string{
		5 * time.Minute: "5:00", 61 * time.Second: "1:01", 0: "0:00", -time.Second: "0:00",
	} {
		if got := clock(d); got != want {
			t.Errorf("clock(%v) = %s, want %s", d, got, want)
		}
	}
}

func TestTableAlignsItsSecondColumn(t *testing.T) {
	var b strings.Builder
	var tab table
	tab.row("a", "1")
	tab.row("größer", "2\n3")
	tab.row("left out", "")
	tab.print(&b, "  ")
	if want := "  a       1\n  größer  2‹U+000A›3\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestAnErrorMessageStaysOnOneLine(t *testing.T) {
	if got, want := flat("yaml: line 1:\n\tno\r\n  key\x1b[2J"), "yaml: line 1: no key‹U+001B›[2J"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestPeopleAreToldToCallTheBinaryAsTheyDid(t *testing.T) {
	for arg, want := range map[string]string{
		"bin/assent": "bin/assent", "./assent": "./assent", "assent": "assent", "/usr/local/bin/assent": "assent",
	} {
		if got := calledAs(arg); got != want {
			t.Errorf("calledAs(%q) = %q, want %q", arg, got, want)
		}
	}
}
