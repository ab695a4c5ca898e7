package application

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
)

// An initialToken is an initial access token (RFC 7591, Section 3): leave to
// register so many clients. It is sealed and kept nowhere; its uses are.
type initialToken struct {
	ID    string `json:"id"`
	Uses  int    `json:"uses"`
	until time.Time
}

// Limits on initial access tokens.
const (
	maxInitialUses = 100
	maxInitialLife = 365 * 24 * time.Hour
)

func (s *Service) initials(life time.Duration) seal.Carried[initialToken] {
	return seal.Carried[initialToken]{Keyring: s.cfg.Keyring, Purpose: "registration-token", Life: life}
}

// NewInitialToken makes a token with which so many clients can be registered in
// the realm.
func (s *Service) NewInitialToken(site *model.Site, uses int, life time.Duration) (string, error) {
	if uses < 1 || uses > maxInitialUses || life <= 0 || life > maxInitialLife {
		return "", fmt.Errorf("%w: a registration token has 1 to %d uses and lives at most a year", ErrInvalid, maxInitialUses)
	}
	token, err := s.initials(life).Seal(initialToken{ID: ids.New("rgt"), Uses: uses}, s.cfg.Now(), []byte(site.Realm.ID))
	if err != nil {
		return "", fmt.Errorf("make a registration token: %w", err)
	}
	return token, nil
}

func (s *Service) openInitial(site *model.Site, token string) (*initialToken, error) {
	no := &Refusal{Code: InvalidToken, Description: "the initial access token is not valid"}
	if s.cfg.Keyring == nil {
		return nil, no
	}
	t, until, err := s.initials(0).Open(token, s.cfg.Now(), []byte(site.Realm.ID))
	if err != nil {
		no.Cause = err
		return nil, no
	}
	t.until = until
	return &t, nil
}

// spend takes one of the uses of a token, if there is a token. The database
// decides who gets the last.
func (s *Service) spend(ctx context.Context, site *model.Site, t *initialToken) error {
	if t == nil {
		return nil
	}
	for i := range t.Uses {
		first, err := s.cfg.Store.Consume(ctx, model.Once{Namespace: model.OnceRegistration, RealmID: site.Realm.ID,
			Digest: sha256.Sum256([]byte(t.ID + "/" + strconv.Itoa(i))), Until: model.MillisOf(t.until)})
		if err != nil {
			return fmt.Errorf("spend registration token %s: %w", t.ID, err)
		}
		if first {
			return nil
		}
	}
	return &Refusal{Code: InvalidToken, Description: "the initial access token is used up"}
}
