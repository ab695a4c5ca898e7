package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/signin"
)

type identityPasswordCmd struct {
	Identity string `arg:"" help:"Username, e-mail address or identity id."`
	Stdin    bool   `help:"Read the password from the first line of standard input. Otherwise one is made and printed."`
	Remove   bool   `help:"Take the password away."`
	realmFlag
	storeFlags
}

// Run sets the password. There is no flag for the password itself: command lines
// are seen by others and kept in histories.
func (c *identityPasswordCmd) Run(p *program) error {
	if c.Stdin && c.Remove {
		return usage("give --stdin or --remove, not both")
	}
	given := ""
	if c.Stdin {
		var err error
		if given, err = readLine(p.stdin); err != nil {
			return fmt.Errorf("read the password from standard input: %w", err)
		}
	}
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, identity, err := findIdentity(ctx, s, c.Realm, c.Identity)
		if err != nil {
			return err
		}
		n := signin.NewPassword{IdentityID: identity.ID, Password: given, Actor: operator}
		if c.Remove {
			return c.remove(p, s.SignIn.RemovePassword(ctx, site, n), identity)
		}
		set, err := s.SignIn.SetPassword(ctx, site, n)
		if err != nil {
			return err
		}
		return c.print(p, site, identity, set)
	})
}

// readLine reads one line that is not empty.
func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	if line = trimLine(line); line == "" {
		return "", errors.New("the first line is empty")
	}
	return line, nil
}

func (c *identityPasswordCmd) remove(p *program, err error, identity model.Identity) error {
	if errors.Is(err, model.ErrNotFound) {
		return fmt.Errorf("%s has no password", identity.DisplayName)
	}
	if err != nil {
		return err
	}
	return c.said(p, string(identity.ID), "password removed", identity.DisplayName+" has no password any more, and the sessions that it opened are over")
}

func (c *identityPasswordCmd) print(p *program, site *model.Site, identity model.Identity, set string) error {
	if c.JSON {
		out := map[string]any{"id": identity.ID, "passwords": site.Realm.Policy.Passwords}
		if !c.Stdin {
			out["password"] = set
		}
		return p.printJSON(out)
	}
	if c.Stdin {
		fmt.Fprintf(p.stdout, "%s has a new password.\n", identity.DisplayName)
	} else {
		fmt.Fprintf(p.stdout, "password  %s\n\nIt is shown this once.\n", set)
	}
	if !site.Realm.Policy.Passwords {
		fmt.Fprintf(p.stdout, "Passwords are off in this realm: nobody can sign in with one until its policy says `passwords: true` (assent realm policy).\n")
	}
	return nil
}
