package application

import (
	"context"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
)

// Authenticators finds authenticator configs of a realm.
type Authenticators interface {
	// Config: model.ErrNotFound if the realm has none of that id.
	Config(ctx context.Context, site *model.Site, id model.AuthenticatorConfigID) (*model.AuthenticatorConfig, error)
}

// checkAuthenticator holds the authenticator config that settings name against the
// rest of them. Only whoever manages the realm can name one: no metadata of clients
// has a member for it.
func (s *Service) checkAuthenticator(ctx context.Context, site *model.Site, settings *model.ApplicationSettings) error {
	if settings.AuthenticatorConfig == "" {
		return nil
	}
	if s.cfg.Authenticators == nil {
		return fmt.Errorf("%w: there are no authenticator configs here", ErrInvalid)
	}
	config, err := s.cfg.Authenticators.Config(ctx, site, settings.AuthenticatorConfig)
	if errors.Is(err, model.ErrNotFound) {
		return fmt.Errorf("%w: authenticator_config_id is none of this realm", ErrInvalid)
	}
	switch {
	case err != nil:
		return err
	case !config.Embedded():
		return nil
	case !settings.FirstParty: // nobody there could ask the person for consent in our name
		return fmt.Errorf("%w: an application with an embedded authenticator config must be first_party", ErrInvalid)
	case len(settings.ResponseModes) > 0 && isFormPost(settings.ResponseModes[0]):
		return fmt.Errorf("%w: the first of response_modes must not be form_post where people authenticate within the application", ErrInvalid)
	}
	return nil
}

// isFormPost: OAuth 2.0 Form Post Response Mode, Section 2; JARM, Section 2.3.3.
func isFormPost(mode string) bool { return mode == "form_post" || mode == "form_post.jwt" }
