//go:build !unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// lockFolder takes a data folder for this process. After a crash the file stays
// and has to be deleted by hand.
func lockFolder(dir string) (release func(), err error) {
	name := filepath.Join(dir, "assent.lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("another assent uses %s; stop it, choose another folder with --data, or delete %s if it crashed", dir, name)
	}
	if err != nil {
		return nil, fmt.Errorf("write to the data folder: %w", err)
	}
	return func() {
		_ = f.Close()
		_ = os.Remove(name)
	}, nil
}
