package server

import (
	"context"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// prepareRealm gives a realm what every realm has: keys, and the applications for
// its management. It may run again.
func (s *Server) prepareRealm(ctx context.Context, site *model.Site) error {
	if err := s.Applications.EnsureBuiltIn(ctx, site); err != nil {
		return err
	}
	// RSA takes long to generate; the background does it (keys.Maintain).
	return s.Keys.Ensure(ctx, site, jose.EdDSA, jose.ES256)
}

// prepareRealms does it for realms that were made by an earlier version, or whose
// making was cut.
func (s *Server) prepareRealms(ctx context.Context) error {
	all, err := s.Realms.All(ctx)
	if err != nil {
		return err
	}
	for _, site := range all {
		if err := s.Realms.NameResources(ctx, site); err != nil {
			return err
		}
		if site.Realm.Status != model.RealmActive {
			continue
		}
		if err := s.prepareRealm(ctx, site); err != nil {
			return err
		}
	}
	return nil
}
