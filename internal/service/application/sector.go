package application

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/model"
)

// maxSector is how large a sector document may be, in bytes: one that lists the
// redirect URIs of many clients.
const maxSector = 64 << 10

// checkSector finds out for whom pairwise subjects of a client are. A
// sector_identifier_uri must list every redirect URI, so that nobody joins a
// sector by naming it (OpenID Connect Dynamic Client Registration 1.0, Section
// 5); without one the redirect URIs must have one host (OpenID Connect Core 1.0,
// Section 8.1).
func (s *Service) checkSector(ctx context.Context, settings *model.ApplicationSettings) error {
	if settings.SectorURI == "" {
		return nil // then they have one host: checkSettings
	}
	answer, err := s.cfg.Fetch.Get(ctx, settings.SectorURI, fetch.Limits{Bytes: maxSector, Accept: "application/json"})
	if err != nil {
		return unfit("sector_identifier_uri cannot be read", err)
	}
	var listed []string
	if err := json.Unmarshal(answer.Body, &listed); err != nil {
		return unfit("sector_identifier_uri does not hold a JSON array of URIs", err)
	}
	for _, uri := range settings.RedirectURIs {
		if !slices.Contains(listed, uri) {
			return unfit("sector_identifier_uri does not list every redirect URI", nil)
		}
	}
	u, err := url.Parse(settings.SectorURI)
	if err != nil {
		return unfit("sector_identifier_uri is not a URL", err)
	}
	settings.Sector = strings.ToLower(u.Hostname())
	return nil
}

// oneHost: CIBA Core 1.0, Section 4, has that of jwks_uri for clients without a
// redirect URI.
func oneHost(settings *model.ApplicationSettings) bool {
	uris := settings.RedirectURIs
	if len(uris) == 0 {
		uris = []string{settings.JWKSURI}
	}
	var hosts []string
	for _, uri := range uris {
		u, err := url.Parse(uri)
		if err != nil || u.Hostname() == "" {
			return false
		}
		hosts = append(hosts, strings.ToLower(u.Hostname()))
	}
	return len(slices.Compact(hosts)) == 1
}
