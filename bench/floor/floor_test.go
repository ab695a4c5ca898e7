package main

import (
	"crypto/sha256"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The yardstick must really decide "once": a floor that lets a jti through
// twice would not do the unavoidable work.
func TestAJTIIsSpentOnceAmongManyAndAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "spent.db")
	d := sha256.Sum256([]byte("one"))
	for round, want := range []int64{1, 0} {
		s, err := openSpent(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		var winners atomic.Int64
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				fresh, err := s.spend(t.Context(), d, time.Now().Add(time.Minute))
				if err != nil {
					t.Error(err)
				}
				if fresh {
					winners.Add(1)
				}
			})
		}
		group.Wait()
		s.close()
		if winners.Load() != want {
			t.Errorf("round %d: %d winners, want %d", round+1, winners.Load(), want)
		}
	}
}
