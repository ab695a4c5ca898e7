package main

import (
	"fmt"
	"strings"

	"github.com/assent-id/assent/internal/service/notify/smtp"
)

// smtpFlags are about the mail server. There is no flag for the password itself:
// command lines are seen by others and kept in histories.
type smtpFlags struct {
	Host         string `help:"Mail server that takes e-mails for people. Without it none are sent." placeholder:"HOST"`
	Port         int    `help:"Its port. Default: 587, or 465 with --smtp-tls tls, or 25 with none." placeholder:"PORT"`
	Username     string `help:"User name there." placeholder:"NAME"`
	PasswordFile string `name:"password-file" help:"File with the password (or the password itself in ASSENT_SMTP_PASSWORD)." placeholder:"FILE" type:"path"`
	From         string `help:"Address of the sender, with or without a name; without one it is the realm's." placeholder:"ADDRESS"`
	TLS          string `name:"tls" help:"How the connection is kept private: ${enum}; none is for this machine alone." enum:"starttls,tls,none" default:"starttls"`
}

func (f smtpFlags) config(p *program) (smtp.Config, error) {
	c := smtp.Config{Host: f.Host, Port: f.Port, Username: f.Username, Password: p.env["ASSENT_SMTP_PASSWORD"], From: f.From, TLS: f.TLS}
	if !c.On() {
		if f.From != "" || f.Username != "" || f.PasswordFile != "" {
			return c, usage("there are settings for e-mail, and no mail server: give --smtp-host")
		}
		return smtp.Config{}, nil
	}
	if f.PasswordFile != "" {
		text, err := readSecret(f.PasswordFile)
		if err != nil {
			return c, fmt.Errorf("read the password for the mail server: %w", err)
		}
		c.Password = strings.TrimSpace(string(text))
	}
	if c.Username != "" && c.Password == "" {
		return c, usage("no password for the mail server: give --smtp-password-file FILE, or ASSENT_SMTP_PASSWORD")
	}
	return c, nil
}
