package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/obs"
	"github.com/assent-id/assent/internal/server"
)

// storeFlags say which database the operator works on. The commands open it
// directly; a running server hears of the changes.
type storeFlags struct {
	Database string `required:"true" help:"SQLite file, or postgres:// URL (also ASSENT_DATABASE)." placeholder:"FILE|URL"`
	KeyFile  string `help:"File with the key-encryption key (also ASSENT_KEY_FILE, or the key in ASSENT_KEY)." placeholder:"FILE" type:"path"`
	BaseURL  string `name:"base-url" aliases:"issuer-base" help:"The server's base URL, which issuers and links begin with. Default: the one that the database belongs to." placeholder:"URL"`
	JSON     bool   `name:"json" help:"Print JSON."`

	noDefaultRealm bool // not to be made in passing
}

const defaultRealm = "default"

// realmFlag names the realm that an operator works in.
type realmFlag struct {
	Realm string `help:"Name of the realm." default:"default"`
}

// operate opens the server's parts without listening, for one operation.
func (f storeFlags) operate(p *program, work func(context.Context, *server.Server) error) error {
	keyring, err := p.keyring(f.KeyFile)
	if err != nil {
		return err
	}
	log, err := obs.NewLog(obs.LogConfig{Output: p.stderr, Level: slog.LevelWarn})
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	s, err := server.Open(p.ctx, server.Config{
		Database: f.Database, BaseURL: f.BaseURL, Keyring: keyring, Logger: log.Logger,
		Development: keyring.IsDevelopment(), BehindProxy: true, // nothing listens here
		NoDefaultRealm: f.noDefaultRealm,
	})
	if err != nil {
		return err
	}
	return errors.Join(work(p.ctx, s), s.Close())
}

// findRealm finds a realm by name; "default" is the default one, whatever its
// name.
func findRealm(ctx context.Context, s *server.Server, name string) (*model.Site, error) {
	site, err := s.Realms.ByName(ctx, name)
	if errors.Is(err, model.ErrNotFound) && name == defaultRealm {
		site, err = s.Realms.Default(ctx)
	}
	if errors.Is(err, model.ErrNotFound) {
		return nil, fmt.Errorf("there is no realm %q; make it with: assent realm create %s", name, name)
	}
	return site, err
}
