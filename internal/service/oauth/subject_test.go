package oauth

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// secrets are the secrets of realms, by realm id and name.
type secrets map[string][]byte

func (s secrets) Secret(_ context.Context, site *model.Site, name string) ([]byte, error) {
	return s[string(site.Realm.ID)+"/"+name], nil
}

func (secrets) Sign(context.Context, *model.Site, string, string, []byte) (string, error) {
	return "", errors.New("signs nothing")
}

func (secrets) Verify(context.Context, *model.Site, string) (jose.Verified, error) {
	return jose.Verified{}, errors.New("verifies nothing")
}

// subjects is an engine that can name people in two realms.
func subjects() (e *Engine, here, there *model.Site) {
	here = &model.Site{Realm: model.Realm{ID: "rlm_a"}, Issuer: "https://id.example:8443"}
	there = &model.Site{Realm: model.Realm{ID: "rlm_b"}, Issuer: "https://id.example:8443/realms/b"}
	return New(Config{Keys: secrets{"rlm_a/pairwise": []byte(ids.Secret()), "rlm_b/pairwise": []byte(ids.Secret())}}), here, there
}

func sectorOf(host string) *model.ApplicationSettings {
	return &model.ApplicationSettings{SubjectType: "pairwise", RedirectURIs: []string{"https://" + host + "/callback"}}
}

func name(t *testing.T, e *Engine, site *model.Site, s *model.ApplicationSettings, id model.IdentityID) string {
	t.Helper()
	sub, err := e.subject(t.Context(), site, s, id)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// Requirement: subject-pairwise
func TestPairwiseSubjectsAreStableDistinctAndLeadBack(t *testing.T) {
	e, here, there := subjects()
	seen := map[string]bool{}
	a, b := sectorOf("a.example"), sectorOf("b.example")
	for range 500 {
		id := model.IdentityID(ids.New("idn"))
		sub := name(t, e, here, a, id)
		if again := name(t, e, here, a, id); again != sub {
			t.Fatalf("%s is %s and %s", id, sub, again)
		}
		for _, s := range []string{sub, name(t, e, here, b, id), name(t, e, there, a, id)} {
			if seen[s] || strings.Contains(s, string(id)[4:]) || len(s) > 255 {
				t.Fatalf("%s is not a name of its own", s)
			}
			seen[s] = true
		}
		if back, err := e.identityOf(t.Context(), here, a, sub); err != nil || back != id {
			t.Fatalf("%s leads to %q, %v, want %s", sub, back, err, id)
		}
	}
}

// What the wrong key makes of a subject is 128 random bits: of these 6 must be
// those of a UUIDv7, and an identity that exists is among 2^122 of the rest.
//
// Requirement: subject-pairwise
func TestASubjectOfAnotherSectorRealmOrKindLeadsToNobody(t *testing.T) {
	e, here, there := subjects()
	a, b, public := sectorOf("a.example"), sectorOf("b.example"), &model.ApplicationSettings{}
	const tries = 500
	passed := 0
	for range tries {
		id := model.IdentityID(ids.New("idn"))
		sub := name(t, e, here, a, id)
		for _, other := range []struct {
			site *model.Site
			s    *model.ApplicationSettings
		}{{here, b}, {there, a}} {
			got, err := e.identityOf(t.Context(), other.site, other.s, sub)
			if err == nil {
				passed++
			}
			if got == id {
				t.Fatalf("%s leads to its identity under another key", sub)
			}
		}
		for kind, try := range map[string]func() (model.IdentityID, error){
			"pairwise at a public client": func() (model.IdentityID, error) { return e.identityOf(t.Context(), here, public, sub) },
			"public at a pairwise client": func() (model.IdentityID, error) { return e.identityOf(t.Context(), here, a, string(id)) },
			"altered":                     func() (model.IdentityID, error) { return e.identityOf(t.Context(), here, a, strings.ToUpper(sub)) },
		} {
			if got, err := try(); !errors.Is(err, errSubject) {
				t.Errorf("%s: %q, %v", kind, got, err)
			}
		}
	}
	if passed > 2*tries/16 { // 1 in 64 are expected
		t.Errorf("%d of %d foreign subjects have the form of an identity", passed, 2*tries)
	}
}

// Requirement: subject-public
func TestPublicSubjectsAreOneForAllApplicationsInEitherForm(t *testing.T) {
	e, here, there := subjects()
	id := model.IdentityID(ids.New("idn"))
	one, other := &model.ApplicationSettings{}, &model.ApplicationSettings{SubjectType: "public", RedirectURIs: []string{"https://x.example/"}}
	for _, site := range []*model.Site{here, there} {
		site.Realm.Policy.SubjectDIDs = false
		if a, b := name(t, e, site, one, id), name(t, e, site, other, id); a != string(id) || b != a {
			t.Errorf("%s: %s and %s", site.Issuer, a, b)
		}
		site.Realm.Policy.SubjectDIDs = true
		did := name(t, e, site, one, id)
		want := "did:web:id.example%3A8443:" + strings.TrimPrefix(strings.ReplaceAll(site.Issuer, "/", ":")+":"+string(id), "https:::id.example:8443:")
		if did != want || name(t, e, site, other, id) != did {
			t.Errorf("%s: %s, want %s", site.Issuer, did, want)
		}
		for _, sub := range []string{did, string(id)} { // the realm may have changed from one to the other
			if back, err := e.identityOf(t.Context(), site, one, sub); err != nil || back != id {
				t.Errorf("%s leads to %q, %v", sub, back, err)
			}
		}
	}
	for _, foreign := range []string{"did:web:evil.example:" + string(id), "did:web:id.example%3A8443:realms:c:" + string(id), "did:web:id.example%3A8443",
		"did:web:id.example%3A8443:", "", "svc_01jd3v5h7ke9x8a2n4p6q8s0tv", string(id) + " "} {
		if back, err := e.identityOf(t.Context(), here, one, foreign); !errors.Is(err, errSubject) {
			t.Errorf("%q leads to %q, %v", foreign, back, err)
		}
	}
}

// Requirement: subject-sector
func TestTheSectorIsTheOneHostThatAClientStandsFor(t *testing.T) {
	uris := func(u ...string) model.ApplicationSettings { return model.ApplicationSettings{RedirectURIs: u} }
	for _, tt := range []struct {
		name string
		s    model.ApplicationSettings
		want string // empty: none
	}{
		{"host of sector_identifier_uri", model.ApplicationSettings{Sector: "Sector.example", RedirectURIs: []string{"https://a.example/cb", "https://b.example/cb"}}, "sector.example"},
		{"one host", uris("https://a.example/cb", "https://A.example:8443/other?x=1"), "a.example"},
		{"two hosts", uris("https://a.example/cb", "https://b.example/cb"), ""},
		{"a host that ends like another", uris("https://a.example/cb", "https://x.a.example/cb"), ""},
		{"no host", uris("com.example.app:/cb"), ""},
		{"keys alone (CIBA Core 1.0, Section 4)", model.ApplicationSettings{JWKSURI: "https://keys.example/jwks"}, "keys.example"},
		{"nothing", model.ApplicationSettings{}, ""},
	} {
		got, err := sector(&tt.s)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
}

// A subject that somebody else vouches for must not be read as one of ours.
func TestForeignSubjectsDoNotPassForOurs(t *testing.T) {
	e, here, _ := subjects()
	id := model.IdentityID(ids.New("idn"))
	for _, ours := range []string{string(id), subjectDID(here, id), name(t, e, here, sectorOf("a.example"), id), "idn_", "pw_x"} {
		if !namesIdentity(here, ours) {
			t.Errorf("%s passes for a foreign subject", ours)
		}
	}
	for _, foreign := range []string{"system:serviceaccount:prod:deploy", "spiffe://example.org/deploy", "svc_01jd3v5h7ke9x8a2n4p6q8s0tv", ""} {
		if namesIdentity(here, foreign) {
			t.Errorf("%q passes for one of ours", foreign)
		}
	}
}
