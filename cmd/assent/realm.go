package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/keys"
	"github.com/assent-id/assent/internal/service/realm"
)

type realmCmd struct {
	Create       realmCreateCmd       `cmd:"" help:"Create a realm. One named default has the base URL as its issuer, others BASE/realms/NAME."`
	Disable      realmDisableCmd      `cmd:"" help:"Stop everything in a realm."`
	Enable       realmEnableCmd       `cmd:"" help:"Let a disabled realm work again."`
	RevokeTokens realmRevokeTokensCmd `cmd:"" help:"Make every token, grant and session dead that there is in a realm by now."`
	Policy       realmPolicyCmd       `cmd:"" help:"Print or change what a realm allows: registration, resources, trusted issuers, ..."`
}

type realmCreateCmd struct {
	Name        string `arg:"" help:"Lower-case letters, digits and inner hyphens."`
	DisplayName string `help:"What people read."`
	Host        string `help:"Host name of its own, which makes its issuer. It cannot be changed later." placeholder:"HOST"`
	Development bool   `help:"Allow passkeys in software and demo endpoints. Never where it matters."`
	AskAnyone   bool   `help:"Let every application ask every person of the realm, not only its owner."`
	storeFlags
}

// Run creates the realm and its signing keys.
func (c *realmCreateCmd) Run(p *program) error {
	policy := model.RealmPolicy{Development: c.Development, AskAnyone: c.AskAnyone, Host: c.Host}
	c.noDefaultRealm = true // this command makes it, or another
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := s.Realms.Create(ctx, realm.NewRealm{
			Name: c.Name, DisplayName: c.DisplayName, Default: c.Name == defaultRealm, Policy: policy,
		})
		if errors.Is(err, model.ErrConflict) {
			return fmt.Errorf("there is a realm %q already", c.Name)
		}
		if err != nil {
			return err
		}
		if err := s.Keys.Ensure(ctx, site, keys.Algorithms...); err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(map[string]any{"id": site.Realm.ID, "name": site.Realm.Name, "issuer": site.Issuer})
		}
		_, err = fmt.Fprintf(p.stdout, "Realm %s (%s) has the issuer %s\n", site.Realm.Name, site.Realm.ID, site.Issuer)
		return err
	})
}
