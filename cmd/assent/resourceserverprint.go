package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
)

type resourceServerListCmd struct {
	realmFlag
	storeFlags
}

// Run lists the resource servers of a realm.
func (c *resourceServerListCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		list, err := s.Realms.ResourceServers(ctx, site.Realm.ID)
		if err != nil {
			return err
		}
		if c.JSON {
			reports := make([]resourceServerReport, len(list))
			for i := range list {
				reports[i] = newResourceServerReport(list[i])
			}
			return p.printJSON(map[string]any{"resource_servers": reports})
		}
		var t table
		for _, r := range list {
			t.row(string(r.ID), strings.TrimSpace(r.Resource+"  "+r.Name))
		}
		t.print(p.stdout, "")
		return p.sayIfEmpty(len(list), "There are no resource servers in this realm.")
	})
}

// A resourceServerReport is a resource server as the management API shows it.
type resourceServerReport struct {
	ID          string                `json:"id"`
	Identifier  string                `json:"identifier"`
	DisplayName string                `json:"display_name"`
	Scopes      []resourceScopeReport `json:"scopes"`
	Format      string                `json:"access_token_format"`
	Lifetime    int                   `json:"access_token_lifetime"` // seconds
	Clients     []model.ClientID      `json:"clients"`
	CreateTime  time.Time             `json:"create_time"`
	UpdateTime  time.Time             `json:"update_time"`
	Version     int64                 `json:"version"`
}

type resourceScopeReport struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Default     bool   `json:"default"`
	Approval    bool   `json:"approval"`
}

func newResourceServerReport(p model.ResourcePolicy) resourceServerReport {
	r := resourceServerReport{ID: string(p.ID), Identifier: p.Resource, DisplayName: p.Name, Scopes: make([]resourceScopeReport, len(p.Scopes)),
		Format: string(p.TokenFormat), Lifetime: p.TokenLifetime, Clients: append([]model.ClientID{}, p.Clients...),
		CreateTime: p.CreatedAt.Time().UTC(), UpdateTime: p.UpdatedAt.Time().UTC(), Version: p.Version}
	for i, s := range p.Scopes {
		r.Scopes[i] = resourceScopeReport{s, p.ScopeTexts[s], has(p.DefaultScopes, s), has(p.ApprovalScopes, s)}
	}
	return r
}

func printResourceServer(p *program, one model.ResourcePolicy, asJSON bool) error {
	r := newResourceServerReport(one)
	if asJSON {
		return p.printJSON(map[string]any{"resource_server": r})
	}
	var t table
	t.row("id", r.ID)
	t.row("identifier", r.Identifier)
	t.row("name", r.DisplayName)
	for _, s := range r.Scopes {
		t.row("scope", s.line())
	}
	t.row("format", formatWords[one.TokenFormat])
	if r.Lifetime > 0 {
		t.row("lifetime", "at most "+(time.Duration(r.Lifetime)*time.Second).String())
	} else {
		t.row("lifetime", "as the application has it")
	}
	for _, id := range r.Clients {
		t.row("client", string(id))
	}
	t.row("version", fmt.Sprint(r.Version))
	t.print(p.stdout, "")
	return nil
}

var formatWords = map[model.TokenFormat]string{"": "as the application has it", model.TokenJWT: "jwt", model.TokenOpaque: "opaque"}

// line is a scope on a line of its own.
func (s resourceScopeReport) line() string {
	words := []string{s.Name}
	if s.Default {
		words = append(words, "(by default)")
	}
	if s.Approval {
		words = append(words, "(approved each time)")
	}
	if s.Description != "" {
		words = append(words, s.Description)
	}
	return strings.Join(words, " ")
}

func has[T comparable](list []T, one T) bool { return slices.Contains(list, one) }

// without is a list of its own that the one is not in.
func without[T comparable](list []T, one T) []T {
	return slices.DeleteFunc(slices.Clone(list), func(x T) bool { return x == one })
}
