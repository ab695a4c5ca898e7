package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/edge/api"
	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/format/message"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/notify/smtp"
	"github.com/assent-id/assent/internal/service/realm"
)

// A DemoAsk is what a person wants the demo agent to ask.
type DemoAsk = api.DemoAsk

// Config is everything a server is made from. Database and Keyring are
// required.
type Config struct {
	Database string // path of an SQLite file, or a postgres:// URL
	// BaseURL is the default realm's issuer: scheme://host[:port]. It must not
	// change under a database: issuers, passkeys and evidence name it. Empty: the
	// one that the database belongs to, or [UnclaimedBaseURL].
	BaseURL string
	Listen  string // host:port; empty: the base URL's port on loopback
	Keyring *seal.Keyring
	Version string
	Logger  *slog.Logger

	// Development allows development keys, plain HTTP on loopback and the
	// development mailbox.
	Development bool
	// BehindProxy: a proxy in front terminates TLS, so plain HTTP is meant.
	BehindProxy     bool
	TLSCert, TLSKey string // files; both or none
	MTLS            MTLS   // the listener for clients with certificates
	Metrics         bool   // serve /metrics
	Profiling       bool   // serve /debug/pprof; never in production
	MaxConns        int    // to the database; 0: a default
	// FetchAllow names hosts, each with or without a port, that outgoing fetches
	// may reach on loopback and private addresses and over plain http.
	FetchAllow   []string
	GracefulStop time.Duration
	OnDemoAsk    func(ctx context.Context, site *model.Site, person model.Identity, ask DemoAsk) error
	MailAfter    time.Duration // 0: a default where there is mail
	// SMTP is where e-mails go; none: in development to a page, otherwise nowhere.
	SMTP smtp.Config
	// NoDefaultRealm leaves a database without a default realm as it is: for
	// commands that work in another realm, or make the default one themselves.
	NoDefaultRealm    bool
	DefaultRealmTitle string
	DefaultPolicy     model.RealmPolicy // of the default realm, when it is created
	// MaxWait is how long a poll is held at most; 0: 30 s.
	MaxWait time.Duration
	// Texts are those of the hosted pages; nil: those that come with the server.
	Texts *message.Catalogue
	// Now is the clock; nil: time.Now. Tests turn it.
	Now func() time.Time
	// ClockAhead is how far this server's clock runs ahead of the machine's, at most
	// [MaxClockAhead]: in development, for trying what comes with time.
	ClockAhead time.Duration
}

// MaxClockAhead is the most that a development server's clock runs ahead.
const MaxClockAhead = 10 * 365 * 24 * time.Hour

// validate refuses what would run unsafely, and fills in defaults.
func (c *Config) validate() error {
	if c.Database == "" {
		return errors.New("no database: give the path of an SQLite file or a postgres:// URL")
	}
	if c.Keyring == nil {
		return errors.New("no key-encryption key")
	}
	if c.Keyring.IsDevelopment() && !c.Development {
		return errors.New("the key-encryption key is a development key: make one with `assent key generate`")
	}
	if c.BaseURL != "" {
		if err := c.settle(); err != nil {
			return err
		}
	}
	for _, host := range c.FetchAllow {
		if err := fetch.ValidateAllow(host); err != nil {
			return fmt.Errorf("allow fetches from %q: %w", host, err)
		}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.GracefulStop == 0 {
		c.GracefulStop = 10 * time.Second
	}
	if err := c.setClock(); err != nil {
		return err
	}
	if c.Development {
		c.developmentDefaults()
	}
	if c.SMTP.On() && c.MailAfter == 0 {
		c.MailAfter = time.Minute
	}
	if c.DefaultRealmTitle == "" {
		c.DefaultRealmTitle = "Assent"
	}
	return nil
}

// setClock makes the clock one that runs ahead. Elsewhere than in development it
// would let tokens live that are over.
func (c *Config) setClock() error {
	switch {
	case c.ClockAhead == 0:
		return nil
	case c.ClockAhead < 0 || c.ClockAhead > MaxClockAhead:
		return errors.New("the clock can run ahead by at most 10 years, and never behind")
	case !c.Development || c.Now != nil:
		return errors.New("only the clock of a development server can run ahead")
	}
	c.Now = func() time.Time { return time.Now().Add(c.ClockAhead) }
	return nil
}

// settle checks the base URL and what follows from it.
func (c *Config) settle() error {
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	base, err := realm.ParseBaseURL(c.BaseURL)
	if err != nil {
		return err
	}
	if err := c.validateTransport(base); err != nil {
		return err
	}
	if err := c.validateMTLS(); err != nil {
		return err
	}
	if c.Listen == "" {
		c.Listen = net.JoinHostPort("127.0.0.1", portOf(base))
	}
	return nil
}

// validateTransport: passkeys and tokens never cross a network in the clear.
func (c *Config) validateTransport(base *url.URL) error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("TLS needs both a certificate and a key file")
	}
	switch {
	case base.Scheme == "https" && c.TLSCert == "" && !c.BehindProxy:
		return errors.New("the base URL is https: give a certificate and key, or say that a proxy in front terminates TLS")
	case base.Scheme == "http" && !loopback(base.Hostname()):
		return errors.New("the base URL is plain http: only loopback hosts may be; use https, with a certificate or behind a proxy")
	case base.Scheme == "http" && !c.Development && !c.BehindProxy:
		return errors.New("the base URL is plain http: this is for development; use https, with a certificate or behind a proxy")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// developmentDefaults: software passkeys, the demo agent, and e-mails that
// end in the mailbox of this process.
func (c *Config) developmentDefaults() {
	c.DefaultPolicy.Development = true
	c.DefaultPolicy.AskAnyone = true
	if c.MailAfter == 0 {
		c.MailAfter = 20 * time.Second
	}
}
