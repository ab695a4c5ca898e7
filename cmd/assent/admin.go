package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/directory"
)

type adminCmd struct {
	Create adminCreateCmd `cmd:"" help:"Make a person an admin, who is added if there is none of that name."`
	Link   adminLinkCmd   `cmd:"" help:"Make a one-time link with which an admin binds a passkey, also one who lost theirs."`
}

type adminCreateCmd struct {
	Username string `required:"true" help:"Unique in the realm, ignoring case."`
	Email    string `help:"E-mail address of a person who is added."`
	realmFlag
	storeFlags
}

// Run makes the person an admin. One without a passkey gets a link.
func (c *adminCreateCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		admin, err := c.ensure(ctx, s, site)
		if err != nil {
			return err
		}
		keys, err := s.Directory.Passkeys(ctx, site, admin.ID)
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			return c.said(p, string(admin.ID), "admin", admin.DisplayName+" is an admin")
		}
		binding, err := s.Directory.AdminLink(ctx, site, admin.ID)
		if err != nil {
			return err
		}
		return c.storeFlags.printLink(p, binding)
	})
}

// ensure finds the person, or adds them, and makes them an admin.
func (c *adminCreateCmd) ensure(ctx context.Context, s *server.Server, site *model.Site) (model.Identity, error) {
	found, err := s.Directory.ListIdentities(ctx, site, directory.PeopleQuery{Username: c.Username, Limit: 1})
	switch {
	case err != nil:
		return model.Identity{}, err
	case len(found) == 1:
		return s.Directory.SetAdmin(ctx, site, directory.Ref[model.IdentityID]{ID: found[0].ID}, true)
	default:
		return s.Directory.CreateIdentity(ctx, site, directory.NewIdentity{Admin: true,
			Traits: model.Traits{Username: c.Username, PrimaryEmailAddress: c.Email}})
	}
}

type adminLinkCmd struct {
	Identity string `arg:"" optional:"" help:"Username, e-mail address or identity id of the admin; not needed where there is one."`
	realmFlag
	storeFlags
}

// Run makes the link. It is a secret: whoever opens it first becomes able to sign
// in as that admin. Links that were made before stop working.
func (c *adminLinkCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, admin, err := c.find(ctx, s)
		if err != nil {
			return err
		}
		if admin.AdminSince == 0 {
			return fmt.Errorf("%s is no admin; make them one with: assent admin create --username %s", admin.DisplayName, admin.Traits.Username)
		}
		binding, err := s.Directory.AdminLink(ctx, site, admin.ID)
		if err != nil {
			return err
		}
		return c.storeFlags.printLink(p, binding)
	})
}

func (c *adminLinkCmd) find(ctx context.Context, s *server.Server) (*model.Site, model.Identity, error) {
	if c.Identity != "" {
		return findIdentity(ctx, s, c.Realm, c.Identity)
	}
	site, err := findRealm(ctx, s, c.Realm)
	if err != nil {
		return nil, model.Identity{}, err
	}
	admins, err := s.Directory.ListIdentities(ctx, site, directory.PeopleQuery{Admins: true, Limit: 2})
	switch {
	case err != nil:
		return nil, model.Identity{}, err
	case len(admins) == 0:
		return nil, model.Identity{}, errors.New("there is no admin; make one with: assent admin create --username NAME")
	case len(admins) > 1:
		return nil, model.Identity{}, usage("there are several admins: say whom the link is for")
	}
	return site, admins[0], nil
}

func (f storeFlags) printLink(p *program, b directory.Binding) error {
	if f.JSON {
		return p.printJSON(map[string]any{"identity_id": b.Job.IdentityID, "binding_job_id": b.Job.ID, "link": b.Link, "expires_at": b.Job.ExpiresAt.Time()})
	}
	_, err := fmt.Fprintln(p.stdout, b.Link)
	return err
}

// greetAdmin prints a link for the first admin, as long as no admin of the default
// realm has a passkey. The link is a secret, so the log has no line of it.
func greetAdmin(ctx context.Context, s *server.Server, out io.Writer, log *slog.Logger) error {
	site, err := s.Realms.Default(ctx)
	if err != nil {
		return err
	}
	binding, err := s.Directory.FirstAdminLink(ctx, site)
	if errors.Is(err, directory.ErrNoAdmin) {
		log.WarnContext(ctx, "nobody manages this server; make an admin with: assent admin create")
		return nil
	}
	if err != nil || binding.Link == "" {
		return err
	}
	log.InfoContext(ctx, "no admin has a passkey yet; a one-time link was printed to standard output", "identity", string(binding.Job.IdentityID))
	_, err = fmt.Fprintf(out, "No admin of this server has a passkey yet. Open this link to bind one; it works once, for 24 hours:\n\n  %s\n\n", binding.Link)
	return err
}
