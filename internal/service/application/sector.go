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

// checkSector finds out for whom pairwise subjects of a client are that nobody
// vouches for. A sector_identifier_uri must list every redirect URI, so that
// nobody joins a sector by naming it (OpenID Connect Dynamic Client Registration
// 1.0, Section 5); without one the redirect URIs must have one host (OpenID Connect
// Core 1.0, Section 8.1).
func (s *Service) checkSector(ctx context.Context, settings *model.ApplicationSettings) error {
	if err := checkProof(settings); err != nil {
		return err
	}
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
	for _, uri := range inSector(settings) {
		if !slices.Contains(listed, uri) {
			return unfit("sector_identifier_uri does not list every URI of the client", nil)
		}
	}
	u, err := url.Parse(settings.SectorURI)
	if err != nil {
		return unfit("sector_identifier_uri is not a URL", err)
	}
	settings.Sector = strings.ToLower(u.Hostname())
	return nil
}

// beyondRedirects reports whether a client learns subjects without its redirect
// URIs, so that they prove nothing: anybody can write down those of another.
func beyondRedirects(s *model.ApplicationSettings) bool {
	return slices.ContainsFunc(s.GrantTypes, func(g string) bool { return g != grantCode && g != grantRefresh })
}

// inSector are the URIs of a client that its sector must know.
func inSector(s *model.ApplicationSettings) []string {
	if s.SubjectType == subjectPairwise && beyondRedirects(s) {
		return append(slices.Clone(s.RedirectURIs), s.JWKSURI)
	}
	return s.RedirectURIs
}

// checkProof asks a client for what shows that it belongs to its sector, lest it
// learn by what names another knows people. A code goes to the redirect URI, which
// https protects. All else is for whoever authenticates, so there the keys must be
// those of the sector's own jwks_uri (CIBA Core 1.0, Section 4).
func checkProof(s *model.ApplicationSettings) error {
	if s.SubjectType != subjectPairwise {
		return nil
	}
	uris := s.RedirectURIs
	if beyondRedirects(s) {
		byKey := s.AuthMethod == model.AuthPrivateKeyJWT || s.AuthMethod == model.AuthSelfSignedTLS
		if !byKey || s.JWKSURI == "" {
			return unfit("pairwise subjects with this grant type need authentication with the keys of a jwks_uri", nil)
		}
		uris = inSector(s)
	}
	if s.SectorURI != "" {
		return nil // it lists them
	}
	foreign := func(uri string) bool { return !strings.HasPrefix(strings.ToLower(uri), "https://") }
	if slices.ContainsFunc(uris, foreign) || !sameHost(uris) {
		return unfit("pairwise subjects need sector_identifier_uri, or https URIs of one host", nil)
	}
	return nil
}

const subjectPairwise = "pairwise"

// oneHost: CIBA Core 1.0, Section 4, has that of jwks_uri for clients without a
// redirect URI.
func oneHost(s *model.ApplicationSettings) bool {
	uris := s.RedirectURIs
	if len(uris) == 0 {
		uris = []string{s.JWKSURI}
	}
	return sameHost(uris)
}

func sameHost(uris []string) bool {
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
