package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/obs"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/directory"
)

type devCmd struct {
	Listen       string   `help:"Address to listen on." default:"127.0.0.1:8420"`
	BaseURL      string   `name:"base-url" help:"What browsers call this server. Default: http://localhost with the port of --listen." placeholder:"URL"`
	Data         string   `help:"Folder for everything that is kept. Delete it to start anew." default:"./data"`
	JSON         bool     `name:"json" help:"Print one JSON line per event."`
	Open         bool     `help:"Open the link in the browser."`
	AllowFetch   []string `help:"Host, or host:port, that outgoing fetches may reach on loopback and private addresses and over plain http. May be repeated." default:"localhost,127.0.0.1,[::1]" placeholder:"HOST"`
	Applications string   `help:"YAML or JSON file of applications that are registered at start (assent app apply)." placeholder:"FILE" type:"path"`

	ClockAhead time.Duration `help:"Let the server's clock run ahead of this machine's, such as 24h, to try what comes with time: keys that retire, tokens that expire. At most 10 years." placeholder:"DURATION"`
}

// Run starts the server on this machine, with a person and an agent to try it
// with.
func (c *devCmd) Run(p *program) error {
	if c.ClockAhead < 0 || c.ClockAhead > server.MaxClockAhead {
		return usage("--clock-ahead is a time of 0 to 10 years, such as 24h")
	}
	release, err := c.prepare()
	if err != nil {
		return err
	}
	defer release()
	listener, err := c.listen(p.ctx)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // where the server did not come to it
	log, err := obs.NewLog(obs.LogConfig{Output: p.stderr, Level: slog.LevelWarn})
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	return c.run(p, listener, slog.New(devLog{log.Handler()}))
}

func (c *devCmd) run(p *program, listener net.Listener, log *slog.Logger) error {
	keyring, err := c.keyring()
	if err != nil {
		return err
	}
	agent := newDemoAgent(p, c)
	s, err := server.Open(p.ctx, server.Config{
		Database: filepath.Join(c.Data, "assent.db"), BaseURL: c.BaseURL, Keyring: keyring, Development: true,
		Logger: log, Version: buildVersion().Version, OnDemoAsk: agent.ask,
		DefaultRealmTitle: "Assent (development)", DefaultPolicy: demoPolicy,
		FetchAllow: c.AllowFetch, ClockAhead: c.ClockAhead,
	})
	if err != nil {
		return err
	}
	link, err := c.populate(p.ctx, s, agent)
	if err == nil {
		err = applyAtStart(p, s, c.Applications)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	p.nextSignalKills()
	err = s.Serve(p.ctx, listener, func(string) { c.announce(p, link) })
	agent.wait()
	return err
}

// prepare makes the folder and takes it for this process.
func (c *devCmd) prepare() (release func(), err error) {
	if err := os.MkdirAll(filepath.Join(c.Data, "evidence"), 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	return lockFolder(c.Data)
}

// listen takes the port, and derives the base URL from it.
func (c *devCmd) listen(ctx context.Context) (net.Listener, error) {
	listener, err := listenLoopback(ctx, c.Listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program; choose another with --listen 127.0.0.1:PORT", c.Listen)
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if c.BaseURL == "" {
		c.BaseURL = fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port)
	}
	return listener, nil
}

// keyring reads the folder's key-encryption key, or makes one that says that
// it is for development.
func (c *devCmd) keyring() (*seal.Keyring, error) {
	name := filepath.Join(c.Data, "dev.key")
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(seal.GenerateDevelopmentKey().Encode())
		err = writeFile(name, append(text, '\n'), 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("development key: %w", err)
	}
	key, err := seal.ParseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("development key %s: %w", name, err)
	}
	return seal.NewKeyring(key)
}

// populate makes what is not there yet, and a binding link for a person who
// has no passkey.
func (c *devCmd) populate(ctx context.Context, s *server.Server, agent *demoAgent) (link string, err error) {
	site, err := s.Realms.Default(ctx)
	if err != nil {
		return "", err
	}
	identity, err := ensureDemoPerson(ctx, s, site)
	if err == nil {
		identity, err = s.Directory.SetAdmin(ctx, site, directory.Ref[model.IdentityID]{ID: identity.ID}, true)
	}
	if err != nil {
		return "", err
	}
	if agent.profile, err = c.agentProfile(ctx, s, site, identity); err != nil {
		return "", err
	}
	passkeys, err := s.Directory.Passkeys(ctx, site, identity.ID)
	if err != nil || len(passkeys) != 0 {
		return "", err
	}
	binding, err := s.Directory.CreateBindingJob(ctx, site, directory.NewBinding{IdentityID: identity.ID})
	return binding.Link, err
}

// agentProfile reads the profile of the demo agent, or registers one.
func (c *devCmd) agentProfile(ctx context.Context, s *server.Server, site *model.Site, owner model.Identity) (profile, error) {
	name := filepath.Join(c.Data, "agent.json")
	pr, err := readProfile(name)
	if err == nil && pr.Issuer == site.Issuer {
		_, err = s.Applications.Get(ctx, site, model.ClientID(pr.ClientID))
		if !errors.Is(err, model.ErrNotFound) {
			return pr, err
		}
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pr, err
	}
	if pr, err = createDemoAgent(ctx, s, site, owner); err != nil {
		return pr, err
	}
	return pr, pr.write(name)
}
