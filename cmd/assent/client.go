package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/application"
)

type clientCmd struct {
	Create       clientCreateCmd       `cmd:"" help:"Register a service client, with a key that is made here unless it brings its own."`
	List         clientListCmd         `cmd:"" help:"List the service clients of a realm."`
	Show         clientShowCmd         `cmd:"" help:"Show a service client, its keys and when each was last used, as noted once a minute."`
	Update       clientUpdateCmd       `cmd:"" help:"Change a service client. What is not named stays."`
	Rotate       clientRotateCmd       `cmd:"" help:"Give a service client a new key; the one before still works for a while."`
	RetireKey    clientRetireKeyCmd    `cmd:"" help:"Refuse a key from now on."`
	RevokeTokens clientRevokeTokensCmd `cmd:"" help:"Make every token dead that a service client has by now."`
	Freeze       clientFreezeCmd       `cmd:"" help:"Stop a service client: no token, and its tokens are dead."`
	Thaw         clientThawCmd         `cmd:"" help:"Let a frozen service client work again."`
	Delete       clientDeleteCmd       `cmd:"" help:"Remove a service client with its keys."`
}

// serviceClientFlags name a service client.
type serviceClientFlags struct {
	ClientID string `arg:"" name:"client-id" help:"Its client id; assent client list shows it."`
	realmFlag
	storeFlags
}

// change does something with the service client, if there is one of that id.
func (c *serviceClientFlags) change(p *program, do func(context.Context, *server.Server, *model.Site) error) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		if _, err = s.Applications.ReadServiceClient(ctx, site, model.ClientID(c.ClientID)); errors.Is(err, model.ErrNotFound) {
			return fmt.Errorf("there is no service client %q in realm %q", c.ClientID, c.Realm)
		}
		if err != nil {
			return err
		}
		return unprefixed(do(ctx, s, site))
	})
}

// unprefixed leaves out what class of error it is: the command says what it is about.
func unprefixed(err error) error {
	if !errors.Is(err, application.ErrInvalid) {
		return err
	}
	text := strings.TrimPrefix(err.Error(), application.ErrInvalid.Error()+": ")
	return errors.New(strings.ReplaceAll(text, "(may_ask)", "(--may-ask)"))
}

// seconds is a time of the command line in whole seconds.
func seconds(flag string, d time.Duration) (int, error) {
	if d < 0 || d%time.Second != 0 {
		return 0, usage(flag + " is in whole seconds, such as 5m or 90s")
	}
	return int(d / time.Second), nil
}

// keyFlags say which key a service client gets, and where the private half goes.
type keyFlags struct {
	Alg string `help:"What the key that is made signs with: ES256 (the default) or EdDSA." placeholder:"ALG"`
	JWK string `name:"jwk" help:"Its public key, as a JWK, in place of one that is made here." placeholder:"FILE" type:"path"`
	Out string `help:"Write the private key to this new file instead of printing it." placeholder:"FILE" type:"path"`
}

// own reads the public key that was brought, and takes the file for the one that is
// made before anything is changed.
func (f keyFlags) own(elsewhere bool) (jwk []byte, err error) {
	switch {
	case f.JWK != "" && f.Alg != "":
		return nil, usage("--alg is for a key that is made here, and --jwk brings one")
	case (f.JWK != "" || elsewhere) && f.Out != "":
		return nil, usage("--out is for a key that is made here")
	case f.JWK != "":
		if jwk, err = os.ReadFile(f.JWK); err != nil {
			return nil, fmt.Errorf("read the client's key: %w", err)
		}
	case f.Out != "":
		err = newSecretFile(f.Out, nil)
	}
	return jwk, err
}

// drop takes the file away again if no key was written to it. One that was is the
// only place where that key is.
func (f keyFlags) drop() {
	if f.Out == "" {
		return
	}
	if info, err := os.Stat(f.Out); err == nil && info.Size() == 0 {
		_ = os.Remove(f.Out)
	}
}

type clientCreateCmd struct {
	Name        string        `required:"true" help:"What it is called."`
	Description string        `help:"What it is for."`
	Scope       []string      `help:"Scopes that it may ask for, separated by spaces or commas; may be repeated." sep:","`
	Resource    []string      `help:"APIs that its tokens are for; the first is the default; may be repeated." placeholder:"URI" sep:"none"`
	MayAsk      bool          `help:"It may ask people to approve something (CIBA): scopes that need an approval each time come by that alone."`
	JWKSURI     string        `name:"jwks-uri" help:"Where its public keys are, an https URL, in place of keys here." placeholder:"URL"`
	Lifetime    time.Duration `help:"How long its access tokens live, at least 10s. Default: 5m." placeholder:"DURATION"`
	keyFlags
	realmFlag
	storeFlags
}

// Run registers the client and prints its private key, if one was made: nobody can
// read it again.
func (c *clientCreateCmd) Run(p *program) error {
	lifetime, err := seconds("--lifetime", c.Lifetime)
	if err != nil {
		return err
	}
	jwk, err := c.own(c.JWKSURI != "")
	if err != nil {
		return err
	}
	defer c.drop()
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		made, err := s.Applications.CreateServiceClient(ctx, site, application.NewServiceClient{Name: c.Name, Description: c.Description, Scopes: words(c.Scope),
			Resources: c.Resource, MayAsk: c.MayAsk, TokenLifetime: lifetime, KeyAlg: c.Alg, JWK: jwk, JWKSURI: c.JWKSURI, Actor: operator})
		if err != nil {
			return unprefixed(err)
		}
		return c.tell(p, site, made, c.JSON)
	})
}

// words are those of all lists of words.
func words(lists []string) []string { return strings.Fields(strings.Join(lists, " ")) }

type clientRotateCmd struct {
	RetireAfter time.Duration `help:"How long the key before still works, in whole seconds, at most 720h. 0s: not at all." default:"24h"`
	keyFlags
	serviceClientFlags
}

// Run rotates the client's keys and prints the new private key, if one was made.
func (c *clientRotateCmd) Run(p *program) error {
	if c.RetireAfter < 0 || c.RetireAfter > application.MaxRetireAfter || c.RetireAfter%time.Second != 0 {
		return usage("--retire-after is in whole seconds, from 0s to 720h")
	}
	jwk, err := c.own(false)
	if err != nil {
		return err
	}
	defer c.drop()
	return c.change(p, func(ctx context.Context, s *server.Server, site *model.Site) error {
		done, err := s.Applications.RotateKeys(ctx, site, application.Rotation{ID: model.ClientID(c.ClientID), RetireAfter: c.RetireAfter, KeyAlg: c.Alg, JWK: jwk, Actor: operator})
		if err != nil {
			return err
		}
		return c.tell(p, site, done, c.JSON)
	})
}

type clientRetireKeyCmd struct {
	serviceClientFlags
	KeyID string `arg:"" name:"key-id" help:"The key's id; assent client show has it."`
}

// Run refuses the key from now on.
func (c *clientRetireKeyCmd) Run(p *program) error {
	return c.change(p, func(ctx context.Context, s *server.Server, site *model.Site) error {
		_, err := s.Applications.RetireKey(ctx, site, application.KeyEnd{ID: model.ClientID(c.ClientID), KID: model.ClientKeyID(c.KeyID), Actor: operator})
		if errors.Is(err, model.ErrNotFound) {
			return fmt.Errorf("%s has no key %q", c.ClientID, c.KeyID)
		}
		if err != nil {
			return err
		}
		return c.said(p, c.KeyID, string(model.KeyRetired), "Key "+c.KeyID+" is retired: it is refused from now on")
	})
}

type clientRevokeTokensCmd struct{ serviceClientFlags }

// Run kills the client's tokens; it may get new ones.
func (c *clientRevokeTokensCmd) Run(p *program) error {
	return c.change(p, func(ctx context.Context, s *server.Server, site *model.Site) error {
		before, err := s.Applications.RevokeTokens(ctx, site, model.ClientID(c.ClientID), operator)
		if err != nil {
			return err
		}
		return c.revoked(p, c.ClientID, before, "All tokens that "+c.ClientID+" has by now are dead")
	})
}

type clientFreezeCmd struct{ serviceClientFlags }

// Run stops the client.
func (c *clientFreezeCmd) Run(p *program) error {
	return c.set(p, model.ApplicationFrozen, "is frozen: it gets no token, and the tokens that it has are dead")
}

type clientThawCmd struct{ serviceClientFlags }

// Run lets the client work again.
func (c *clientThawCmd) Run(p *program) error {
	return c.set(p, model.ApplicationActive, "is active; tokens from before stay dead")
}

func (c *serviceClientFlags) set(p *program, status model.ApplicationStatus, what string) error {
	return c.change(p, func(ctx context.Context, s *server.Server, site *model.Site) error {
		if err := s.Applications.SetStatus(ctx, site, model.ClientID(c.ClientID), status, operator); err != nil {
			return err
		}
		return c.said(p, c.ClientID, string(status), c.ClientID+" "+what)
	})
}

type clientDeleteCmd struct{ serviceClientFlags }

// Run removes the client.
func (c *clientDeleteCmd) Run(p *program) error {
	return c.change(p, func(ctx context.Context, s *server.Server, site *model.Site) error {
		if err := s.Applications.Delete(ctx, site, model.ClientID(c.ClientID), operator); err != nil {
			return err
		}
		return c.said(p, c.ClientID, "deleted", c.ClientID+" is gone, and its tokens are dead")
	})
}
