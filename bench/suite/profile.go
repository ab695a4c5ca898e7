package suite

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// profile fetches a Go profile of the server over the measured phase of a window
// and keeps it as row-database.pprof. The function that it returns waits for it.
// A window that is profiled costs a few percent more.
func (b *bench) profile(r row, s *server) (wait func() error) {
	if b.Profiles == "" || s.kind == "floor" {
		return func() error { return nil }
	}
	file := filepath.Join(b.Profiles, fmt.Sprintf("%s-%s.pprof", r.key, s.database))
	done := make(chan error, 1)
	go func() { done <- s.fetchProfile(file, max(1, int(b.Measure.For.Seconds()))) }()
	return func() error { return <-done }
}

func (s *server) fetchProfile(file string, seconds int) error {
	resp, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", s.address, seconds))
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("profile: status %d: %.200s", resp.StatusCode, data)
	}
	return os.WriteFile(file, data, 0o644)
}
