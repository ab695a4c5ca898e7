package main

import (
	"errors"
	"log/slog"

	"github.com/alecthomas/kong"

	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/obs"
	"github.com/assent-id/assent/internal/server"
)

type serveCmd struct {
	Config       string    `help:"Settings as YAML, named like the flags with underscores (also ASSENT_CONFIG). Flags and ASSENT_* come first." placeholder:"FILE" type:"path"`
	Listen       string    `help:"Address to listen on." default:"127.0.0.1:8420"`
	BaseURL      string    `name:"base-url" help:"What the world calls this server; the default realm's issuer." placeholder:"URL"`
	Database     string    `help:"SQLite file, or postgres:// URL." placeholder:"FILE|URL"`
	KeyFile      string    `help:"File with the key-encryption key (or the key itself in ASSENT_KEY)." placeholder:"FILE" type:"path"`
	BehindProxy  bool      `help:"A proxy in front of this server terminates TLS."`
	TLSCert      string    `name:"tls-cert" help:"Certificate file, where no proxy terminates TLS." placeholder:"FILE" type:"path"`
	TLSKey       string    `name:"tls-key" help:"Its private key." placeholder:"FILE" type:"path"`
	MTLS         mtlsFlags `embed:"" prefix:"mtls-"`
	SMTP         smtpFlags `embed:"" prefix:"smtp-"`
	RealmName    string    `name:"realm-name" help:"What people read as the name of the default realm, when it is created." default:"Assent"`
	AllowFetch   []string  `help:"Host, or host:port, that outgoing fetches may reach on loopback and private addresses and over plain http. May be repeated." placeholder:"HOST"`
	Applications string    `help:"YAML or JSON file of applications that are registered at start (assent app apply)." placeholder:"FILE" type:"path"`
	LogLevel     string    `help:"Least level that is logged: ${enum}." enum:"debug,info,warn,error" default:"info"`
	LogFormat    string    `help:"How it is logged: ${enum}." enum:"json,text" default:"json"`
	Metrics      bool      `help:"Serve Prometheus metrics at /metrics."`
	Profiling    bool      `hidden:"" help:"Serve Go profiles at /debug/pprof/. Never where strangers reach it."`
}

// BeforeResolve reads the configuration file.
func (*serveCmd) BeforeResolve(ctx *kong.Context, s *settings) error { return s.load(ctx) }

// Run serves until a signal comes, then lets running requests finish.
func (c *serveCmd) Run(p *program) error {
	keyring, err := c.check(p)
	if err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return err
	}
	log, err := obs.NewLog(obs.LogConfig{Output: p.stderr, Level: level, Format: c.LogFormat})
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	return c.serve(p, keyring, log.Logger)
}

func (c *serveCmd) serve(p *program, keyring *seal.Keyring, log *slog.Logger) error {
	smtp, err := c.SMTP.config(p)
	if err != nil {
		return err
	}
	s, err := server.Open(p.ctx, server.Config{
		Database: c.Database, BaseURL: c.BaseURL, Listen: c.Listen, Keyring: keyring,
		BehindProxy: c.BehindProxy, TLSCert: c.TLSCert, TLSKey: c.TLSKey, MTLS: c.MTLS.config(), Metrics: c.Metrics, Profiling: c.Profiling,
		Logger: log, Version: buildVersion().Version, DefaultRealmTitle: c.RealmName, SMTP: smtp,
		FetchAllow: c.AllowFetch,
	})
	if err != nil {
		return err
	}
	err = applyAtStart(p, s, c.Applications)
	if err == nil {
		err = greetAdmin(p.ctx, s, p.stdout, log)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	p.nextSignalKills()
	return s.Run(p.ctx, func(string) { log.Info("ready", "listen", c.Listen, "base_url", c.BaseURL) })
}

// check refuses what is fit for development alone.
func (c *serveCmd) check(p *program) (*seal.Keyring, error) {
	if c.Database == "" {
		return nil, usage("no database: give --database FILE for SQLite, or --database postgres://...")
	}
	if c.BaseURL == "" {
		return nil, usage("no base URL: give --base-url https://id.example.com")
	}
	keyring, err := p.keyring(c.KeyFile)
	if err != nil {
		return nil, err
	}
	if keyring.IsDevelopment() {
		return nil, errors.New("this key-encryption key was made for development; make another with `assent key generate`")
	}
	return keyring, nil
}
