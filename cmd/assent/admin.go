package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/audit"
	"github.com/assent-id/assent/internal/service/directory"
)

type adminCmd struct {
	Create adminCreateCmd `cmd:"" help:"Add a person who is an admin, or make one who is there an admin (--existing)."`
	Link   adminLinkCmd   `cmd:"" help:"Make a one-time link with which an admin binds a passkey, also one who lost theirs."`
}

type adminCreateCmd struct {
	Username string `required:"true" help:"Unique in the realm, ignoring case."`
	Email    string `help:"E-mail address of a person who is added."`
	Existing bool   `help:"Make the person an admin who has this name already. Whoever may add people could have added them for this: look at who did."`
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
		admin, err := c.ensure(ctx, p, s, site)
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
func (c *adminCreateCmd) ensure(ctx context.Context, p *program, s *server.Server, site *model.Site) (model.Identity, error) {
	found, err := s.Directory.ListIdentities(ctx, site, directory.PeopleQuery{Username: c.Username, Limit: 1})
	switch {
	case err != nil:
		return model.Identity{}, err
	case len(found) == 1 && found[0].AdminSince != 0:
		return found[0], nil
	case len(found) == 1:
		return c.promote(ctx, p, s, site, found[0])
	default:
		return s.Directory.CreateIdentity(ctx, site, directory.NewIdentity{Admin: true,
			Traits: model.Traits{Username: c.Username, PrimaryEmailAddress: c.Email}})
	}
}

// promote makes somebody an admin who is there: only where that is meant, and not
// before it was said where they come from. Somebody who may add people, but not
// admins, could have added them and has their passkey.
func (c *adminCreateCmd) promote(ctx context.Context, p *program, s *server.Server, site *model.Site, who model.Identity) (model.Identity, error) {
	maker, err := makerOf(ctx, s, site, who.ID)
	if err != nil {
		return who, err
	}
	origin := fmt.Sprintf("%s (%s) was added %s by %s", who.Traits.Username, who.ID, who.CreatedAt.Time().UTC().Format(time.RFC3339), maker)
	if !c.Existing {
		return who, errors.New(origin + ", and is no admin; to make them one all the same, add --existing")
	}
	if _, err := fmt.Fprintln(p.stderr, oneLine(origin)); err != nil {
		return who, err
	}
	return s.Directory.SetAdmin(ctx, site, directory.Ref[model.IdentityID]{ID: who.ID}, true)
}

// makerOf is who added a person, as the audit trail says.
func makerOf(ctx context.Context, s *server.Server, site *model.Site, id model.IdentityID) (string, error) {
	q := audit.Query{Type: "identity.created", Target: string(id), Limit: 1}
	for range 1000 { // each looks at a part of the trail
		part, err := s.Audit.List(ctx, site, q)
		switch {
		case err != nil:
			return "", err
		case len(part.Events) > 0:
			return part.Events[0].Actor, nil
		case part.Next == "":
			return "somebody whom the audit trail does not know any more", nil
		}
		q.From = part.Next
	}
	return "somebody who is too far back in the audit trail", nil
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
			return fmt.Errorf("%s is no admin; make them one with: assent admin create --existing --username %s", admin.DisplayName, admin.Traits.Username)
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
	if b.Job.Proof == model.ProofRecovery {
		_, err := fmt.Fprintln(p.stderr, "warning: this link is for recovery: whoever opens it gets in without any of this admin's passkeys")
		if err != nil {
			return err
		}
	}
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
		log.WarnContext(ctx, "nobody manages this server, and somebody who is no admin is named admin; see who added them: assent admin create --username admin; "+
			"then add --existing to that, or another --username")
		return nil
	}
	if errors.Is(err, directory.ErrAdminsLost) {
		log.WarnContext(ctx, "no admin has a passkey any more; make a way back in with: assent admin link")
		return nil
	}
	if err != nil || binding.Link == "" {
		return err
	}
	log.InfoContext(ctx, "no admin has a passkey yet; a one-time link was printed to standard output", "identity", string(binding.Job.IdentityID))
	_, err = fmt.Fprintf(out, "No admin of this server has a passkey yet. Open this link to bind one; it works once, for 24 hours:\n\n  %s\n\n", binding.Link)
	return err
}
