package smtp_test

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/service/notify"
	"github.com/assent-id/assent/internal/service/notify/smtp"
	"github.com/assent-id/assent/internal/service/notify/smtptest"
)

// to is a transport to a mail server.
func to(t *testing.T, s *smtptest.Server, change func(*smtp.Config)) *smtp.Transport {
	t.Helper()
	cfg := smtp.Config{Host: "127.0.0.1", Port: s.Port, From: "login@acme.example", RootCAs: s.Roots}
	if s.Password != "" {
		cfg.Username, cfg.Password = "mailer", s.Password
	}
	if change != nil {
		change(&cfg)
	}
	transport, err := smtp.New(cfg)
	check(t, err)
	return transport
}

var greeting = notify.Message{ID: "out_1", From: "Ábyrg verslun", To: "ada@example.com", Lang: "en", Subject: "Gefðu svar: já eða nei",
	Text: "Hæ Ada,\n\n.dot at the start\nFrom here on\n" + strings.Repeat("long ", 400) + "\n",
	HTML: "<!doctype html><p>Hæ <b>Ada</b></p>", At: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)}

// Requirement: mail-format
func TestAMessageArrivesWholeOverStartTLS(t *testing.T) {
	server := smtptest.Start(t, func(s *smtptest.Server) { s.Password = "seven brown kettles" })
	check(t, to(t, server, nil).Send(t.Context(), greeting))
	taken := server.Taken()
	if len(taken) != 1 {
		t.Fatalf("%d messages arrived", len(taken))
	}
	got := taken[0]
	if !got.Private || !got.Known || got.From != "login@acme.example" || got.To != "ada@example.com" {
		t.Errorf("envelope %+v", got)
	}
	m, err := mail.ReadMessage(strings.NewReader(got.Data))
	check(t, err)
	words := new(mime.WordDecoder)
	subject, err := words.DecodeHeader(m.Header.Get("Subject"))
	check(t, err)
	from, err := m.Header.AddressList("From")
	check(t, err)
	date, err := m.Header.Date()
	check(t, err)
	if subject != greeting.Subject || len(from) != 1 || from[0].Name != "Ábyrg verslun" || from[0].Address != "login@acme.example" || !date.Equal(greeting.At) {
		t.Errorf("subject %q, from %v, date %v", subject, from, date)
	}
	for name, want := range map[string]string{"Message-Id": "<out_1@acme.example>", "Auto-Submitted": "auto-generated", "To": "<ada@example.com>",
		"Mime-Version": "1.0", "Content-Language": "en", "User-Agent": "", "X-Mailer": ""} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if diff := cmp.Diff([]string{"text/plain; charset=UTF-8", strings.ReplaceAll(greeting.Text, "\n", "\r\n"), "text/html; charset=UTF-8", greeting.HTML}, parts(t, m)); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	for line := range strings.SplitSeq(got.Data, "\r\n") {
		if len(line) > 998 { // RFC 5322, Section 2.1.1
			t.Errorf("a line of %d characters", len(line))
		}
	}
}

// parts are types and bodies of a multipart/alternative, decoded.
func parts(t *testing.T, m *mail.Message) (list []string) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	check(t, err)
	if kind != "multipart/alternative" {
		t.Fatalf("it is %s", kind)
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return list
		}
		check(t, err)
		if got := part.Header.Get("Content-Transfer-Encoding"); got != "quoted-printable" {
			t.Errorf("encoded as %s", got)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		check(t, err)
		list = append(list, part.Header.Get("Content-Type"), string(body))
	}
}

func TestAConnectionIsPrivateOrThereIsNone(t *testing.T) {
	implicit := smtptest.Start(t, func(s *smtptest.Server) { s.Implicit, s.Password = true, "x" })
	check(t, to(t, implicit, func(c *smtp.Config) { c.TLS = smtp.TLS }).Send(t.Context(), greeting))
	if taken := implicit.Taken(); len(taken) != 1 || !taken[0].Known {
		t.Errorf("over TLS arrived %+v", taken)
	}
	plain := smtptest.Start(t, func(s *smtptest.Server) { s.PlainOnly, s.Password = true, "x" })
	if err := to(t, plain, nil).Send(t.Context(), greeting); err == nil || len(plain.Taken()) != 0 {
		t.Errorf("without STARTTLS: %v, %d arrived", err, len(plain.Taken()))
	}
	check(t, to(t, plain, func(c *smtp.Config) { c.TLS = smtp.Plain }).Send(t.Context(), greeting))
	stranger := smtptest.Start(t, nil)
	if err := to(t, stranger, func(c *smtp.Config) { c.RootCAs = implicit.Roots }).Send(t.Context(), greeting); err == nil || len(stranger.Taken()) != 0 {
		t.Errorf("with somebody else's certificate: %v", err)
	}
}

// Requirement: mail-failures
func TestARefusalForGoodIsToldFromOneThatMayPass(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*smtptest.Server)
		want   string // of the refusal; empty: it may pass
	}{
		"no such mailbox":    {func(s *smtptest.Server) { s.Answers["RCPT"] = "550 5.1.1 no such mailbox" }, "550 5.1.1 no such mailbox"},
		"sender refused":     {func(s *smtptest.Server) { s.Answers["MAIL"] = "553 5.7.1 not from you" }, "553 5.7.1 not from you"},
		"message refused":    {func(s *smtptest.Server) { s.Answers["."] = "554 5.6.0 spam" }, "554 5.6.0 spam"},
		"mailbox busy":       {func(s *smtptest.Server) { s.Answers["RCPT"] = "450 4.2.1 later" }, ""},
		"message later":      {func(s *smtptest.Server) { s.Answers["."] = "451 4.3.0 later" }, ""},
		"sign in first":      {func(s *smtptest.Server) { s.Answers["MAIL"] = "530 5.7.0 authentication required" }, ""},
		"password refused":   {func(s *smtptest.Server) { s.Password, s.Answers["AUTH"] = "x", "535 5.7.8 wrong" }, ""},
		"server is stopping": {func(s *smtptest.Server) { s.Answers["EHLO"], s.Answers["HELO"] = "421 stopping", "421 stopping" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := to(t, smtptest.Start(t, tt.change), nil).Send(t.Context(), greeting)
			refused, final := errors.AsType[*notify.RefusedError](err)
			switch {
			case err == nil:
				t.Error("it was sent")
			case final != (tt.want != ""):
				t.Errorf("final: %t: %v", final, err)
			case final && !strings.Contains(refused.Reason, tt.want):
				t.Errorf("reason %q, want %q", refused.Reason, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), greeting.Text[:10]) {
				t.Errorf("the error holds the message: %v", err)
			}
		})
	}
}

func TestAServerThatSaysNothingHoldsAMessageForSecondsOnly(t *testing.T) {
	server := smtptest.Start(t, func(s *smtptest.Server) { s.Silent = true })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	err := to(t, server, nil).Send(ctx, greeting)
	if took := time.Since(began); err == nil || took > 5*time.Second {
		t.Errorf("%v after %s", err, took)
	}
	if _, final := errors.AsType[*notify.RefusedError](err); final {
		t.Errorf("taken for final: %v", err)
	}
	free := smtptest.Start(t, nil)
	port := free.Port
	if err := to(t, free, func(c *smtp.Config) { c.Port, c.Host = port, "127.0.0.1" }).Send(t.Context(), greeting); err != nil {
		t.Errorf("another server: %v", err)
	}
}

// Requirement: mail-injection
func TestNoTextBeginsAnotherHeader(t *testing.T) {
	server := smtptest.Start(t, nil)
	evil := "x\r\nBcc: victim@example.com\r\n\r\n<script>"
	m := greeting
	m.Subject, m.From, m.Lang = evil, evil, evil
	check(t, to(t, server, nil).Send(t.Context(), m))
	got, err := mail.ReadMessage(strings.NewReader(server.Taken()[0].Data))
	check(t, err)
	for _, name := range []string{"Bcc", "Cc"} {
		if _, there := got.Header[name]; there {
			t.Errorf("there is a %s: %v", name, got.Header)
		}
	}
	for _, address := range []string{"ada@example.com\r\nRCPT TO:<victim@example.com>", "ada@example.com>, <victim@example.com", "a, b@example.com", ""} {
		m.To = address
		if _, final := errors.AsType[*notify.RefusedError](to(t, server, nil).Send(t.Context(), m)); !final {
			t.Errorf("to %q: not refused", address)
		}
	}
	if n := len(server.Taken()); n != 1 {
		t.Errorf("%d messages arrived", n)
	}
}

func TestManyMessagesGoOutSideBySide(t *testing.T) {
	server := smtptest.Start(t, nil)
	transport := to(t, server, nil)
	var all sync.WaitGroup
	for range 40 {
		all.Go(func() {
			if err := transport.Send(t.Context(), greeting); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := len(server.Taken()); n != 40 {
		t.Errorf("%d arrived, want 40", n)
	}
}

func TestSettingsForMailThatCannotWorkAreRefused(t *testing.T) {
	good := smtp.Config{Host: "mail.example", From: "Acme <login@acme.example>"}
	for name, change := range map[string]func(*smtp.Config){
		"no sender":            func(c *smtp.Config) { c.From = "" },
		"no address":           func(c *smtp.Config) { c.From = "Acme" },
		"unknown TLS":          func(c *smtp.Config) { c.TLS = "ssl" },
		"plain over a network": func(c *smtp.Config) { c.TLS = smtp.Plain },
		"port":                 func(c *smtp.Config) { c.Port = 70000 },
	} {
		c := good
		change(&c)
		if _, err := smtp.New(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for _, c := range []smtp.Config{good, {Host: "localhost", TLS: smtp.Plain, From: "a@b.example"}, {Host: "::1", TLS: smtp.Plain, From: "a@b.example"}} {
		if _, err := smtp.New(c); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
