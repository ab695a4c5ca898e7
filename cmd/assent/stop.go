package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
)

// operator is who the audit trail says did what these commands do.
const operator = "operator"

// said prints what became of a thing: a sentence, or JSON.
func (f storeFlags) said(p *program, id, status, sentence string) error {
	if f.JSON {
		return p.printJSON(map[string]string{"id": id, "status": status})
	}
	_, err := fmt.Fprintln(p.stdout, oneLine(sentence))
	return err
}

type realmStatusFlags struct {
	Name string `arg:"" help:"Name of the realm."`
	storeFlags
}

type realmDisableCmd struct{ realmStatusFlags }

// Run stops everything in the realm.
func (c *realmDisableCmd) Run(p *program) error {
	return c.set(p, model.RealmDisabled, "is disabled: nobody signs in, asks or answers there, and its sessions and tokens are dead")
}

type realmEnableCmd struct{ realmStatusFlags }

// Run lets the realm work again.
func (c *realmEnableCmd) Run(p *program) error {
	return c.set(p, model.RealmActive, "is active; sessions and tokens from before stay dead")
}

func (c *realmStatusFlags) set(p *program, status model.RealmStatus, what string) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Name)
		if err != nil {
			return err
		}
		if err := s.Realms.SetStatus(ctx, site.Realm.ID, status, operator); err != nil {
			return err
		}
		return c.said(p, string(site.Realm.ID), string(status), "Realm "+site.Realm.Name+" "+what)
	})
}

type appFlags struct {
	ClientID string `arg:"" name:"client-id" help:"The application's client id; assent app list shows it."`
	realmFlag
	storeFlags
}

// change does something to the application, if there is one of that id.
func (c *appFlags) change(p *program, do func(context.Context, *server.Server, *model.Site) error) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		err = do(ctx, s, site)
		if errors.Is(err, model.ErrNotFound) {
			return fmt.Errorf("there is no application %q in realm %q", c.ClientID, c.Realm)
		}
		return err
	})
}

func (c *appFlags) set(p *program, status model.ApplicationStatus, what string) error {
	return c.change(p, func(ctx context.Context, s *server.Server, site *model.Site) error {
		if err := s.Applications.SetStatus(ctx, site, model.ClientID(c.ClientID), status, operator); err != nil {
			return err
		}
		return c.said(p, c.ClientID, string(status), "Application "+c.ClientID+" "+what)
	})
}

type appFreezeCmd struct{ appFlags }

// Run stops the application.
func (c *appFreezeCmd) Run(p *program) error {
	return c.set(p, model.ApplicationFrozen, "is frozen: it gets no token and cannot ask, and the tokens that it has are dead")
}

type appThawCmd struct{ appFlags }

// Run lets the application work again.
func (c *appThawCmd) Run(p *program) error {
	return c.set(p, model.ApplicationActive, "is active; tokens from before stay dead")
}

type identityFlags struct {
	Identity string `arg:"" help:"Username, e-mail address or identity id."`
	realmFlag
	storeFlags
}

type identitySuspendCmd struct{ identityFlags }

// Run stops the person.
func (c *identitySuspendCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, identity, err := findIdentity(ctx, s, c.Realm, c.Identity)
		if err != nil {
			return err
		}
		if identity, err = s.Directory.Suspend(ctx, site, identity.ID, operator); err != nil {
			return err
		}
		return c.said(p, string(identity.ID), string(identity.Status), identity.DisplayName+
			" is suspended: they can neither sign in nor answer, and the sessions and tokens that they have are dead")
	})
}

type identityActivateCmd struct{ identityFlags }

// Run lets the person in again.
func (c *identityActivateCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, identity, err := findIdentity(ctx, s, c.Realm, c.Identity)
		if err != nil {
			return err
		}
		if identity, err = s.Directory.Activate(ctx, site, identity.ID, operator); err != nil {
			return err
		}
		return c.said(p, string(identity.ID), string(identity.Status), identity.DisplayName+
			" is active; sessions and tokens from before stay dead")
	})
}
