package main

import (
	"context"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
)

type appListCmd struct {
	realmFlag
	storeFlags
}

type appReport struct {
	ClientID string   `json:"client_id"`
	Name     string   `json:"name"`
	Kind     string   `json:"kind"`
	Auth     string   `json:"auth"`
	Grants   []string `json:"grant_types"`
	Status   string   `json:"status"`
	Owner    string   `json:"owner,omitempty"` // identity id
	// TokensInvalidBefore: tokens that were issued until then are dead.
	TokensInvalidBefore *time.Time `json:"tokens_invalid_before,omitempty"`
}

// Run lists the realm's applications.
func (c *appListCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		apps, err := s.Applications.List(ctx, site)
		if err != nil {
			return err
		}
		reports := make([]appReport, len(apps))
		for i, a := range apps {
			reports[i] = newAppReport(a)
		}
		if c.JSON {
			return p.printJSON(map[string]any{"applications": reports})
		}
		var t table
		for _, r := range reports {
			t.row(r.ClientID, fmt.Sprintf("%-7s %-8s %s", r.Kind, r.Status, r.Name))
		}
		t.print(p.stdout, "")
		return nil
	})
}

func newAppReport(a model.Application) appReport {
	r := appReport{
		ClientID: string(a.ID), Name: a.Name, Kind: string(a.Kind), Auth: string(a.Settings.AuthMethod), Grants: a.Settings.GrantTypes,
		Status: string(a.Status), Owner: string(a.OwnerID),
	}
	if a.TokensInvalidBefore != 0 {
		at := a.TokensInvalidBefore.Time().UTC()
		r.TokensInvalidBefore = &at
	}
	return r
}
