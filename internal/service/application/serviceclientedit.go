package application

import (
	"context"
	"fmt"
	"slices"

	"github.com/assent-id/assent/internal/model"
)

// minServiceToken is the shortest life of a token: clocks differ. It is that of
// resource servers.
const minServiceToken = 10 // seconds

// grantsOf are the grant types of a service client.
func grantsOf(mayAsk bool) []string {
	if mayAsk {
		return []string{grantCredentials, grantCIBA}
	}
	return []string{grantCredentials}
}

// MayAsk reports whether a client may ask people to approve something.
func MayAsk(a *model.Application) bool { return a.Settings.Allows(grantCIBA) }

// A ServiceClientEdit is what a service client becomes.
type ServiceClientEdit struct {
	Name          string
	Description   string
	Scopes        []string
	Resources     []string
	TokenLifetime int // seconds; 0: 300
	MayAsk        bool
	JWKSURI       string
	// Status is what its status becomes; empty: it stays.
	Status model.ApplicationStatus
	Actor  string
}

// EditOf is what leaves a service client as it is.
func EditOf(a *model.Application) ServiceClientEdit {
	s := &a.Settings
	return ServiceClientEdit{Name: a.Name, Description: s.Description, Scopes: s.Scopes, Resources: s.Resources, TokenLifetime: s.TokenLifetime,
		MayAsk: MayAsk(a), JWKSURI: s.JWKSURI}
}

// UpdateServiceClient makes a service client, in the version that was read, what is
// said of it: ErrInvalid, ErrChanged.
func (s *Service) UpdateServiceClient(ctx context.Context, site *model.Site, was model.Application, e ServiceClientEdit) (model.Application, error) {
	next := was.Settings
	next.Description, next.Scopes, next.Resources, next.TokenLifetime, next.JWKSURI = e.Description, e.Scopes, e.Resources, e.TokenLifetime, e.JWKSURI
	next.GrantTypes = regranted(was.Settings.GrantTypes, e.MayAsk)
	if err := s.checkServiceClient(site, &next, &was.Settings); err != nil {
		return model.Application{}, err
	}
	done, err := s.Put(ctx, site, Put{Version: was.Version, Made: true, Status: e.Status, Actor: e.Actor, Static: Static{
		ID: was.ID, Name: e.Name, Kind: was.Kind, OwnerID: was.OwnerID, JWKS: keySetOf(was.Keys), Settings: next}})
	return done.Application, err
}

// regranted keeps grant types that somebody gave a client elsewhere.
func regranted(was []string, mayAsk bool) []string {
	list := slices.DeleteFunc(slices.Clone(was), func(g string) bool { return g == grantCIBA && !mayAsk })
	if mayAsk && !slices.Contains(list, grantCIBA) {
		list = append(list, grantCIBA)
	}
	return list
}

// checkServiceClient refuses what could never work, where it is said. What stood
// there before is not held against another change.
func (s *Service) checkServiceClient(site *model.Site, next, was *model.ApplicationSettings) error {
	if err := checkServiceScopes(site, next, was); err != nil {
		return err
	}
	for _, r := range next.Resources {
		if fault := model.ResourceFault(r); fault != "" && !slices.Contains(was.Resources, r) && !model.SameResource(r, site.Issuer) {
			return fmt.Errorf("%w: a resource %s", ErrInvalid, fault)
		}
	}
	if uri := next.JWKSURI; uri != "" && uri != was.JWKSURI && !s.reaches(site, uri) {
		return fmt.Errorf("%w: jwks_uri is an https URL", ErrInvalid)
	}
	if l := next.TokenLifetime; l != 0 && l < minServiceToken && l != was.TokenLifetime {
		return fmt.Errorf("%w: an access token lives at least %d seconds", ErrInvalid, minServiceToken)
	}
	return nil
}

// reaches reports whether a key set can be fetched: over TLS, from where this server
// is told to fetch, or, in development, from this machine.
func (s *Service) reaches(site *model.Site, uri string) bool {
	u, fault := plainURI(uri)
	switch {
	case fault != "" || u.Hostname() == "":
		return false
	case u.Scheme == "https":
		return true
	default:
		return u.Scheme == "http" && site.Realm.Policy.Development && onLoopback(u.Hostname()) || s.cfg.Fetch != nil && s.cfg.Fetch.Allows(uri)
	}
}

// checkServiceScopes: nobody signs in at a service client, so what concerns a person
// comes to it by asking one, or never.
func checkServiceScopes(site *model.Site, next, was *model.ApplicationSettings) error {
	if next.Allows(grantCIBA) {
		return nil
	}
	for _, scope := range next.Scopes {
		if slices.Contains(was.Scopes, scope) && !was.Allows(grantCIBA) {
			continue
		}
		if scope == "address" || slices.Contains(personScopes, scope) {
			return fmt.Errorf("%w: scope %s is about a person, and nobody signs in at a service client; one that may ask people (may_ask) can have it", ErrInvalid, scope)
		}
		if byApprovalAlone(site, next.Resources, scope) {
			return fmt.Errorf("%w: a person approves each use of scope %s, so it comes only to a client that may ask people (may_ask)", ErrInvalid, scope)
		}
	}
	return nil
}

// byApprovalAlone reports whether a scope is given by an approval alone, at every one
// of the resources: none has an ordinary scope of that name.
func byApprovalAlone(site *model.Site, resources []string, scope string) bool {
	marked := false
	for _, r := range site.Realm.Policy.Resources {
		switch {
		case slices.Contains(r.ApprovalScopes, scope):
			marked = true
		case slices.Contains(r.Scopes, scope) && slices.ContainsFunc(resources, func(mine string) bool { return model.SameResource(mine, r.Resource) }):
			return false
		}
	}
	return marked
}
