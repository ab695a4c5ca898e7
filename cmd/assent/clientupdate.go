package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/application"
)

// clientUpdateCmd has pointers where nothing is something to say.
type clientUpdateCmd struct {
	Name           string         `help:"What it is called."`
	Description    *string        `help:"What it is for."`
	Scope          []string       `help:"Scopes that it may ask for too, separated by spaces or commas; may be repeated." sep:","`
	RemoveScope    []string       `help:"Scopes that it may ask for no more; may be repeated." placeholder:"SCOPE" sep:","`
	Resource       []string       `help:"APIs that its tokens are for too; may be repeated." placeholder:"URI" sep:"none"`
	RemoveResource []string       `help:"APIs that its tokens are for no more; may be repeated." placeholder:"URI" sep:"none"`
	MayAsk         *bool          `negatable:"" help:"It may, or may not any more, ask people to approve something (CIBA)."`
	JWKSURI        string         `name:"jwks-uri" help:"Where its public keys are now, if they are at an address." placeholder:"URL"`
	Lifetime       *time.Duration `help:"How long its access tokens live, at least 10s. 0s: 5m." placeholder:"DURATION"`
	serviceClientFlags
}

// Run changes the client and shows it.
func (c *clientUpdateCmd) Run(p *program) error {
	return c.change(p, func(ctx context.Context, s *server.Server, site *model.Site) error {
		was, err := s.Applications.ReadServiceClient(ctx, site, model.ClientID(c.ClientID))
		if err != nil {
			return err
		}
		edit := application.EditOf(&was)
		if err := c.put(&edit); err != nil {
			return err
		}
		edit.Actor = operator
		done, err := s.Applications.UpdateServiceClient(ctx, site, was, edit)
		if err != nil {
			return err
		}
		return c.show(p, done)
	})
}

// put says what the flags say.
func (c *clientUpdateCmd) put(e *application.ServiceClientEdit) (err error) {
	if c.Name != "" {
		e.Name = c.Name
	}
	if c.Description != nil {
		e.Description = *c.Description
	}
	if c.JWKSURI != "" {
		e.JWKSURI = c.JWKSURI
	}
	if c.MayAsk != nil {
		e.MayAsk = *c.MayAsk
	}
	if c.Lifetime != nil {
		if e.TokenLifetime, err = seconds("--lifetime", *c.Lifetime); err != nil {
			return err
		}
	}
	if e.Scopes, err = listed(e.Scopes, words(c.Scope), words(c.RemoveScope)); err != nil {
		return err
	}
	e.Resources, err = listed(e.Resources, c.Resource, c.RemoveResource)
	return err
}

// listed is a list with some more and some less. What is to go must be there: it
// would be a word that somebody mistyped.
func listed(list, more, less []string) ([]string, error) {
	out := slices.Clone(list)
	for _, one := range less {
		if !has(out, one) {
			return nil, fmt.Errorf("it does not have %q", one)
		}
		out = without(out, one)
	}
	for _, one := range more {
		if !has(out, one) {
			out = append(out, one)
		}
	}
	return out, nil
}
