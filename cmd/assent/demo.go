package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/obs"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/assent"
)

type demoCmd struct {
	Database string `help:"postgres:// URL or SQLite file in which the demo makes a realm of its own. Default: a SQLite file that is removed again." placeholder:"URL|FILE"`
}

// Run does the whole job: ask, decide, verify, and refuse what is broken.
func (c *demoCmd) Run(p *program) error {
	ctx, cancel := context.WithTimeout(p.ctx, time.Minute)
	defer cancel()
	world, err := c.build(ctx, p)
	if err != nil {
		return err
	}
	err = world.tell(ctx)
	return errors.Join(err, world.close())
}

// A demoWorld is a running server with one person and one agent.
type demoWorld struct {
	*program
	server *server.Server
	http   *http.Server
	site   *model.Site
	person *softperson.Person
	owner  model.Identity
	agent  profile
	store  string // what is told of the database
	link   string // binds the person's passkey
	tidy   []func() error

	steps       int
	agentClient *assent.Client
}

func (c *demoCmd) build(ctx context.Context, p *program) (_ *demoWorld, err error) {
	w := &demoWorld{program: p}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	database, err := w.database(c.Database)
	if err != nil {
		return nil, err
	}
	if err := w.listen(ctx, database, c.Database != ""); err != nil {
		return nil, err
	}
	if err := w.populate(ctx, c.Database != ""); err != nil {
		return nil, err
	}
	return w, nil
}

// database finds the database, or makes one that close removes.
func (w *demoWorld) database(given string) (string, error) {
	if strings.HasPrefix(given, "postgres") {
		w.store = "the PostgreSQL database that you named"
		return given, nil
	}
	if given != "" {
		w.store = "the SQLite database " + given
		return given, nil
	}
	dir, err := os.MkdirTemp("", "assent-demo-*")
	if err != nil {
		return "", err
	}
	w.tidy = append(w.tidy, func() error { return os.RemoveAll(dir) })
	w.store = "an empty SQLite database"
	return filepath.Join(dir, "demo.db"), nil
}

// listen serves on a free loopback port.
func (w *demoWorld) listen(ctx context.Context, database string, shared bool) error {
	log, err := obs.NewLog(obs.LogConfig{Output: w.stderr, Level: slog.LevelWarn})
	if err != nil {
		return err
	}
	w.tidy = append(w.tidy, log.Close)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen on loopback: %w", err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	keyring, err := seal.NewKeyring(seal.GenerateDevelopmentKey())
	if err != nil {
		return err
	}
	w.server, err = server.Open(ctx, server.Config{
		Database: database, BaseURL: fmt.Sprintf("http://localhost:%d", port),
		Keyring: keyring, Development: true, Logger: log.Logger,
		DefaultRealmTitle: "Demo", DefaultPolicy: demoPolicy, NoDefaultRealm: shared,
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	w.tidy = append(w.tidy, w.server.Close)
	w.http = &http.Server{Handler: w.server.Handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = w.http.Serve(listener) }() // ends with close
	w.tidy = append(w.tidy, w.http.Close)
	return nil
}

// populate makes realm, person and agent. In a database that others use, the
// realm is a new one with a name of its own.
func (w *demoWorld) populate(ctx context.Context, shared bool) (err error) {
	if shared {
		w.site, err = w.server.Realms.Create(ctx, realm.NewRealm{
			Name: "demo-" + strings.ToLower(rand.Text()[:10]), DisplayName: "Demo", Policy: demoPolicy,
		})
	} else {
		w.site, err = w.server.Realms.Default(ctx)
	}
	if err != nil {
		return err
	}
	if err := w.server.Keys.Ensure(ctx, w.site, jose.EdDSA, jose.ES256); err != nil {
		return err
	}
	if w.owner, err = ensureDemoPerson(ctx, w.server, w.site); err != nil {
		return err
	}
	if w.agent, err = createDemoAgent(ctx, w.server, w.site, w.owner); err != nil {
		return err
	}
	binding, err := w.server.Directory.CreateBindingJob(ctx, w.site, directory.NewBinding{IdentityID: w.owner.ID})
	if err != nil {
		return err
	}
	w.link = binding.Link
	w.person, err = softperson.New(w.site.Issuer)
	return err
}

// close undoes what build did, last first.
func (w *demoWorld) close() error {
	var errs []error
	for i := len(w.tidy) - 1; i >= 0; i-- {
		errs = append(errs, w.tidy[i]())
	}
	w.tidy = nil
	return errors.Join(errs...)
}
