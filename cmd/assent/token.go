package main

import (
	"fmt"
	"time"

	"github.com/assent-id/assent/sdk/assent"
)

type tokenCmd struct {
	Scope    string   `help:"Scopes, separated by spaces. Default: the application's." placeholder:"SCOPES"`
	Resource []string `help:"API that the token is for; may be repeated. Default: the application's." placeholder:"URI" sep:"none"`
	JSON     bool     `name:"json" help:"Print the token with its scope and expiry as JSON."`
	clientFlags
}

// Help is printed below the flags.
func (tokenCmd) Help() string {
	return `For use with other tools: curl -H "Authorization: Bearer $(assent token --profile service.json)" https://api.example

The token is for the application itself (client_credentials). It is a secret until it expires.`
}

type tokenReport struct {
	AccessToken string    `json:"access_token"`
	TokenType   string    `json:"token_type"`
	Scope       string    `json:"scope,omitempty"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
}

// Run prints a token.
func (c *tokenCmd) Run(p *program) error {
	pr, note, err := c.config(p)
	if err != nil {
		return err
	}
	if note != "" {
		fmt.Fprintln(p.stderr, note)
	}
	client, err := assent.NewClient(p.ctx, pr.client())
	if err != nil {
		return p.interrupted(err)
	}
	t, err := client.Token(p.ctx, assent.TokenRequest{Scope: c.Scope, Resource: c.Resource})
	if err != nil {
		return p.interrupted(err)
	}
	if c.JSON {
		return p.printJSON(tokenReport{AccessToken: t.Token, TokenType: t.Type, Scope: t.Scope, ExpiresAt: t.ExpiresAt.UTC()})
	}
	_, err = fmt.Fprintln(p.stdout, t.Token)
	return err
}
