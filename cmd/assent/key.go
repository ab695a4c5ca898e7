package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/assent-id/assent/internal/format/seal"
)

type keyCmd struct {
	Generate keyGenerateCmd `cmd:"" help:"Print a new key-encryption key. Keep it apart from the database and its backups."`
}

type keyGenerateCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints a new key.
func (c *keyGenerateCmd) Run(p *program) error {
	text := seal.GenerateKey().Encode()
	if c.JSON {
		return p.printJSON(map[string]string{"key": text})
	}
	_, err := fmt.Fprintln(p.stdout, text)
	return err
}

var errNoKey = errors.New("no key-encryption key: make one with `assent key generate`, keep it in a file that " +
	"only the server can read, and give --key-file FILE (or the key itself in ASSENT_KEY)")

// keyring reads the key-encryption key from a file, or from ASSENT_KEY. There
// is no flag for the key itself: command lines are seen by others and kept in
// histories.
func (p *program) keyring(file string) (*seal.Keyring, error) {
	text := p.env["ASSENT_KEY"]
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the key-encryption key: %w", err)
		}
		text = string(content)
	}
	if text == "" {
		return nil, errNoKey
	}
	key, err := seal.ParseKey(text)
	if err != nil {
		return nil, err
	}
	return seal.NewKeyring(key)
}
