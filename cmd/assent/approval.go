package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/service/standin"
)

type approvalCmd struct {
	Answer approvalAnswerCmd `cmd:"" help:"Answer an approval of a development realm with the software passkey that the server keeps."`
}

type approvalAnswerCmd struct {
	Approval string `arg:"" help:"The approval's id."`
	Decision string `arg:"" help:"${enum}." enum:"approve,deny"`
	realmFlag
	storeFlags
}

// Run answers in the person's place. It signs exactly what the person would be
// shown.
func (c *approvalAnswerCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, err := findRealm(ctx, s, c.Realm)
		if err != nil {
			return err
		}
		var done model.Approval
		if err = model.ErrNotFound; ids.Valid("apr", c.Approval) {
			done, err = s.StandIn.Answer(ctx, site, standin.Answer{Approval: model.ApprovalID(c.Approval), Decision: c.Decision, Actor: operator})
		}
		switch {
		case errors.Is(err, model.ErrNotFound):
			return fmt.Errorf("there is no approval %q in realm %q", c.Approval, c.Realm)
		case errors.Is(err, standin.ErrNoPasskey):
			return fmt.Errorf("%w; make one with: assent identity software-passkey LOGIN", err)
		case err != nil:
			return standInError(err, c.Realm)
		}
		return c.said(p, c.Approval, string(done.State), "The approval is "+string(done.State))
	})
}

func standInError(err error, realm string) error {
	if errors.Is(err, standin.ErrNotDevelopment) {
		return fmt.Errorf("realm %q is not for development: only people answer there", realm)
	}
	return err
}

type identitySoftwarePasskeyCmd struct {
	Identity string `arg:"" help:"Username, e-mail address or identity id."`
	realmFlag
	storeFlags
}

// Run gives the person a passkey that the server keeps.
func (c *identitySoftwarePasskeyCmd) Run(p *program) error {
	return c.operate(p, func(ctx context.Context, s *server.Server) error {
		site, identity, err := findIdentity(ctx, s, c.Realm, c.Identity)
		if err != nil {
			return err
		}
		key, err := s.StandIn.Bind(ctx, site, identity.ID, operator)
		if err != nil {
			return standInError(err, c.Realm)
		}
		return c.said(p, string(key.ID), "bound", "The server keeps the software passkey "+string(key.ID)+" of "+identity.DisplayName+" and can answer with it")
	})
}
