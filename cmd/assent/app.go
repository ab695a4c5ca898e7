package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

type appCmd struct {
	Create       appCreateCmd       `cmd:"" help:"Register an application."`
	List         appListCmd         `cmd:"" help:"List the applications of a realm."`
	Apply        appApplyCmd        `cmd:"" help:"Make the applications of a file those of a realm."`
	Freeze       appFreezeCmd       `cmd:"" help:"Stop an application: no token, no question; its tokens are dead."`
	Thaw         appThawCmd         `cmd:"" help:"Let a frozen application work again."`
	RevokeTokens appRevokeTokensCmd `cmd:"" help:"Make every token dead that an application has by now."`
}

type appCreateCmd struct {
	Name     string   `required:"true" help:"What people read when it asks."`
	Kind     string   `required:"true" help:"What it is: ${enum}." enum:"service,agent,web,spa,native"`
	Auth     string   `required:"true" help:"How it authenticates: ${enum}. What a certificate must say for tls_client_auth stands in --settings." enum:"client_secret_basic,client_secret_post,private_key_jwt,tls_client_auth,self_signed_tls_client_auth,none"`
	JWKS     string   `name:"jwks" help:"Its public keys, for private_key_jwt, or its certificates, for self_signed_tls_client_auth." placeholder:"FILE" type:"path"`
	NewKey   string   `help:"Make its key here, for private_key_jwt, and write a profile for assent approve --profile." placeholder:"FILE" type:"path"`
	Owner    string   `help:"The person for whom an agent acts." placeholder:"LOGIN"`
	Scope    string   `help:"Scopes that it may have, separated by spaces."`
	Grant    []string `help:"Grant types: client_credentials, ciba, ...; may be repeated. Default: what fits the kind." sep:","`
	Resource []string `help:"APIs that its tokens are for; the first is the default; may be repeated." placeholder:"URI" sep:"none"`
	Settings string   `help:"Its other switches and addresses, as JSON: redirect_uris, profile, tls_client_auth_subject_dn and so on." placeholder:"FILE" type:"path"`
	TokenAlg string   `help:"Signature of its access tokens: ${enum}." enum:"ES256,EdDSA,RS256" default:"ES256"`
	realmFlag
	storeFlags
}

// grantTypes are the names of grants that people type.
var grantTypes = map[string]string{
	"ciba": oauth.GrantCIBA,
}

// Run registers the application and prints its secret, if it has one: nobody
// can read it again.
func (c *appCreateCmd) Run(p *program) error {
	private, jwks, err := c.newProfile()
	if err != nil {
		return err
	}
	registered := false
	defer func() {
		if private != nil && !registered {
			_ = os.Remove(c.NewKey) // a profile of nobody
		}
	}()
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		created, site, err := c.register(ctx, s, jwks)
		if err != nil {
			return err
		}
		registered = true
		if private != nil {
			pr := profile{Issuer: site.Issuer, ClientID: string(created.Application.ID), ClientKey: private, Person: c.Owner}
			if err := pr.write(c.NewKey); err != nil {
				return err
			}
		}
		return c.print(p, created)
	})
}

func (c *appCreateCmd) register(ctx context.Context, s *server.Server, jwks []byte) (application.Created, *model.Site, error) {
	site, err := findRealm(ctx, s, c.Realm)
	if err != nil {
		return application.Created{}, nil, err
	}
	n, err := c.application(ctx, s)
	if err != nil {
		return application.Created{}, nil, err
	}
	if jwks != nil {
		n.JWKS = jwks
	}
	created, err := s.Applications.Create(ctx, site, n)
	return created, site, err
}

func (c *appCreateCmd) application(ctx context.Context, s *server.Server) (application.NewApplication, error) {
	n := application.NewApplication{
		Name: c.Name, Kind: model.ApplicationKind(c.Kind), AuthMethod: model.ClientAuthMethod(c.Auth),
		Scopes: strings.Fields(c.Scope), Resources: c.Resource, TokenAlg: c.TokenAlg,
	}
	if c.JWKS != "" {
		text, err := os.ReadFile(c.JWKS)
		if err != nil {
			return n, fmt.Errorf("read the application's keys: %w", err)
		}
		n.JWKS = text
	}
	if err := c.readSettings(&n.Settings); err != nil {
		return n, err
	}
	n.GrantTypes = c.grants(n.Settings.GrantTypes)
	if c.Owner != "" {
		_, owner, err := findIdentity(ctx, s, c.Realm, c.Owner)
		if err != nil {
			return n, err
		}
		n.OwnerID = owner.ID
	}
	return n, nil
}

// readSettings reads the file of settings. A name that means nothing is refused:
// it would be a switch that somebody believes to be set.
func (c *appCreateCmd) readSettings(into *model.ApplicationSettings) error {
	if c.Settings == "" {
		return nil
	}
	text, err := os.ReadFile(c.Settings)
	if err != nil {
		return fmt.Errorf("read the application's settings: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("read the application's settings in %s: %w", c.Settings, err)
	}
	return nil
}

// grants are those that were named, else those of the settings, else what an
// application of this kind commonly uses.
func (c *appCreateCmd) grants(set []string) []string {
	if len(c.Grant) == 0 && set == nil {
		switch model.ApplicationKind(c.Kind) {
		case model.KindAgent:
			return []string{oauth.GrantClientCredentials, oauth.GrantCIBA}
		case model.KindService:
			return []string{oauth.GrantClientCredentials}
		default:
			return []string{oauth.GrantCode, oauth.GrantRefresh}
		}
	}
	if len(c.Grant) == 0 {
		return set
	}
	var list []string
	for _, name := range c.Grant {
		if full, ok := grantTypes[name]; ok {
			name = full
		}
		list = append(list, name)
	}
	return list
}

func (c *appCreateCmd) print(p *program, created application.Created) error {
	if c.JSON {
		out := map[string]any{"client_id": created.Application.ID}
		if created.Secret != "" {
			out["client_secret"] = created.Secret
		}
		if c.NewKey != "" {
			out["profile"] = c.NewKey
		}
		return p.printJSON(out)
	}
	fmt.Fprintf(p.stdout, "client_id      %s\n", created.Application.ID)
	if c.NewKey != "" {
		fmt.Fprintf(p.stdout, "profile        %s\n\nIt holds the private key. Ask with it: assent approve --profile %[1]s MESSAGE\n", shellWords([]string{c.NewKey}))
	}
	if created.Secret != "" {
		fmt.Fprintf(p.stdout, "client_secret  %s\n\nThe secret is shown this once.\n", created.Secret)
	}
	return nil
}
