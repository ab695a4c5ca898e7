package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/assent-id/assent/internal/format/seal"
)

type keyCmd struct {
	Generate keyGenerateCmd `cmd:"" help:"Make a new key-encryption key. Keep it apart from the database and its backups."`
	Rotate   keyRotateCmd   `cmd:"" help:"Make new signing keys for a realm, which sign from now on."`
}

type keyGenerateCmd struct {
	Out  string `help:"Write the key to this new file, which only you can read, and print nothing." placeholder:"FILE" type:"path"`
	JSON bool   `name:"json" help:"Print JSON."`
}

// Run makes a new key.
func (c *keyGenerateCmd) Run(p *program) error {
	text := seal.GenerateKey().Encode()
	if c.Out != "" {
		return newSecretFile(c.Out, []byte(text+"\n"))
	}
	if c.JSON {
		return p.printJSON(map[string]string{"key": text})
	}
	_, err := fmt.Fprintln(p.stdout, text)
	return err
}

var errNoKey = errors.New("no key-encryption key: make one with `assent key generate`, keep it in a file that " +
	"only the server can read (--out FILE), and give --key-file FILE (or the key itself in ASSENT_KEY)")

// keyring reads the key-encryption key from a file, or from ASSENT_KEY. There
// is no flag for the key itself: command lines are seen by others and kept in
// histories.
func (p *program) keyring(file string) (*seal.Keyring, error) {
	text := p.env["ASSENT_KEY"]
	if file != "" {
		content, err := readSecret(file)
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

// readSecret reads a file that only its owner can read or write.
func readSecret(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read or written by others; run: chmod 600 %[1]s", name)
	}
	return os.ReadFile(name)
}
