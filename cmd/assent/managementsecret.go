package main

import (
	"context"
	"fmt"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
)

type managementSecretCmd struct {
	Realm string `help:"Realm whose management application it is." default:"default"`
	storeFlags
}

// Run gives the management application that every realm has a secret, in place of
// the one before, and prints it: nobody can read it again.
func (c *managementSecretCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		secret, err := s.Applications.SetManagementSecret(ctx, site, operator)
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(map[string]any{"client_id": model.ManagementApplication, "client_secret": secret,
				"issuer": site.Issuer, "tenant_id": site.Realm.TenantID, "realm_id": site.Realm.ID})
		}
		_, err = fmt.Fprintf(p.stdout, "client_id      %s\nclient_secret  %s\ntenant_id      %s\nrealm_id       %s\n\nThe secret is shown this once; the one before, and its tokens, are dead. Tokens: POST %s/oauth/token\n",
			model.ManagementApplication, secret, site.Realm.TenantID, site.Realm.ID, site.Issuer)
		return err
	})
}
