package application

import (
	"context"
	"fmt"

	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// KeySets finds keys in the sets that clients publish.
type KeySets interface {
	Find(ctx context.Context, url, kid, alg string) (*jose.PublicKey, error)
	FindThumbprint(ctx context.Context, url, thumbprint string) (*jose.PublicKey, error)
}

// Key finds the key to check a signature of a client with: among those that it
// registered, or else in the set at its jwks_uri, which may mean a fetch. It is
// nil if there is no such key, or if it is no longer usable. The key's
// algorithm is that of its record; a caller whose registration of the client
// names another for a key that names none applies it (jose.PublicKey.WithAlg).
func (s *Service) Key(ctx context.Context, _ *model.Site, client *model.Client, kid string, now model.Millis) (*jose.PublicKey, error) {
	if key := client.Key(kid, now); key != nil || client.Settings.JWKSURI == "" || s.cfg.KeySets == nil {
		return key, nil
	}
	key, err := s.cfg.KeySets.Find(ctx, client.Settings.JWKSURI, kid, "")
	if err != nil {
		return nil, fmt.Errorf("key of application %s: %w", client.ID, err)
	}
	return key, nil
}

// HasKey reports whether the key with that thumbprint (RFC 7638) is one that the
// client registered, or one in the set at its jwks_uri, and usable now.
func (s *Service) HasKey(ctx context.Context, _ *model.Site, client *model.Client, thumbprint string, now model.Millis) (bool, error) {
	for _, k := range client.Keys {
		if key := client.Key(string(k.KID), now); key != nil && key.Thumbprint() == thumbprint {
			return true, nil
		}
	}
	if client.Settings.JWKSURI == "" || s.cfg.KeySets == nil {
		return false, nil
	}
	key, err := s.cfg.KeySets.FindThumbprint(ctx, client.Settings.JWKSURI, thumbprint)
	if err != nil {
		return false, fmt.Errorf("key of application %s: %w", client.ID, err)
	}
	return key != nil, nil
}

// A Fetcher gets what a URL stands for.
type Fetcher interface {
	Get(ctx context.Context, url string, limits fetch.Limits) (*fetch.Response, error)
	// Allows reports whether Get would try a URL.
	Allows(url string) bool
}
