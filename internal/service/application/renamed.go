package application

import (
	"cmp"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// pairwiseSector is for whom the pairwise names of people are that an application
// knows (OpenID Connect Core 1.0, Section 8.1); "" if it knows public ones. Its
// URIs have one host, or it could not have been registered.
func pairwiseSector(s *model.ApplicationSettings) string {
	if s.SubjectType != subjectPairwise {
		return ""
	}
	uri := s.JWKSURI
	if len(s.RedirectURIs) > 0 {
		uri = s.RedirectURIs[0]
	}
	host := ""
	if u, err := url.Parse(uri); err == nil {
		host = u.Hostname()
	}
	return strings.ToLower(cmp.Or(s.Sector, host))
}

// renaming revokes every token of an application that leaves its sector, with the
// effects of that change. Nobody can be found by the names in those tokens any more,
// so nobody could tell resource servers by those names what happens to these people.
// lever is when what is stopped is revoked.
func renaming(fx model.Effects, left string, a *model.Application, lever model.Millis) model.Effects {
	if left == "" || left == pairwiseSector(&a.Settings) || len(fx.Revocations) > 0 { // they are revoked already
		return fx
	}
	fx.Revocations = []model.Revocation{a.RevokeTokens(lever)}
	return fx
}
