package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
)

// printable makes text of others safe to print: control, invisible and
// bidirectional characters appear as their numbers, so that nothing moves the
// cursor or turns words around.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, "‹U+%04X›", r)
	}
	return b.String()
}

// flat is printable text in one line: tabs and line breaks, which errors of
// others hold, become spaces.
func flat(text string) string { return printable(strings.Join(strings.Fields(text), " ")) }

// calledAs is how to call this binary again from the same folder: by the
// relative path that was typed, else by its name alone.
func calledAs(arg string) string {
	if strings.ContainsRune(arg, os.PathSeparator) && !filepath.IsAbs(arg) {
		return arg
	}
	return "assent"
}

// oneLine is printable text that stays on its line.
func oneLine(text string) string {
	return strings.ReplaceAll(printable(text), "\n", "‹U+000A›")
}

// shellWords writes a command line so that word boundaries can be seen.
func shellWords(argv []string) string {
	words := make([]string, len(argv))
	for i, word := range argv {
		words[i] = word
		if word == "" || strings.ContainsAny(word, " \t\n'\"\\$`*?[]{}()<>|&;~#!") {
			words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return oneLine(strings.Join(words, " "))
}

// clock writes what is left of a time: "4:31".
func clock(d time.Duration) string {
	s := int(max(d, 0).Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

func stamp(unix int64) string {
	return time.Unix(unix, 0).UTC().Format("2006-01-02 15:04:05 UTC")
}

// isTerminal reports whether a person looks at what is written to w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err == nil && !os.SameFile(info, null)
}

// A table prints labelled lines in two columns.
type table struct{ rows [][2]string }

func (t *table) row(label, value string) {
	if value != "" {
		t.rows = append(t.rows, [2]string{oneLine(label), oneLine(value)})
	}
}

func (t *table) print(w io.Writer, indent string) {
	width := 0
	for _, row := range t.rows {
		width = max(width, len([]rune(row[0])))
	}
	for _, row := range t.rows {
		pad := strings.Repeat(" ", width-len([]rune(row[0])))
		fmt.Fprintf(w, "%s%s%s  %s\n", indent, row[0], pad, row[1])
	}
}
