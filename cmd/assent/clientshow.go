package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/application"
)

// tell prints a client whose keys were changed, and the private half of the new one:
// to a file of its own, or as a line of the environment. It is printed this once.
func (f keyFlags) tell(p *program, site *model.Site, k application.Keyed, asJSON bool) error {
	private, err := f.keep(k)
	if err != nil {
		return err
	}
	out := keyedReport{ClientID: string(k.Application.ID), Issuer: site.Issuer, TokenEndpoint: site.Issuer + "/oauth/token"}
	if n := len(k.Application.Keys); n > 0 {
		out.KeyID = string(k.Application.Keys[n-1].KID)
	}
	if k.Private != nil {
		out.File = f.Out
	}
	if asJSON {
		out.PrivateKey = private
		return p.printJSON(out)
	}
	var t table
	t.row("client_id", out.ClientID)
	t.row("key_id", out.KeyID)
	t.row("issuer", out.Issuer)
	t.row("token_endpoint", out.TokenEndpoint)
	t.row("private_key", out.File)
	for _, old := range k.Application.Keys {
		if now := model.MillisOf(time.Now()); old.StatusAt(now) == model.KeyRetiring {
			t.row("retiring", fmt.Sprintf("%s  until %s", old.KID, stamp(old.RetireAt.Unix())))
		}
	}
	t.print(p.stdout, "")
	if private != nil {
		_, err = fmt.Fprintf(p.stdout, "\nPRIVATE_KEY='%s'\n\nThe private key is shown this once. It is kept nowhere here: store it where the client can read it, and nobody else.\n", private)
	}
	return err
}

// keep writes the private key to its file, or returns it to be printed.
func (f keyFlags) keep(k application.Keyed) (private []byte, err error) {
	if k.Private == nil {
		return nil, nil
	}
	if private, err = application.PrivateJWK(k.Private); err != nil || f.Out == "" {
		return private, err
	}
	return nil, writeFile(f.Out, append(private, '\n'), 0o600)
}

type keyedReport struct {
	ClientID      string          `json:"client_id"`
	KeyID         string          `json:"key_id,omitempty"`
	Issuer        string          `json:"issuer"`
	TokenEndpoint string          `json:"token_endpoint"`
	PrivateKey    json.RawMessage `json:"private_key,omitempty"`
	File          string          `json:"private_key_file,omitempty"`
}

type clientReport struct {
	ClientID            string            `json:"client_id"`
	Name                string            `json:"name"`
	Description         string            `json:"description,omitempty"`
	Status              string            `json:"status"`
	Scopes              []string          `json:"scopes"`
	Resources           []string          `json:"resources"`
	JWKSURI             string            `json:"jwks_uri,omitempty"`
	Keys                []clientKeyReport `json:"keys"`
	TokensInvalidBefore *time.Time        `json:"tokens_invalid_before,omitempty"`
}

type clientKeyReport struct {
	KID        string     `json:"kid"`
	Alg        string     `json:"alg"`
	Status     string     `json:"status"`
	CreatedAt  time.Time  `json:"created_at"`
	RetireAt   *time.Time `json:"retire_at,omitempty"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
	Warning    string     `json:"warning,omitempty"`
}

func newClientReport(a model.Application, now model.Millis) clientReport {
	r := clientReport{ClientID: string(a.ID), Name: a.Name, Description: a.Settings.Description, Status: string(a.Status), JWKSURI: a.Settings.JWKSURI,
		Scopes: append([]string{}, a.Settings.Scopes...), Resources: append([]string{}, a.Settings.Resources...), Keys: []clientKeyReport{}, TokensInvalidBefore: instantOf(a.TokensInvalidBefore)}
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
		return nil
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
		r := newClientReport(a, model.MillisOf(time.Now()))
		if c.JSON {
			return p.printJSON(r)
		}
		r.print(p)
		return nil
	})
}

func (r clientReport) print(p *program) {
	var t table
	t.row("client_id", r.ClientID)
	t.row("name", r.Name)
	t.row("description", r.Description)
	t.row("status", r.Status)
	t.row("scopes", strings.Join(r.Scopes, " "))
	t.row("resources", strings.Join(r.Resources, " "))
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
		return text + "  never used"
	}
	text += "  last used " + stamp(k.LastUsedAt.Unix())
	if k.Warning != "" {
		text += "  warning: " + k.Warning
	}
	return text
}
