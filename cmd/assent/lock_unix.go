//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// lockFolder takes a data folder for this process. The lock dies with the
// process, whatever ends it.
func lockFolder(dir string) (release func(), err error) {
	name := filepath.Join(dir, "assent.lock")
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write to the data folder: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return func() { _ = f.Close() }, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("another assent uses %s; stop it, or choose another folder with --data", dir)
	}
	return nil, fmt.Errorf("lock %s: %w", name, err)
}
