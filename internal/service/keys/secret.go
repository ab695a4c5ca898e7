package keys

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// secretPurpose binds sealed secrets of realms to their use; the associated
// data binds each to its realm and name.
const secretPurpose = "realm-secret"

// secretSize is in bytes.
const secretSize = 32

// Secret is 32 random bytes that belong to the realm under that name: made when
// they are first asked for, and the same ever after. Of two nodes that make one
// at once, one stores its own and both use that. Names are constants of the
// program.
func (s *Service) Secret(ctx context.Context, site *model.Site, name string) ([]byte, error) {
	return s.secrets.Get(ctx, string(site.Realm.ID)+"/"+name)
}

// loadSecret reads the secret under its cache key, realm id "/" name, and makes
// it where there is none. A secret never changes, so what was read stays true.
func (s *Service) loadSecret(ctx context.Context, key string) ([]byte, error) {
	realm, name, _ := strings.Cut(key, "/")
	kept, err := s.cfg.Store.RealmSecret(ctx, model.RealmID(realm), name)
	if errors.Is(err, model.ErrNotFound) {
		kept, err = s.makeSecret(ctx, model.RealmID(realm), name)
	}
	if err != nil {
		return nil, fmt.Errorf("secret %s of %s: %w", name, realm, err)
	}
	secret, err := s.cfg.Keyring.Open(secretPurpose, kept.Sealed, []byte(key))
	if err != nil {
		return nil, fmt.Errorf("open secret %s of %s (is this the right key-encryption key?): %w", name, realm, err)
	}
	if len(secret) != secretSize {
		return nil, fmt.Errorf("secret %s of %s: %w", name, realm, errAltered)
	}
	return secret, nil
}

// makeSecret stores a new secret and returns what is stored afterwards, which
// is another node's where that was first.
func (s *Service) makeSecret(ctx context.Context, realm model.RealmID, name string) (model.RealmSecret, error) {
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails since Go 1.24
	sealed, err := s.cfg.Keyring.Seal(secretPurpose, secret, []byte(string(realm)+"/"+name))
	if err != nil {
		return model.RealmSecret{}, fmt.Errorf("seal: %w", err)
	}
	made := model.RealmSecret{RealmID: realm, Name: name, Sealed: sealed, CreatedAt: model.MillisOf(s.cfg.Now())}
	err = s.cfg.Store.InsertRealmSecret(ctx, made)
	if errors.Is(err, model.ErrConflict) { // another node was first: its secret serves
		return s.cfg.Store.RealmSecret(ctx, realm, name)
	}
	if err != nil {
		return model.RealmSecret{}, fmt.Errorf("store: %w", err)
	}
	return made, nil
}
