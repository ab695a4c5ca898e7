package server

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// reloadPause is between two attempts to read files that could not be read.
const reloadPause = time.Second

// A reloading value comes from files and is read again when one of them
// changes. What was read last stays for as long as something newer cannot be
// read, as while only one file of two has been replaced.
type reloading[T any] struct {
	files []string
	read  func() (T, error)
	log   *slog.Logger

	mu     sync.Mutex
	value  T
	stamps []stamp // of what was read
	failed time.Time
}

// A stamp changes when a file does.
type stamp struct {
	modified time.Time
	size     int64
}

// start reads the files for the first time.
func (r *reloading[T]) start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, err := r.look()
	if err != nil {
		return err
	}
	r.value, err = r.read()
	r.stamps = now
	return err
}

func (r *reloading[T]) look() ([]stamp, error) {
	list := make([]stamp, len(r.files))
	for i, name := range r.files {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		list[i] = stamp{info.ModTime(), info.Size()}
	}
	return list, nil
}

// get is the value as the files have it now.
func (r *reloading[T]) get() T {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, err := r.look()
	if err == nil && slices.Equal(now, r.stamps) {
		return r.value
	}
	if !r.failed.IsZero() && time.Since(r.failed) < reloadPause {
		return r.value
	}
	// The stamps are older than what is read, never newer.
	var value T
	if err == nil {
		value, err = r.read()
	}
	if err != nil {
		r.failed = time.Now()
		r.log.Warn("changed files cannot be read: what was read before stays in use", "files", r.files, "error", err)
		return r.value
	}
	r.value, r.stamps, r.failed = value, now, time.Time{}
	r.log.Info("changed files were read", "files", fmt.Sprint(r.files))
	return value
}
