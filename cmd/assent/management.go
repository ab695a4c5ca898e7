package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/application"
)

type managementCmd struct {
	Create managementCreateCmd `cmd:"" help:"Register an application that may use the management API."`
	Secret managementSecretCmd `cmd:"" help:"Give the management application that a realm has from the start a secret."`
}

type managementCreateCmd struct {
	Name  string   `required:"true" help:"What the audit trail should remind of."`
	Scope []string `help:"What it may do: scopes of the management API such as identities:create (listed in docs/api.md); may be repeated. Default: all." sep:","`
	storeFlags
}

// Run registers the application in the default realm, where the management API is,
// and prints its secret: nobody can read it again.
func (c *managementCreateCmd) Run(p *program) error {
	scopes, err := c.scopes()
	if err != nil {
		return err
	}
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := s.Realms.Default(ctx)
		if err != nil {
			return err
		}
		created, err := s.Applications.Create(ctx, site, application.NewApplication{
			Name: c.Name, Kind: model.KindService, AuthMethod: model.AuthClientSecretBasic, GrantTypes: []string{"client_credentials"},
			Scopes: scopes, Settings: model.ApplicationSettings{Management: true},
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(map[string]any{"client_id": created.Application.ID, "client_secret": created.Secret, "scope": strings.Join(scopes, " "),
				"issuer": site.Issuer, "tenant_id": site.Realm.TenantID, "realm_id": site.Realm.ID})
		}
		_, err = fmt.Fprintf(p.stdout, "client_id      %s\nclient_secret  %s\nscope          %s\ntenant_id      %s\nrealm_id       %s\n\nThe secret is shown this once. Tokens: POST %s/oauth/token\n",
			created.Application.ID, created.Secret, strings.Join(scopes, " "), site.Realm.TenantID, site.Realm.ID, site.Issuer)
		return err
	})
}

func (c *managementCreateCmd) scopes() ([]string, error) {
	var list []string
	for _, text := range c.Scope {
		for name := range strings.FieldsSeq(text) {
			if manage.Scopes[manage.Scope(name)] == "" {
				return nil, usage(fmt.Sprintf("there is no scope %q", name))
			}
			list = append(list, name)
		}
	}
	if len(list) == 0 {
		for scope := range manage.Scopes {
			list = append(list, string(scope))
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}
