package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/directory"
)

// revoked prints whose tokens are dead, and up to when.
func (f storeFlags) revoked(p *program, id string, before model.Millis, sentence string) error {
	at := before.Time().UTC().Format("2006-01-02T15:04:05.000Z")
	if f.JSON {
		return p.printJSON(map[string]string{"id": id, "status": "tokens_revoked", "tokens_invalid_before": at})
	}
	_, err := fmt.Fprintln(p.stdout, oneLine(sentence+"; what is issued after "+at+" is valid"))
	return err
}

type appRevokeTokensCmd struct{ appFlags }

// Run kills the application's tokens; it may get new ones.
func (c *appRevokeTokensCmd) Run(p *program) error {
	return c.change(p, func(ctx context.Context, s *server.Server, site *model.Site) error {
		before, err := s.Applications.RevokeTokens(ctx, site, model.ClientID(c.ClientID), operator)
		if err != nil {
			return err
		}
		return c.revoked(p, c.ClientID, before, "All tokens and grants that application "+c.ClientID+" has by now are dead")
	})
}

type realmRevokeTokensCmd struct{ realmStatusFlags }

// Run kills everything that was issued in the realm.
func (c *realmRevokeTokensCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Name)
		if err != nil {
			return err
		}
		before, err := s.Realms.RevokeTokens(ctx, site.Realm.ID, operator)
		if err != nil {
			return err
		}
		return c.revoked(p, string(site.Realm.ID), before, "All tokens, grants and sessions that there are in realm "+site.Realm.Name+" by now are dead")
	})
}

type identityRevokeTokensCmd struct{ identityFlags }

// Run signs the person out everywhere and kills what applications have of theirs.
func (c *identityRevokeTokensCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, identity, err := findIdentity(ctx, s, c.Realm, c.Identity)
		if err != nil {
			return err
		}
		if identity, err = s.Directory.RevokeTokens(ctx, site, directory.Ref[model.IdentityID]{ID: identity.ID, Actor: operator}); err != nil {
			return err
		}
		return c.revoked(p, string(identity.ID), identity.TokensInvalidBefore,
			"All sessions of "+identity.DisplayName+", and all tokens and grants that applications have of theirs by now, are dead")
	})
}

type grantCmd struct {
	RevokeTokens grantRevokeTokensCmd `cmd:"" help:"Make every access token dead that was issued under a grant by now; the grant lives."`
}

type grantRevokeTokensCmd struct {
	Grant string `arg:"" help:"The grant's id; the management API lists them, and tokens have it as grant_id."`
	realmFlag
	storeFlags
}

// Run kills the access tokens of the grant.
func (c *grantRevokeTokensCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		before, err := s.RevokeGrantTokens(ctx, site, model.GrantID(c.Grant), operator)
		if errors.Is(err, model.ErrNotFound) {
			return fmt.Errorf("there is no grant %q in realm %q", c.Grant, c.Realm)
		}
		if err != nil {
			return err
		}
		return c.revoked(p, c.Grant, before, "All access tokens of grant "+c.Grant+" that there are by now are dead")
	})
}
