package pgtest

import (
	"context"
	"errors"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"
)

// shared is the one cluster of this test process. It ends with the process.
// Tests kill processes, not the machine, so nothing has to reach the disk.
var shared = sync.OnceValues(func() (*Cluster, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return start(ctx, "fsync=off", "full_page_writes=off")
})

// Database makes a database for one test and returns its URL. The server is
// the one that ASSENT_TEST_POSTGRES names (the URL of a database whose user
// may create databases), or one that this test process starts and shares. Without
// either the test is skipped.
func Database(t testing.TB) string {
	t.Helper()
	admin := os.Getenv("ASSENT_TEST_POSTGRES")
	own := admin == ""
	if own {
		c, err := shared()
		if errors.Is(err, ErrNotInstalled) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		admin = c.DSN("postgres")
	}
	name := newName()
	if err := execute(t.Context(), admin, "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if own { // it goes with the cluster; dropping it would cost a checkpoint
			return
		}
		if err := execute(context.Background(), admin, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	u, err := url.Parse(admin)
	if err != nil {
		t.Fatalf("ASSENT_TEST_POSTGRES is no URL: %v", err)
	}
	u.Path = "/" + name
	return u.String()
}
