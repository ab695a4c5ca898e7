package main

import (
	"context"
	"fmt"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
)

type keyRotateCmd struct {
	Alg []string `help:"Only keys of this algorithm: ${enum}; may be repeated." enum:"ES256,EdDSA,PS256,RS256"`
	realmFlag
	storeFlags
}

// Run makes new signing keys that sign from now on.
func (c *keyRotateCmd) Run(p *program) error {
	algs := make([]jose.Alg, len(c.Alg))
	for i, a := range c.Alg {
		algs[i] = jose.Alg(a)
	}
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		if err := s.Keys.RotateNow(ctx, site, operator, algs...); err != nil {
			return err
		}
		list, err := s.Keys.List(ctx, site)
		if err != nil {
			return err
		}
		return c.printKeys(p, list)
	})
}

func (c *keyRotateCmd) printKeys(p *program, list []model.SigningKey) error {
	if c.JSON {
		out := make([]map[string]string, len(list))
		for i, k := range list {
			out[i] = map[string]string{"kid": string(k.KID), "alg": k.Alg, "state": string(k.State)}
		}
		return p.printJSON(map[string]any{"keys": out})
	}
	for _, k := range list {
		if _, err := fmt.Fprintf(p.stdout, "%-7s %-8s %s\n", k.Alg, k.State, k.KID); err != nil {
			return err
		}
	}
	return nil
}
