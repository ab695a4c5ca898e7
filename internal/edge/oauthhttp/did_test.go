package oauthhttp_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/realm"
)

// resolve finds a DID document as did:web, Section 3.2, says, but for the scheme:
// the test server speaks plain HTTP.
func resolve(t *testing.T, w *servertest.World, did string) servertest.Answer {
	t.Helper()
	parts := strings.Split(strings.TrimPrefix(did, "did:web:"), ":")
	host, err := url.PathUnescape(parts[0])
	servertest.Check(t, err)
	if "http://"+host != w.URL {
		t.Fatalf("%s leads to %s, not to %s", did, host, w.URL)
	}
	path := "/" + strings.Join(append(parts[1:], "did.json"), "/")
	if len(parts) == 1 {
		path = "/.well-known/did.json"
	}
	return w.Get(t, path, "Origin", "https://verifier.example")
}

type didDoc struct {
	Context            []string `json:"@context"`
	ID                 string
	Controller         string
	VerificationMethod []struct {
		ID, Type, Controller string
		PublicKeyJwk         json.RawMessage
	}
	AssertionMethod []string
}

func readDID(t *testing.T, a servertest.Answer) (doc didDoc) {
	t.Helper()
	if a.Status != 200 || a.Header.Get("Content-Type") != "application/did+json" || a.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("%d %v %s", a.Status, a.Header, a.Body)
	}
	servertest.Check(t, json.Unmarshal(a.Body, &doc))
	return doc
}

// Requirement: subject-did-web, subject-public
func TestDIDsOfRealmsAndSubjectsResolveToTheirKeys(t *testing.T) {
	policy := model.RealmPolicy{Development: true, AskAnyone: true, SubjectDIDs: true}
	w := servertest.Start(t, func(c *server.Config) { c.DefaultPolicy = policy })
	other, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "acme", Policy: policy})
	servertest.Check(t, err)
	for _, site := range []*model.Site{w.Site, other} {
		_, who := w.PersonIn(t, site, "alex")
		did := "did:web:" + strings.ReplaceAll(strings.TrimPrefix(site.Issuer, "http://"), ":", "%3A")
		did = strings.ReplaceAll(did, "/", ":")
		own := readDID(t, resolve(t, w, did))
		if own.ID != did || own.Controller != "" || len(own.VerificationMethod) == 0 || own.Context[0] != "https://www.w3.org/ns/did/v1" {
			t.Errorf("%s: %+v", did, own)
		}
		subject := readDID(t, resolve(t, w, did+":"+string(who.ID)))
		if subject.ID != did+":"+string(who.ID) || subject.Controller != did {
			t.Errorf("subject: %+v", subject)
		}
		published, err := w.Server.Keys.JWKS(t.Context(), site)
		servertest.Check(t, err)
		set, err := jose.ParseSet(published)
		servertest.Check(t, err)
		for _, doc := range []didDoc{own, subject} {
			if len(doc.VerificationMethod) != len(set) || len(doc.AssertionMethod) != len(set) {
				t.Fatalf("%s has %d keys, want %d", doc.ID, len(doc.VerificationMethod), len(set))
			}
			for i, m := range doc.VerificationMethod {
				key, err := jose.ParsePublic(m.PublicKeyJwk)
				if err != nil || key.Thumbprint() != set[i].Thumbprint() || m.Type != "JsonWebKey" || m.Controller != did ||
					m.ID != did+"#"+key.KID() || doc.AssertionMethod[i] != m.ID {
					t.Errorf("method %+v: %v", m, err)
				}
			}
		}
	}
	// A DID leads to one place.
	for _, path := range []string{"/did.json", "/realms/acme/.well-known/did.json", "/realms/nobody/did.json"} {
		if got := w.Get(t, path); got.Status != 404 {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
}

// Requirement: subject-did-web
func TestASubjectThatIsNobodyHasNoDIDDocument(t *testing.T) {
	w := servertest.Start(t, func(c *server.Config) { c.DefaultPolicy = model.RealmPolicy{Development: true, SubjectDIDs: true} })
	plain, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "plain", Policy: model.RealmPolicy{Development: true}})
	servertest.Check(t, err)
	_, here := w.Person(t, "alex")
	_, there := w.PersonIn(t, plain, "alex")
	_, gone := w.Person(t, "sam")
	_, err = w.Server.Directory.Suspend(t.Context(), w.Site, gone.ID, "test")
	servertest.Check(t, err)
	for name, path := range map[string]string{
		"unknown":                 "/" + ids.New("idn") + "/did.json",
		"no id":                   "/alex/did.json",
		"an application":          "/" + ids.New("app") + "/did.json",
		"of another realm":        "/" + string(there.ID) + "/did.json",
		"suspended":               "/" + string(gone.ID) + "/did.json",
		"a realm without DIDs":    "/realms/plain/" + string(there.ID) + "/did.json",
		"another spelling":        "/" + strings.ToUpper(string(here.ID)) + "/did.json",
		"below":                   "/" + string(here.ID) + "/x/did.json",
		"a person of the default": "/realms/plain/" + string(here.ID) + "/did.json",
	} {
		if got := w.Get(t, path); got.Status != 404 {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := w.Get(t, "/"+string(here.ID)+"/did.json"); got.Status != 200 {
		t.Errorf("the person themselves: %d %s", got.Status, got.Body)
	}
	if got := w.Get(t, "/realms/plain/did.json"); got.Status != 200 {
		t.Errorf("the realm without DIDs of subjects has one of its own: %d", got.Status)
	}
}

// Requirement: subject-public
func TestTokensNameADIDWhereTheRealmSaysSo(t *testing.T) {
	w := servertest.Start(t, func(c *server.Config) {
		c.DefaultPolicy = model.RealmPolicy{Development: true, AskAnyone: true, SubjectDIDs: true}
	})
	person, who := w.Person(t, "alex")
	want := "did:web:" + strings.ReplaceAll(strings.TrimPrefix(w.URL, "http://"), ":", "%3A") + ":" + string(who.ID)
	for range 2 { // the same at every application
		app := w.App(t, everyScope(model.ApplicationSettings{}))
		tokens := approved(t, w, app, person, "openid")
		got := w.Get(t, "/userinfo", "Authorization", "Bearer "+tokens.Text("access_token"))
		if got.Text("sub") != want || claimsOf(t, tokens.Text("id_token"))["sub"] != want || claimsOf(t, tokens.Text("access_token"))["sub"] != want {
			t.Errorf("sub %s, want %s", got.Body, want)
		}
		if doc := readDID(t, resolve(t, w, got.Text("sub"))); doc.ID != want {
			t.Errorf("it leads to %s", doc.ID)
		}
	}
}
