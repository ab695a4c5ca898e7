package application_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/store/litetest"
)

func static(id string, change func(*application.Static)) application.Static {
	s := application.Static{ID: model.ClientID(id), Name: id, Kind: model.KindWeb, Settings: model.ApplicationSettings{
		AuthMethod: model.AuthClientSecretBasic, GrantTypes: []string{"authorization_code"}, Scopes: []string{"openid"},
		RedirectURIs: []string{"https://" + id + ".example/cb"}}}
	if change != nil {
		change(&s)
	}
	return s
}

func did(t *testing.T, n *node, list ...application.Static) map[model.ClientID]string {
	t.Helper()
	changes, err := n.Apply(t.Context(), n.site, list)
	check(t, err)
	out := map[model.ClientID]string{}
	for _, c := range changes {
		out[c.ID] = c.Did
	}
	return out
}

// Requirement: hooks-static-applications
func TestApplicationsOfAFileAreWhatTheFileSays(t *testing.T) {
	n := open(t, litetest.Database(t), nil)
	const secret = "0123456789012345678901234567890123456789"
	shop := static("shop", func(s *application.Static) { s.Secret = secret })
	worker := static("worker", nil)
	if got := did(t, n, shop, worker); got["shop"] != "created" || got["worker"] != "created" {
		t.Fatalf("first: %v", got)
	}
	if got := did(t, n, shop, worker); got["shop"] != "unchanged" || got["worker"] != "unchanged" {
		t.Errorf("again: %v", got)
	}
	c, err := n.Get(t.Context(), n.site, "shop")
	check(t, err)
	if c.Name != "shop" || len(c.Secrets) != 1 || c.Settings.RedirectURIs[0] != "https://shop.example/cb" || c.Settings.Origin != model.OriginFile {
		t.Errorf("got %+v", c.Application)
	}
	shop.Name = "Shop of today"
	if got := did(t, n, shop); got["shop"] != "updated" || got["worker"] != "frozen" {
		t.Errorf("less: %v", got)
	}
	if got := did(t, n, shop, worker); got["shop"] != "unchanged" || got["worker"] != "updated" {
		t.Errorf("back: %v", got)
	}
}

// Requirement: hooks-static-applications
func TestAFileWithAMistakeChangesNothing(t *testing.T) {
	n := open(t, litetest.Database(t), nil)
	byHand, err := n.Create(t.Context(), n.site, application.NewApplication{Name: "By hand", Kind: model.KindService,
		AuthMethod: model.AuthClientSecretBasic, GrantTypes: []string{"client_credentials"}})
	check(t, err)
	good := static("good", nil)
	for name, bad := range map[string]application.Static{
		"twice":           static("good", nil),
		"short secret":    static("bad", func(s *application.Static) { s.Secret = "short" }),
		"id with a path":  static("bad", func(s *application.Static) { s.ID = "a/b" }),
		"id of ours":      static("bad", func(s *application.Static) { s.ID = byHand.Application.ID }),
		"redirect with #": static("bad", func(s *application.Static) { s.Settings.RedirectURIs = []string{"https://a.example/#x"} }),
		"no key":          static("bad", func(s *application.Static) { s.Settings.AuthMethod = model.AuthPrivateKeyJWT }),
		"secret of nobody": static("bad", func(s *application.Static) {
			s.Settings.AuthMethod, s.Secret = model.AuthNone, "0123456789012345678901234567890123456789"
		}),
	} {
		if _, err := n.Apply(t.Context(), n.site, []application.Static{good, bad}); !errors.Is(err, application.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := n.Get(t.Context(), n.site, "good"); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%s: the good one was registered: %v", name, err)
		}
	}
}

// Requirement: frame-application-status
func TestAChangeThroughTheAPIKeepsHowAnApplicationAndItsKeysStand(t *testing.T) {
	n := open(t, litetest.Database(t), nil)
	first, err := jose.Generate(jose.ES256)
	check(t, err)
	second, err := jose.Generate(jose.ES256)
	check(t, err)
	set := func(keys ...*jose.PrivateKey) []byte {
		texts := make([]string, len(keys))
		for i, k := range keys {
			texts[i] = string(k.Public().JSON())
		}
		return []byte(`{"keys":[` + strings.Join(texts, ",") + `]}`)
	}
	put := func(p application.Put) model.Application {
		t.Helper()
		p.Static = static("worker", func(s *application.Static) {
			s.Kind, s.JWKS = model.KindService, p.JWKS
			s.Settings = model.ApplicationSettings{AuthMethod: model.AuthPrivateKeyJWT, GrantTypes: []string{"client_credentials"}}
		})
		_, err := n.Put(t.Context(), n.site, p)
		check(t, err)
		a, err := n.Read(t.Context(), n.site, "worker")
		check(t, err)
		return a
	}
	a := put(application.Put{Static: application.Static{JWKS: set(first)}})
	a.Keys[0].Status = model.KeyRetired
	check(t, n.store.UpdateRegistration(t.Context(), a, model.Effects{}))
	check(t, n.SetStatus(t.Context(), n.site, "worker", model.ApplicationFrozen, "operator"))
	before, err := n.Read(t.Context(), n.site, "worker")
	check(t, err)
	a = put(application.Put{Static: application.Static{JWKS: set(first, second)}})
	if a.Status != model.ApplicationFrozen || a.TokensInvalidBefore != before.TokensInvalidBefore || len(a.Keys) != 2 {
		t.Errorf("after a change: %+v", a)
	}
	for _, k := range a.Keys {
		want := model.KeyActive
		if string(k.KID) == first.Public().Thumbprint() || string(k.KID) == first.Public().KID() {
			want = model.KeyRetired
		}
		if k.Status != want {
			t.Errorf("key %s is %s, want %s", k.KID, k.Status, want)
		}
	}
	if a = put(application.Put{Static: application.Static{JWKS: set(first, second)}, Status: model.ApplicationActive}); a.Status != model.ApplicationActive {
		t.Errorf("when somebody says so: %s", a.Status)
	}
	if _, err := n.Put(t.Context(), n.site, application.Put{Static: static("other", nil), Status: "gone"}); !errors.Is(err, application.ErrInvalid) {
		t.Errorf("a status that is none: %v", err)
	}
}
