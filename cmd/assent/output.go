package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// printJSON writes one value on one line of standard output.
func (p *program) printJSON(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	_, err = fmt.Fprintf(p.stdout, "%s\n", text)
	return err
}

// sayIfEmpty tells the person at the terminal that there is nothing to list. Standard
// output stays empty, for programs.
func (p *program) sayIfEmpty(n int, sentence string) error {
	if n > 0 {
		return nil
	}
	_, err := fmt.Fprintln(p.stderr, sentence)
	return err
}

// writeFile replaces a file in one step, so that a reader sees the old or the
// new content and never half of it.
func writeFile(name string, content []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already where all went well
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}
