package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/application"
)

// tell prints a client whose keys were changed, and the private half of the new one:
// to a file of its own, or as a line of the environment. It is printed this once, and
// nobody can undo what was changed: where it cannot be written it goes to the output
// instead, and where that fails to the errors.
func (f keyFlags) tell(p *program, site *model.Site, k application.Keyed, asJSON bool) error {
	signal.Ignore(syscall.SIGPIPE) // a reader who went away is an error like others
	private, err := f.keep(k)
	out := keyedReport{ClientID: string(k.Application.ID), Issuer: site.Issuer, TokenEndpoint: site.Issuer + "/oauth/token", PrivateKey: private}
	if n := len(k.Application.Keys); n > 0 {
		out.KeyID = string(k.Application.Keys[n-1].KID)
	}
	if k.Private != nil && err == nil {
		out.File = f.Out
	}
	printed := out.print(p, k.Application.Keys, asJSON)
	if printed != nil && private != nil {
		_, _ = fmt.Fprintf(p.stderr, keyLine, private)
	}
	return errors.Join(err, printed)
}

// keep writes the private key to its file, or returns it to be printed.
func (f keyFlags) keep(k application.Keyed) (private []byte, err error) {
	if k.Private == nil {
		return nil, nil
	}
	if private, err = application.PrivateJWK(k.Private); err != nil || f.Out == "" {
		return private, err
	}
	if err = writeFile(f.Out, append(private, '\n'), 0o600); err != nil {
		return private, fmt.Errorf("the private key is in no file but printed this once, store it now: %w", err)
	}
	return nil, nil
}

// keyLine is a private key as a line of the environment.
const keyLine = "\nPRIVATE_KEY='%s'\n\nThe private key is shown this once. It is kept nowhere here: store it where the client can read it, and nobody else.\n"

func (r keyedReport) print(p *program, keys []model.ClientKey, asJSON bool) error {
	if asJSON {
		return p.printJSON(r)
	}
	var t table
	t.row("client_id", r.ClientID)
	t.row("key_id", r.KeyID)
	t.row("issuer", r.Issuer)
	t.row("token_endpoint", r.TokenEndpoint)
	t.row("private_key", r.File)
	for _, old := range keys {
		if now := model.MillisOf(time.Now()); old.StatusAt(now) == model.KeyRetiring {
			t.row("retiring", fmt.Sprintf("%s  until %s", old.KID, stamp(old.RetireAt.Unix())))
		}
	}
	var text strings.Builder
	t.print(&text, "")
	if r.PrivateKey != nil {
		fmt.Fprintf(&text, keyLine, r.PrivateKey)
	}
	_, err := io.WriteString(p.stdout, text.String())
	return err
}

type keyedReport struct {
	ClientID      string          `json:"client_id"`
	KeyID         string          `json:"key_id,omitempty"`
	Issuer        string          `json:"issuer"`
	TokenEndpoint string          `json:"token_endpoint"`
	PrivateKey    json.RawMessage `json:"private_key,omitempty"`
	File          string          `json:"private_key_file,omitempty"`
}

// A clientReport has the names that the management API has.
type clientReport struct {
	ClientID            string            `json:"client_id"`
	Name                string            `json:"display_name"`
	Description         string            `json:"description"`
	Status              string            `json:"status"`
	Scopes              []string          `json:"scopes"`
	Resources           []string          `json:"resources"`
	MayAsk              bool              `json:"may_ask"`
	TokenLifetime       int               `json:"access_token_lifetime"` // seconds
	JWKSURI             string            `json:"jwks_uri,omitempty"`
	Keys                []clientKeyReport `json:"keys"`
	TokensInvalidBefore *time.Time        `json:"tokens_invalid_before,omitempty"`
	CreateTime          time.Time         `json:"create_time"`
	Version             int64             `json:"version"`
}

type clientKeyReport struct {
	KID        string     `json:"kid"`
	Alg        string     `json:"alg"`
	Status     string     `json:"status"`
	CreatedAt  time.Time  `json:"create_time"`
	RetireAt   *time.Time `json:"retire_time,omitempty"`
	LastUsedAt *time.Time `json:"last_used_time,omitempty"`
	Warning    string     `json:"warning,omitempty"`
}

func newClientReport(a model.Application, now model.Millis) clientReport {
	r := clientReport{ClientID: string(a.ID), Name: a.Name, Description: a.Settings.Description, Status: string(a.Status), JWKSURI: a.Settings.JWKSURI,
		Scopes: append([]string{}, a.Settings.Scopes...), Resources: append([]string{}, a.Settings.Resources...), Keys: []clientKeyReport{}, TokensInvalidBefore: instantOf(a.TokensInvalidBefore),
		MayAsk: application.MayAsk(&a), TokenLifetime: int(a.Settings.TokenLives().Seconds()), CreateTime: a.CreatedAt.Time().UTC(), Version: a.Version}
	for _, k := range application.ListedKeys(&a, now) {
		one := clientKeyReport{KID: string(k.KID), Status: string(k.Status), CreatedAt: k.CreatedAt.Time(), RetireAt: instantOf(k.RetireAt), LastUsedAt: instantOf(k.LastUsedAt)}
		if public, err := jose.ParsePublic(k.JWK); err == nil {
			one.Alg = string(public.Alg())
		}
		if application.StillUsed(&a, k, now) {
			one.Warning = "it is still in use: let the client sign with the new key"
		}
		r.Keys = append(r.Keys, one)
	}
	return r
}

// instantOf is nil for never.
func instantOf(m model.Millis) *time.Time {
	if m == 0 {
		return nil
	}
	at := m.Time()
	return &at
}

type clientListCmd struct {
	realmFlag
	storeFlags
}

// Run lists the realm's service clients.
func (c *clientListCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		all, err := s.Applications.ServiceClients(ctx, site)
		if err != nil {
			return err
		}
		reports, now := make([]clientReport, len(all)), model.MillisOf(time.Now())
		for i, a := range all {
			reports[i] = newClientReport(a, now)
		}
		if c.JSON {
			return p.printJSON(map[string]any{"service_clients": reports})
		}
		var t table
		for _, r := range reports {
			t.row(r.ClientID, fmt.Sprintf("%-8s %s%s", r.Status, r.Name, r.warnings()))
		}
		t.print(p.stdout, "")
		return p.sayIfEmpty(len(reports), "There are no service clients in this realm.")
	})
}

// warnings are what whoever looks at a list should look into.
func (r clientReport) warnings() string {
	var text strings.Builder
	for _, k := range r.Keys {
		if k.Warning != "" {
			fmt.Fprintf(&text, "  (warning: key %s, retiring: %s)", k.KID, k.Warning)
		}
	}
	return text.String()
}

type clientShowCmd struct{ serviceClientFlags }

// Run shows one service client and its keys.
func (c *clientShowCmd) Run(p *program) error {
	return c.change(p, func(ctx context.Context, s *server.Server, site *model.Site) error {
		a, err := s.Applications.ReadServiceClient(ctx, site, model.ClientID(c.ClientID))
		if err != nil {
			return err
		}
		return c.show(p, a)
	})
}

// show prints a client as it is.
func (c *serviceClientFlags) show(p *program, a model.Application) error {
	r := newClientReport(a, model.MillisOf(time.Now()))
	if c.JSON {
		return p.printJSON(r)
	}
	r.print(p)
	return nil
}

func (r clientReport) print(p *program) {
	var t table
	t.row("client_id", r.ClientID)
	t.row("name", r.Name)
	t.row("description", r.Description)
	t.row("status", r.Status)
	t.row("scopes", strings.Join(r.Scopes, " "))
	t.row("resources", strings.Join(r.Resources, " "))
	if r.MayAsk {
		t.row("may ask", "people to approve something (CIBA)")
	}
	t.row("lifetime", (time.Duration(r.TokenLifetime) * time.Second).String())
	t.row("jwks_uri", r.JWKSURI)
	for _, k := range r.Keys {
		t.row("key", k.line())
	}
	if r.TokensInvalidBefore != nil {
		t.row("tokens", "dead if issued until "+stamp(r.TokensInvalidBefore.Unix()))
	}
	t.print(p.stdout, "")
}

func (k clientKeyReport) line() string {
	text := fmt.Sprintf("%s  %-5s  %-8s", k.KID, k.Alg, k.Status)
	switch {
	case k.RetireAt != nil && k.Status == string(model.KeyRetiring):
		text += "  until " + stamp(k.RetireAt.Unix())
	case k.RetireAt != nil:
		text += "  since " + stamp(k.RetireAt.Unix())
	}
	if k.LastUsedAt == nil {
		return text + "  no use noted yet"
	}
	text += "  last used " + stamp(k.LastUsedAt.Unix())
	if k.Warning != "" {
		text += "  warning: " + k.Warning
	}
	return text
}
