package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/realm"
)

type resourceServerCmd struct {
	Create resourceServerCreateCmd `cmd:"" help:"Register an API, so that tokens can be for it."`
	List   resourceServerListCmd   `cmd:"" help:"List the resource servers of a realm."`
	Show   resourceServerShowCmd   `cmd:"" help:"Print a resource server."`
	Update resourceServerUpdateCmd `cmd:"" help:"Change a resource server. What is not named stays."`
	Delete resourceServerDeleteCmd `cmd:"" help:"Take a resource server out of its realm."`
}

// resourceServerFlags are what is said of a resource server; empty: nothing.
type resourceServerFlags struct {
	Name          string         `help:"What people read."`
	Scope         []string       `help:"A scope, and what it lets an application do, in a sentence for people; one that is there stays what it is but for that; may be repeated." placeholder:"NAME=DESCRIPTION" sep:"none"`
	ApprovalScope []string       `help:"A scope that a person approves for each use, through CIBA; may be repeated." placeholder:"NAME[=DESCRIPTION]" sep:"none"`
	DefaultScope  []string       `help:"A scope for clients that registered themselves and name none; may be repeated." placeholder:"NAME[=DESCRIPTION]" sep:"none"`
	Format        string         `help:"How access tokens for it are written: jwt, opaque, or application: as the application has them." enum:",jwt,opaque,application" default:"" placeholder:"FORMAT"`
	Lifetime      *time.Duration `help:"How long access tokens for it live at most, such as 5m; 0: as long as the application's." placeholder:"DURATION"`
	Client        []string       `help:"Client id of an application that acts for it: it may introspect its tokens and follow the revocation feed; may be repeated." placeholder:"ID"`
}

// put says what the flags say. A scope that is there keeps what no flag takes from it.
func (f *resourceServerFlags) put(p *model.ResourcePolicy) error {
	if f.Name != "" {
		p.Name = f.Name
	}
	if f.Format != "" {
		p.TokenFormat = model.TokenFormat(strings.TrimPrefix(f.Format, "application"))
	}
	if f.Lifetime != nil {
		if *f.Lifetime%time.Second != 0 || *f.Lifetime < 0 {
			return usage("--lifetime is in whole seconds, such as 90s or 5m")
		}
		p.TokenLifetime = int(*f.Lifetime / time.Second)
	}
	for _, id := range f.Client {
		p.Clients = append(without(p.Clients, model.ClientID(id)), model.ClientID(id))
	}
	f.putScopes(p)
	return nil
}

func (f *resourceServerFlags) putScopes(p *model.ResourcePolicy) {
	for _, list := range [][]string{f.Scope, f.ApprovalScope, f.DefaultScope} {
		for _, text := range list {
			name, about, told := strings.Cut(text, "=")
			if !has(p.Scopes, name) {
				p.Scopes = append(p.Scopes, name)
			}
			if told {
				describeScope(p, name, about)
			}
		}
	}
	p.ApprovalScopes = marked(p.ApprovalScopes, f.ApprovalScope)
	p.DefaultScopes = marked(p.DefaultScopes, f.DefaultScope)
}

func describeScope(p *model.ResourcePolicy, name, about string) {
	if p.ScopeTexts == nil {
		p.ScopeTexts = map[string]string{}
	}
	p.ScopeTexts[name] = about
	if about == "" {
		delete(p.ScopeTexts, name)
	}
}

// marked is a list of scopes with those of flags NAME or NAME=DESCRIPTION, in a list
// of its own.
func marked(list, flags []string) []string {
	list = without(list, "")
	for _, text := range flags {
		if name, _, _ := strings.Cut(text, "="); !has(list, name) {
			list = append(list, name)
		}
	}
	return list
}

type resourceServerCreateCmd struct {
	Identifier string `required:"true" help:"The audience of tokens for it: an https URI, an http URI of this machine, or a urn. It cannot be changed." placeholder:"URI"`
	resourceServerFlags
	realmFlag
	storeFlags
}

// Run registers the API and prints it.
func (c *resourceServerCreateCmd) Run(p *program) error {
	n := model.ResourcePolicy{Resource: c.Identifier}
	if err := c.put(&n); err != nil {
		return err
	}
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		made, err := s.Realms.CreateResourceServer(ctx, site.Realm.ID, n, operator)
		if err != nil {
			return plainly(err)
		}
		return printResourceServer(p, made, c.JSON)
	})
}

// resourceServerArg names one.
type resourceServerArg struct {
	Server string `arg:"" help:"Its identifier, or its id." placeholder:"URI|ID"`
	realmFlag
	storeFlags
}

// found does something with the resource server that is named.
func (a *resourceServerArg) found(p *program, do func(context.Context, *server.Server, *model.Site, model.ResourcePolicy) error) error {
	return a.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, a.Realm)
		if err != nil {
			return err
		}
		list, err := s.Realms.ResourceServers(ctx, site.Realm.ID)
		if err != nil {
			return err
		}
		for _, one := range list {
			if string(one.ID) == a.Server || model.SameResource(one.Resource, a.Server) {
				return do(ctx, s, site, one)
			}
		}
		return fmt.Errorf("the realm has no resource server %q; see: assent resource-server list", a.Server)
	})
}

type resourceServerShowCmd struct{ resourceServerArg }

// Run prints a resource server.
func (c *resourceServerShowCmd) Run(p *program) error {
	return c.found(p, func(_ context.Context, _ *server.Server, _ *model.Site, one model.ResourcePolicy) error {
		return printResourceServer(p, one, c.JSON)
	})
}

type resourceServerUpdateCmd struct {
	resourceServerArg
	resourceServerFlags
	RemoveScope  []string `help:"A scope that it has no more; may be repeated." placeholder:"NAME" sep:"none"`
	NoApproval   []string `help:"A scope that needs no approval any more; may be repeated." placeholder:"NAME" sep:"none"`
	NoDefault    []string `help:"A scope that is no default any more; may be repeated." placeholder:"NAME" sep:"none"`
	RemoveClient []string `help:"Client id of an application that acts for it no more; may be repeated." placeholder:"ID"`
}

// Run changes a resource server and prints it.
func (c *resourceServerUpdateCmd) Run(p *program) error {
	return c.found(p, func(ctx context.Context, s *server.Server, site *model.Site, one model.ResourcePolicy) error {
		changed, err := s.Realms.UpdateResourceServer(ctx, site.Realm.ID, realm.ResourceRef{ID: one.ID, Actor: operator}, c.change)
		if err != nil {
			return plainly(err)
		}
		return printResourceServer(p, changed, c.JSON)
	})
}

func (c *resourceServerUpdateCmd) change(r *model.ResourcePolicy) error {
	for _, name := range c.RemoveScope {
		if !has(r.Scopes, name) {
			return fmt.Errorf("it has no scope %q", name)
		}
		r.Scopes, r.DefaultScopes, r.ApprovalScopes = without(r.Scopes, name), without(r.DefaultScopes, name), without(r.ApprovalScopes, name)
		delete(r.ScopeTexts, name)
	}
	var err error
	if r.ApprovalScopes, err = unmarked(r.ApprovalScopes, c.NoApproval, "is given without an approval already"); err != nil {
		return err
	}
	if r.DefaultScopes, err = unmarked(r.DefaultScopes, c.NoDefault, "is no default"); err != nil {
		return err
	}
	for _, id := range c.RemoveClient {
		if !has(r.Clients, model.ClientID(id)) {
			return fmt.Errorf("%q does not act for it", id)
		}
		r.Clients = without(r.Clients, model.ClientID(id))
	}
	return c.put(r)
}

// unmarked is a list of scopes without some of them, which must be there.
func unmarked(list, names []string, otherwise string) ([]string, error) {
	for _, name := range names {
		if !has(list, name) {
			return nil, fmt.Errorf("scope %q %s", name, otherwise)
		}
		list = without(list, name)
	}
	return list, nil
}

type resourceServerDeleteCmd struct{ resourceServerArg }

// Run takes a resource server out of its realm.
func (c *resourceServerDeleteCmd) Run(p *program) error {
	return c.found(p, func(ctx context.Context, s *server.Server, site *model.Site, one model.ResourcePolicy) error {
		if err := s.Realms.DeleteResourceServer(ctx, site.Realm.ID, realm.ResourceRef{ID: one.ID, Actor: operator}); err != nil {
			return plainly(err)
		}
		if c.JSON {
			return p.printJSON(map[string]string{"deleted": string(one.ID)})
		}
		_, err := fmt.Fprintf(p.stdout, "%s is no resource server of the realm any more. Applications that name it among their resources still do.\n", one.Resource)
		return err
	})
}

// plainly is an error in words for the person at the terminal.
func plainly(err error) error {
	if e, ok := errors.AsType[*realm.ResourceError](err); ok {
		return errors.New(e.Reason)
	}
	if errors.Is(err, realm.ErrHasRoles) {
		return errors.New("people have roles at this resource server: delete those first")
	}
	if errors.Is(err, realm.ErrHasClients) {
		return fmt.Errorf("%w: take the scope, or the resource server, from them first", err)
	}
	return err
}
