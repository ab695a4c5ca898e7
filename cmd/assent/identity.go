package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/directory"
)

type identityCmd struct {
	Create          identityCreateCmd          `cmd:"" help:"Add a person."`
	Link            identityLinkCmd            `cmd:"" help:"Make a one-time link with which a person binds a passkey."`
	Password        identityPasswordCmd        `cmd:"" help:"Give a person a password, where the realm's policy allows passwords."`
	SoftwarePasskey identitySoftwarePasskeyCmd `cmd:"" help:"Give a person of a development realm a passkey that the server keeps."`
	Show            identityShowCmd            `cmd:"" help:"Show a person and their passkeys."`
	Suspend         identitySuspendCmd         `cmd:"" help:"Stop a person: no sign-in, no answer, no session, no token."`
	Activate        identityActivateCmd        `cmd:"" help:"Let a suspended person in again."`
	RevokeTokens    identityRevokeTokensCmd    `cmd:"" help:"Sign a person out everywhere, and make every token and grant of theirs dead."`
}

type identityCreateCmd struct {
	Username    string `required:"true" help:"Unique in the realm, ignoring case."`
	DisplayName string `help:"What others read. Default: the username."`
	Email       string `help:"E-mail address."`
	realmFlag
	storeFlags
}

// Run adds the person.
func (c *identityCreateCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		identity, err := s.Directory.CreateIdentity(ctx, site, directory.NewIdentity{
			DisplayName: c.DisplayName,
			Traits:      model.Traits{Username: c.Username, PrimaryEmailAddress: c.Email},
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(map[string]any{"id": identity.ID})
		}
		_, err = fmt.Fprintln(p.stdout, identity.ID)
		return err
	})
}

type identityLinkCmd struct {
	Identity string        `arg:"" help:"Username, e-mail address or identity id."`
	Expires  time.Duration `help:"How long the link works." default:"168h"`
	Recovery bool          `help:"For a person who lost their passkeys: whoever opens the link proves none. They are told by e-mail."`
	realmFlag
	storeFlags
}

// Run makes the link. It is a secret: whoever opens it first becomes able to
// sign in as that person. Of a person who has or had a passkey it asks for a proof,
// unless it is for recovery.
func (c *identityLinkCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, identity, err := findIdentity(ctx, s, c.Realm, c.Identity)
		if err != nil {
			return err
		}
		binding, err := s.Directory.CreateBindingJob(ctx, site, directory.NewBinding{
			IdentityID: identity.ID, Lifetime: c.Expires, Recovery: c.Recovery,
		})
		if err != nil {
			return err
		}
		if c.JSON {
			return p.printJSON(map[string]any{
				"binding_job_id": binding.Job.ID, "link": binding.Link, "expires_at": binding.Job.ExpiresAt.Time(),
			})
		}
		_, err = fmt.Fprintln(p.stdout, binding.Link)
		return err
	})
}

func findIdentity(ctx context.Context, s *server.Server, realm, login string) (*model.Site, model.Identity, error) {
	site, err := findRealm(ctx, s, realm)
	if err != nil {
		return nil, model.Identity{}, err
	}
	identity, err := s.Directory.Find(ctx, site, login)
	if errors.Is(err, model.ErrNotFound) {
		return nil, model.Identity{}, fmt.Errorf("there is no identity %q in realm %q", login, realm)
	}
	return site, identity, err
}
