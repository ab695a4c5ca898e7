package store_test

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// The child of the kill test is this binary again, told so by these.
const (
	killDatabase = "ASSENT_KILL_TEST_DATABASE"
	killDiary    = "ASSENT_KILL_TEST_DIARY"
)

func TestMain(m *testing.M) {
	if url := os.Getenv(killDatabase); url != "" {
		if err := writeUntilKilled(url, os.Getenv(killDiary)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// A diary holds what was acknowledged, each line on disk before the next deed.
type diary struct {
	mu   sync.Mutex
	file *os.File
}

func (d *diary) note(kind, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := fmt.Fprintf(d.file, "%s %s\n", kind, id); err != nil {
		return err
	}
	return d.file.Sync()
}

// writeUntilKilled is the child: it does what may be done once, and notes what
// was acknowledged.
func writeUntilKilled(url, path string) error {
	s, err := store.Open(context.Background(), store.Config{URL: url})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	d := &diary{file: f}
	failed := make(chan error)
	for range 6 {
		go func() {
			for {
				if err := oneStory(s, d); err != nil {
					failed <- err
				}
			}
		}()
	}
	return <-failed
}

// oneStory consumes something, asks, and answers. A server that is away is no
// failure of the child.
func oneStory(s *store.Store, d *diary) error {
	ctx := context.Background()
	o := killOnce(ids.DigestOf(ids.Secret()))
	if first, err := s.Consume(ctx, o); err == nil && first {
		if err := d.note("consumed", hex.EncodeToString(o.Digest[:])); err != nil {
			return err
		}
	} else if err != nil {
		return pauseIfAway(err)
	}
	a := model.Approval{RealmID: "rlm_k", ID: model.ApprovalID(ids.New("apr")), Kind: "ciba", IdentityID: "idn_k",
		ApplicationID: "agt_k", Statement: []byte("{}"), CreatedAt: 1, ExpiresAt: 1000}
	fx := model.Effects{Events: []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: a.RealmID, Type: "asked", Target: string(a.ID)}}}
	if err := s.CreateApproval(ctx, a, 1<<30, fx); err != nil {
		return pauseIfAway(err)
	}
	if err := d.note("asked", string(a.ID)); err != nil {
		return err
	}
	state := []model.ApprovalState{model.ApprovalApproved, model.ApprovalDenied}[rand.N(2)]
	if err := s.EndApproval(ctx, model.Ending{RealmID: a.RealmID, ID: a.ID, State: state, At: 2}, model.Effects{}); err != nil {
		return pauseIfAway(err)
	}
	if err := d.note(string(state), string(a.ID)); err != nil {
		return err
	}
	return grantStory(s, d)
}

// grantStory opens a grant for something that is used up, and refreshes it.
func grantStory(s *store.Store, d *diary) error {
	ctx := context.Background()
	g := newGrant()
	g.RealmID = "rlm_k"
	o := killOnce(ids.DigestOf(ids.Secret()))
	if err := s.OpenGrant(ctx, oauth.Opening{Grant: g, Once: &o}, model.Effects{}); err != nil {
		return pauseIfAway(err)
	}
	if err := errors.Join(d.note("consumed", hex.EncodeToString(o.Digest[:])), d.note("opened", string(g.ID))); err != nil {
		return err
	}
	if err := s.RefreshGrant(ctx, model.Refreshing{RealmID: g.RealmID, ID: g.ID, From: 1, At: 2, Expires: 1000}, model.Effects{}); err != nil {
		return pauseIfAway(err)
	}
	if err := d.note("refreshed", string(g.ID)); err != nil {
		return err
	}
	if err := s.RevokeGrantTokens(ctx, killLever(string(g.ID)), model.Effects{}); err != nil {
		return pauseIfAway(err)
	}
	return d.note("levered", string(g.ID))
}

// killLever is that of a grant, pulled at 3.
func killLever(grant string) model.Revocation {
	return model.Revocation{RealmID: "rlm_k", Kind: model.RevokeGrantTokens, Key: grant, Before: 3, ExpiresAt: 2000, At: 3}
}

func pauseIfAway(err error) error {
	if errors.Is(err, model.ErrUnavailable) || errors.Is(err, model.ErrCommitUnknown) {
		time.Sleep(5 * time.Millisecond)
		return nil
	}
	return err
}

func killOnce(digest [32]byte) model.Once {
	return model.Once{Namespace: "kill", RealmID: "rlm_k", Digest: digest, Until: 1000}
}

// A killing is one database, with the diary of all children that wrote to it.
type killing struct {
	testing.TB
	url, diary string
	checked    int // bytes of the diary
}

// round lets a child write, strikes, and holds the database against the diary.
func (k *killing) round(strike func(child *os.Process)) {
	k.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), killDatabase+"="+k.url, killDiary+"="+k.diary)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		k.Fatal(err)
	}
	before := k.size()
	eventually(k, "the child acknowledges something", func() bool { return k.size() > before })
	time.Sleep(rand.N(250 * time.Millisecond))
	strike(child.Process)
	if err := child.Process.Kill(); err != nil {
		k.Fatal(err)
	}
	var exit *exec.ExitError
	if err := child.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		k.Fatalf("the child ended by itself: %v", err)
	}
	k.check()
}

func (k *killing) size() int64 {
	info, err := os.Stat(k.diary)
	if err != nil {
		return 0
	}
	return info.Size()
}

// check reads what is new in the diary and demands it of the database.
func (k *killing) check() {
	k.Helper()
	text, err := os.ReadFile(k.diary)
	if err != nil {
		k.Fatal(err)
	}
	whole := text[:strings.LastIndexByte(string(text), '\n')+1]
	s := open(k, store.Config{URL: k.url})
	n := 0
	for line := range strings.Lines(string(whole[k.checked:])) {
		kind, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		k.demand(s, kind, id)
		n++
	}
	k.checked = len(whole)
	k.Logf("%d acknowledged deeds are all there, once", n)
	if err := s.Close(); err != nil {
		k.Fatal(err)
	}
}

func (k *killing) demand(s *store.Store, kind, id string) {
	k.Helper()
	ctx := k.Context()
	switch kind {
	case "consumed":
		var digest [32]byte
		if _, err := hex.Decode(digest[:], []byte(id)); err != nil {
			k.Fatal(err)
		}
		if again, err := s.Consume(ctx, killOnce(digest)); again || err != nil {
			k.Errorf("consumed twice: %s (%v)", id, err)
		}
	case "asked":
		if _, err := s.Approval(ctx, "rlm_k", model.ApprovalID(id)); err != nil {
			k.Errorf("an acknowledged approval is missing: %v", err)
		}
	case "opened":
		if _, err := s.Grant(ctx, "rlm_k", model.GrantID(id)); err != nil {
			k.Errorf("an acknowledged grant is missing: %v", err)
		}
	case "refreshed":
		r := model.Refreshing{RealmID: "rlm_k", ID: model.GrantID(id), From: 1, At: 2, Expires: 1000}
		if err := s.RefreshGrant(ctx, r, model.Effects{}); !errors.Is(err, model.ErrConflict) {
			k.Errorf("grant %s was refreshed twice: %v", id, err)
		}
	case "levered":
		r := killLever(id)
		if before, err := s.Revoked(ctx, r.RealmID, r.Kind, r.Key); err != nil || before != r.Before {
			k.Errorf("the tokens of grant %s were revoked up to %d, and now up to %d: %v", id, r.Before, before, err)
		}
	default:
		a, err := s.Approval(ctx, "rlm_k", model.ApprovalID(id))
		if err != nil || string(a.State) != kind {
			k.Errorf("approval %s was %s and is %s (%v)", id, kind, a.State, err)
		}
		err = s.EndApproval(ctx, model.Ending{RealmID: "rlm_k", ID: a.ID, State: model.ApprovalApproved, At: 2}, model.Effects{})
		if !errors.Is(err, model.ErrConflict) {
			k.Errorf("approval %s was answered twice: %v", id, err)
		}
	}
}

func noStrike(*os.Process) {}

// Requirement: lever-atomic
func TestKilledProcessLosesNothingAcknowledgedOnSQLite(t *testing.T) {
	t.Parallel()
	k := &killing{TB: t, url: sqliteDatabase(t), diary: filepath.Join(t.TempDir(), "diary")}
	for range 5 {
		k.round(noStrike)
	}
	db, err := sql.Open("sqlite", k.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check: %q, %v", verdict, err)
	}
}

func TestKilledProcessOrServerLosesNothingAcknowledgedOnPostgreSQL(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c, err := pgtest.Start(ctx)
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	url, err := c.CreateDatabase(ctx)
	if err != nil {
		t.Fatal(err)
	}
	k := &killing{TB: t, url: url, diary: filepath.Join(t.TempDir(), "diary")}
	for range 3 {
		k.round(noStrike)
	}
	for range 2 {
		k.round(func(*os.Process) {
			if err := errors.Join(c.Crash(ctx), c.Restart(ctx)); err != nil {
				t.Fatal(err)
			}
			before := k.size()
			eventually(t, "the child goes on with the restarted server", func() bool { return k.size() > before })
		})
	}
}
