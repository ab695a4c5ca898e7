package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/notify"
	"github.com/assent-id/assent/internal/service/notify/smtp"
)

// makeMail decides where e-mails go: to a mail server, else in development to the
// mailbox of this process, else nowhere.
func (s *Server) makeMail() error {
	var err error
	if s.letters, err = notify.NewLetters(); err != nil {
		return err
	}
	s.mailbox = &notify.Mailbox{}
	s.mail = &notify.Mail{Compose: s.composeMail, Failed: s.mailFailed}
	switch {
	case s.cfg.SMTP.On():
		s.mail.Transport, err = smtp.New(s.cfg.SMTP)
	case s.cfg.Development:
		s.mail.Transport = s.mailbox
	}
	return err
}

// mails reports whether e-mails leave from here.
func (c *Config) mails() bool { return c.SMTP.On() || c.Development }

// composeMail writes the e-mail for what an outbox item is about, as that is now.
func (s *Server) composeMail(ctx context.Context, site *model.Site, payload json.RawMessage) (notify.Message, error) {
	var n directory.Notice
	if err := json.Unmarshal(payload, &n); err != nil {
		return notify.Message{}, fmt.Errorf("read payload: %w", err)
	}
	who, err := s.Directory.Identity(ctx, site, n.Identity)
	if errors.Is(err, model.ErrNotFound) {
		return notify.Message{}, notify.ErrMoot
	}
	if err != nil {
		return notify.Message{}, err
	}
	if to, err := s.Directory.NoticeAddress(n); err != nil {
		return notify.Message{}, err
	} else if to != "" {
		who.Traits.PrimaryEmailAddress = to
	}
	if who.Traits.PrimaryEmailAddress == "" && n.Kind == directory.NoticeBindingLink {
		return notify.Message{}, &notify.RefusedError{Reason: "the person has no e-mail address any more"}
	}
	if who.Traits.PrimaryEmailAddress == "" {
		return notify.Message{}, notify.ErrMoot
	}
	letter := notify.Letter{ID: n.ID, Kind: n.Kind, Identity: who, At: n.At, Passkey: n.Passkey, Link: site.Issuer + "/account"}
	switch n.Kind {
	case "":
		err = s.waitingLetter(ctx, site, payload, &letter)
	case directory.NoticeBindingLink:
		err = s.linkLetter(ctx, site, n, &letter)
	}
	if err != nil {
		return notify.Message{}, err
	}
	return s.letters.Write(site, letter, s.now())
}

// waitingLetter says that something waits, and never what. Once the person has
// answered there is nothing to say.
func (s *Server) waitingLetter(ctx context.Context, site *model.Site, payload json.RawMessage, letter *notify.Letter) error {
	var w approval.Waiting
	if err := json.Unmarshal(payload, &w); err != nil {
		return fmt.Errorf("read payload: %w", err)
	}
	a, err := s.Approvals.ForPerson(ctx, site, w.Identity, w.Approval)
	if errors.Is(err, model.ErrNotFound) || err == nil && a.State.Ended() {
		return notify.ErrMoot
	}
	letter.Kind, letter.Until, letter.Link = "waiting", a.ExpiresAt, site.Issuer+"/approver/"
	return err
}

// linkLetter opens the link for the one message that carries it.
func (s *Server) linkLetter(ctx context.Context, site *model.Site, n directory.Notice, letter *notify.Letter) error {
	if s.now().After(n.GiveUp.Time()) {
		return &notify.RefusedError{Reason: "no mail server took it for a day"}
	}
	link, err := s.Directory.MailedLink(ctx, site, n)
	if errors.Is(err, directory.ErrLinkUnknown) || errors.Is(err, directory.ErrLinkUsed) || errors.Is(err, directory.ErrLinkExpired) {
		return notify.ErrMoot
	}
	if err != nil {
		return err
	}
	letter.Link, letter.Until = link.URL, link.Job.ExpiresAt
	if link.Job.Proof == model.ProofRecovery {
		letter.Kind = "recovery_mail"
	}
	return nil
}

// mailFailed writes down that a link did not reach its person.
func (s *Server) mailFailed(ctx context.Context, site *model.Site, payload json.RawMessage, reason string) error {
	var n directory.Notice
	if err := json.Unmarshal(payload, &n); err != nil {
		return fmt.Errorf("read payload: %w", err)
	}
	s.cfg.Logger.WarnContext(ctx, "message refused", "kind", cmp.Or(n.Kind, "waiting"), "message", n.ID, "reason", reason)
	if n.Kind != directory.NoticeBindingLink {
		return nil
	}
	return s.Directory.LinkNotSent(ctx, site, n, reason)
}
