package main

import (
	"context"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/server"
)

type registrationTokenCmd struct {
	Create registrationTokenCreateCmd `cmd:"" help:"Make a token with which applications register themselves."`
}

type registrationTokenCreateCmd struct {
	Uses    int           `help:"How many applications may register with it." default:"1"`
	Expires time.Duration `help:"How long it can be used." default:"24h"`
	realmFlag
	storeFlags
}

// Run prints an initial access token (RFC 7591, Section 3): nobody can read it
// again.
func (c *registrationTokenCreateCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		token, err := s.Applications.NewInitialToken(site, c.Uses, c.Expires)
		if err != nil {
			return err
		}
		if !site.Realm.Policy.Registration.On() {
			fmt.Fprintf(p.stderr, "The realm %s does not let applications register themselves, so the token is of no use yet.\n", site.Realm.Name)
		}
		if c.JSON {
			return p.printJSON(map[string]any{"registration_token": token, "registration_endpoint": site.Issuer + "/oauth/register"})
		}
		_, err = fmt.Fprintln(p.stdout, token)
		return err
	})
}
