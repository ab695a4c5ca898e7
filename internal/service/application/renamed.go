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

// renaming adds to the effects of a change what resource servers must hear if
// the application leaves its sector. Here its tokens are of no use then, because
// nobody can be found by the names in them; so nobody could tell resource servers
// by those names either what happens to these people.
func renaming(fx model.Effects, left string, a *model.Application, now model.Millis) model.Effects {
	if left == "" || left == pairwiseSector(&a.Settings) {
		return fx
	}
	fx.Revocations = append(fx.Revocations, model.Revocation{RealmID: a.RealmID, Kind: model.RevokeApplication, Key: string(a.ID),
		Before: now, ExpiresAt: now.Add(model.LongestToken), At: now})
	return fx
}
