package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/directory"
)

type passkeyCmd struct {
	Revoke passkeyRevokeCmd `cmd:"" help:"Make a passkey useless, after its device was lost for one."`
}

type passkeyRevokeCmd struct {
	Identity string `arg:"" help:"Username, e-mail address or identity id."`
	Passkey  string `arg:"" help:"The passkey's id; assent identity show lists it."`
	realmFlag
	storeFlags
}

// Run revokes the passkey. Evidence that it signed stays valid.
func (c *passkeyRevokeCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, identity, err := findIdentity(ctx, s, c.Realm, c.Identity)
		if err != nil {
			return err
		}
		err = s.Directory.RevokePasskey(ctx, site, directory.PasskeyRef{
			IdentityID: identity.ID, PasskeyID: model.PasskeyID(c.Passkey), Actor: operator,
		})
		if errors.Is(err, model.ErrNotFound) {
			return fmt.Errorf("%s has no passkey %q; see: assent identity show %s", identity.DisplayName, c.Passkey, c.Identity)
		}
		if errors.Is(err, directory.ErrLastAdmin) {
			return fmt.Errorf("without this passkey nobody could manage the server; let %s bind another first: assent admin link %s", identity.DisplayName, c.Identity)
		}
		if err != nil {
			return err
		}
		return c.said(p, c.Passkey, "revoked", "Passkey "+c.Passkey+" of "+identity.DisplayName+
			" is revoked, and the sessions that it opened are over; what it signed stays valid")
	})
}
