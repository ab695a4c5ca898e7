// Package pgtest gives tests a real PostgreSQL: a temporary cluster of the
// installed binaries, on a unix socket in a folder of its own, with one
// database per test.
//
// A cluster outlives nobody: a small shell holds it and takes it down, folder
// and all, as soon as the process that started it is gone, however it went. If
// this package is wrong, tests leave servers behind or share their rows.
package pgtest

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// A Cluster is a running PostgreSQL server with its folder.
type Cluster struct {
	bin, dir string
	account  *syscall.Credential // nil: the account of this process
	holder   *exec.Cmd
	hold     io.WriteCloser // closing it takes the server down
	pid      int
	settings []string // such as "fsync=off"
}

// ErrNotInstalled says that no PostgreSQL server programs were found.
var ErrNotInstalled = errors.New("pgtest: no PostgreSQL server programs on this machine")

// Start makes and starts a cluster and waits until it answers. Durability is
// as in production (fsync and synchronous_commit are on).
func Start(ctx context.Context) (*Cluster, error) { return start(ctx) }

func start(ctx context.Context, settings ...string) (c *Cluster, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	c = &Cluster{bin: bin, settings: settings}
	if c.account, err = account(); err != nil {
		return nil, err
	}
	if c.dir, err = os.MkdirTemp("", "assent-pg-"); err != nil {
		return nil, fmt.Errorf("pgtest: make a folder: %w", err)
	}
	defer func() {
		if err != nil {
			os.RemoveAll(c.dir)
		}
	}()
	if c.account != nil {
		if err := os.Chown(c.dir, int(c.account.Uid), int(c.account.Gid)); err != nil {
			return nil, fmt.Errorf("pgtest: give the folder away: %w", err)
		}
	}
	if err := c.initialize(ctx); err != nil {
		return nil, err
	}
	return c, c.launch(ctx)
}

// programs finds the folder of initdb and postgres: the newest of Debian's, or
// what is in PATH.
func programs() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		path, err := exec.LookPath("initdb")
		if err != nil {
			return "", ErrNotInstalled
		}
		return filepath.Dir(path), nil
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(strings.Split(path, "/")[4])
		return n
	}
	newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
	return filepath.Dir(newest), nil
}

// account is whom the server runs as. It refuses to run as root.
func account() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("pgtest: root needs the user postgres to run a server: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("pgtest: read the id of user postgres: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("pgtest: read the group of user postgres: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func (c *Cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = c.dir
	// A group of its own: Ctrl-C is for the test, which then ends the server.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: c.account}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	return cmd
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) initialize(ctx context.Context) error {
	cmd := c.command(ctx, filepath.Join(c.bin, "initdb"), "--pgdata", c.data(), "--username", "postgres",
		"--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pgtest: initdb: %w\n%s", err, out)
	}
	return nil
}

// holderScript starts the server, says its process id, and waits for the end
// of its input: that is when whoever started it has closed it or is dead.
const holderScript = `
"$@" >>log 2>&1 </dev/null &
server=$!
echo $server
read forever
kill -QUIT $server
wait $server
rm -rf "$PWD"
exit 0`

// launch starts the server in its folder.
func (c *Cluster) launch(ctx context.Context) error {
	args := []string{"-c", holderScript, "sh", filepath.Join(c.bin, "postgres"), "-D", c.data(), "-k", c.dir}
	for _, s := range append([]string{"listen_addresses=", "max_connections=200", "shared_buffers=64MB", "log_min_messages=error"}, c.settings...) {
		args = append(args, "-c", s)
	}
	cmd := c.command(context.WithoutCancel(ctx), "/bin/sh", args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("pgtest: start the server: %w", err)
	}
	c.holder, c.hold = cmd, in
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return errors.Join(fmt.Errorf("pgtest: start the server: %w", err), c.Stop())
	}
	if c.pid, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		return errors.Join(fmt.Errorf("pgtest: read the server's process id: %w", err), c.Stop())
	}
	if err := c.ready(ctx); err != nil {
		log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		return errors.Join(fmt.Errorf("pgtest: the server does not answer: %w\n%s", err, log), c.Stop())
	}
	return nil
}

func (c *Cluster) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.DSN("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// DSN is the URL of one of the cluster's databases.
func (c *Cluster) DSN(database string) string {
	query := url.Values{"host": {c.dir}, "user": {"postgres"}}
	return "postgres:///" + database + "?" + query.Encode()
}

// PID is the process id of the server (the postmaster).
func (c *Cluster) PID() int { return c.pid }

// CreateDatabase makes an empty database and returns its URL.
func (c *Cluster) CreateDatabase(ctx context.Context) (dsn string, err error) {
	name := newName()
	if err := execute(ctx, c.DSN("postgres"), "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	return c.DSN(name), nil
}

// newName is a name that needs no quoting.
func newName() string { return "assent_test_" + strings.ToLower(rand.Text()) }

func execute(ctx context.Context, dsn, sql string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("pgtest: connect: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("pgtest: %s: %w", sql, err)
	}
	return nil
}

// Crash stops the server at once, as a power cut would: nobody is asked to
// finish, and the next start recovers from the log. It returns when it is gone.
func (c *Cluster) Crash(ctx context.Context) error {
	if err := syscall.Kill(c.pid, syscall.SIGQUIT); err != nil {
		return fmt.Errorf("pgtest: crash the server: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(c.data(), "postmaster.pid")); errors.Is(err, os.ErrNotExist) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// Restart starts the server of a cluster that crashed.
func (c *Cluster) Restart(ctx context.Context) error {
	// The old holder would remove the folder when it ends; so it ends with the
	// new one, at the same instant.
	old := c.hold
	if err := c.launch(ctx); err != nil {
		return err
	}
	c.hold = both{c.hold, old}
	return nil
}

// both closes two.
type both struct {
	io.WriteCloser
	other io.Closer
}

func (b both) Close() error { return errors.Join(b.WriteCloser.Close(), b.other.Close()) }

// Stop takes the server down and removes its folder.
func (c *Cluster) Stop() error {
	return errors.Join(c.hold.Close(), c.holder.Wait(), os.RemoveAll(c.dir))
}
