package main

import (
	"context"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
)

type identityShowCmd struct{ identityFlags }

type identityReport struct {
	ID          string          `json:"id"`
	Username    string          `json:"username"`
	DisplayName string          `json:"display_name"`
	Email       string          `json:"email,omitempty"`
	Status      string          `json:"status"`
	Passkeys    []passkeyReport `json:"passkeys"`
}

type passkeyReport struct {
	ID         string     `json:"id"`
	Name       string     `json:"name,omitempty"`
	BoundAt    time.Time  `json:"bound_at"`
	LastUsedAt *time.Time `json:"last_used_at,omitempty"`
}

// Run shows a person and the passkeys with which they can sign in.
func (c *identityShowCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, identity, err := findIdentity(ctx, s, c.Realm, c.Identity)
		if err != nil {
			return err
		}
		passkeys, err := s.Directory.Passkeys(ctx, site, identity.ID)
		if err != nil {
			return err
		}
		report := newIdentityReport(identity, passkeys)
		if c.JSON {
			return p.printJSON(report)
		}
		report.print(p)
		return nil
	})
}

func newIdentityReport(identity model.Identity, passkeys []model.Passkey) identityReport {
	r := identityReport{
		ID: string(identity.ID), Username: identity.Traits.Username, DisplayName: identity.DisplayName,
		Email: identity.Traits.PrimaryEmailAddress, Status: string(identity.Status), Passkeys: []passkeyReport{},
	}
	for _, k := range passkeys {
		one := passkeyReport{ID: string(k.ID), Name: k.Name, BoundAt: k.CreatedAt.Time().UTC()}
		if k.LastUsedAt != 0 {
			used := k.LastUsedAt.Time().UTC()
			one.LastUsedAt = &used
		}
		r.Passkeys = append(r.Passkeys, one)
	}
	return r
}

func (r identityReport) print(p *program) {
	var t table
	t.row("id", r.ID)
	t.row("username", r.Username)
	t.row("name", r.DisplayName)
	t.row("e-mail", r.Email)
	t.row("status", r.Status)
	for _, k := range r.Passkeys {
		used := "never used"
		if k.LastUsedAt != nil {
			used = "last used " + stamp(k.LastUsedAt.Unix())
		}
		t.row("passkey", fmt.Sprintf("%s  bound %s, %s  %s", k.ID, stamp(k.BoundAt.Unix()), used, k.Name))
	}
	if len(r.Passkeys) == 0 {
		t.row("passkey", "none")
	}
	t.print(p.stdout, "")
}
