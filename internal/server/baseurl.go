package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
)

// UnclaimedBaseURL is what a database that belongs to no base URL yet is opened
// with when none is given.
const UnclaimedBaseURL = "http://localhost:8420"

// settleBaseURL takes the base URL from the database where none was given, and
// claims the database for the one that was. Who leaves the default realm alone
// works under a base URL of their own, and claims nothing.
func (s *Server) settleBaseURL(ctx context.Context) error {
	if s.cfg.BaseURL == "" {
		return s.ownBaseURL(ctx)
	}
	if s.cfg.NoDefaultRealm {
		return nil
	}
	own, err := s.store.ClaimBaseURL(ctx, s.cfg.BaseURL)
	if err != nil {
		return err
	}
	if own != s.cfg.BaseURL {
		return fmt.Errorf("this database belongs to the base URL %s, not to %s: its issuers, passkeys and evidence name it; "+
			"use --base-url %s, or another database", own, s.cfg.BaseURL, own)
	}
	return nil
}

// ownBaseURL opens a database under the base URL that it belongs to. One that
// belongs to none is not claimed: nobody said what it is for.
func (s *Server) ownBaseURL(ctx context.Context) error {
	own, err := s.store.BaseURL(ctx)
	if errors.Is(err, model.ErrNotFound) {
		own, err = UnclaimedBaseURL, nil
	}
	if err != nil {
		return err
	}
	s.cfg.BaseURL = own
	return s.cfg.settle()
}
