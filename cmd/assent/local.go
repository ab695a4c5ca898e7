package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
)

// Who takes part in demos and in `assent dev`.
const (
	demoUsername  = "demo"
	demoEmail     = "demo@example.com"
	demoName      = "Alex Demo"
	demoAgentName = "Demo agent"
)

// demoPolicy allows what demos need and nothing else may: passkeys in
// software, an agent that may ask anybody, and clients that register themselves.
var demoPolicy = model.RealmPolicy{Development: true, AskAnyone: true,
	Registration: model.RegistrationPolicy{Mode: model.RegistrationOpen}, CIMD: model.DocumentPolicy{Enabled: true}}

// demoTraits have a value for every claim that there is about a person, so that
// clients can be tried with it.
var demoTraits = model.Traits{
	Username: demoUsername, PrimaryEmailAddress: demoEmail, EmailVerified: true,
	GivenName: "Alex", MiddleName: "Sample", FamilyName: "Demo", Nickname: "Lex",
	PrimaryPhone: "+15555550100", PhoneVerified: true, Locale: "en-GB", Zoneinfo: "Europe/London",
	Gender: "unspecified", Birthdate: "1990-01-01", ExternalID: "demo-1",
	Profile: "https://example.com/alex", Picture: "https://example.com/alex.png", Website: "https://alex.example.com",
}

// ensureDemoPerson finds the demo person, or adds them.
func ensureDemoPerson(ctx context.Context, s *server.Server, site *model.Site) (model.Identity, error) {
	identity, err := s.Directory.Find(ctx, site, demoUsername)
	if !errors.Is(err, model.ErrNotFound) {
		return identity, err
	}
	return s.Directory.CreateIdentity(ctx, site, directory.NewIdentity{DisplayName: demoName, Traits: demoTraits})
}

// createDemoAgent registers an agent of this owner with a new key of its own
// and returns its way in.
func createDemoAgent(ctx context.Context, s *server.Server, site *model.Site, owner model.Identity) (profile, error) {
	private, jwks, err := newClientKey()
	if err != nil {
		return profile{}, err
	}
	created, err := s.Applications.Create(ctx, site, application.NewApplication{
		Name: demoAgentName, Kind: model.KindAgent, AuthMethod: model.AuthPrivateKeyJWT,
		JWKS: jwks, OwnerID: owner.ID, GrantTypes: []string{grantTypes["ciba"]},
	})
	if err != nil {
		return profile{}, fmt.Errorf("register the demo agent: %w", err)
	}
	return profile{
		Issuer: site.Issuer, ClientID: string(created.Application.ID), ClientKey: private, Person: demoUsername,
	}, nil
}
