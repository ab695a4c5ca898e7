package pages_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/assets"
	"github.com/assent-id/assent/internal/edge/pages"
	"github.com/assent-id/assent/internal/model"
)

// logos are the stored logos, by variant.
type logos map[string]model.Logo

func (l logos) Logo(_ context.Context, site *model.Site, variant string) (model.Logo, error) {
	logo, ok := l[variant]
	if !ok || logo.RealmID != site.Realm.ID {
		return model.Logo{}, model.ErrNotFound
	}
	return logo, nil
}

// themed is a house whose first realm has this theme.
func themed(t *testing.T, theme model.Theme, stored logos) *house {
	t.Helper()
	h := newHouse(t, func(c *pages.Config) { c.Logos = stored })
	site := *h.Site
	site.Realm.Theme = theme
	for variant, logo := range stored {
		logo.RealmID = site.Realm.ID
		stored[variant] = logo
	}
	h.Site = &site
	return h
}

var bothLogos = logos{"light": {Variant: "light", MediaType: "image/png", Data: []byte("\x89PNG light")},
	"dark": {Variant: "dark", MediaType: "image/webp", Data: []byte("RIFF dark")}}

func TestARealmWithoutAThemeLooksLikeOurs(t *testing.T) {
	page := text(t, themed(t, model.Theme{}, nil).browser().get(t, "/pages/static/none"))
	if strings.Contains(page, "<style") || strings.Contains(page, "<picture") || !strings.Contains(page, "</svg>Assent</span>") {
		t.Errorf("got\n%s", page)
	}
}

// Requirement: pages-theme
func TestEveryPageOfARealmShowsItsLogoColoursAndHelp(t *testing.T) {
	h := themed(t, model.Theme{Accent: "#7a1fa2", LogoLight: "d1", LogoDark: "d2", HelpURL: "https://help.example/"}, bothLogos)
	for _, path := range []string{"/signin", "/pages/static/none", "/bind?token=none"} {
		r := h.browser().get(t, path)
		page := text(t, r)
		for _, want := range []string{"--assent:#7a1fa2", `<img src="/pages/theme/logo-light?v=d1" alt="Acme">`,
			`<source srcset="/pages/theme/logo-dark?v=d2" media="(prefers-color-scheme: dark)">`, `href="https://help.example/"`} {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %s", path, want)
			}
		}
		if got, want := r.Header.Get("Content-Security-Policy"), policyOf(page); got != want {
			t.Errorf("%s: the policy is\n%s\nwant\n%s", path, got, want)
		}
		if strings.Contains(page, "Assent</span>") {
			t.Errorf("%s shows our name as well", path)
		}
	}
	if page := text(t, h.browser().get(t, "/realms/blue/signin")); strings.Contains(page, "7a1fa2") || strings.Contains(page, "logo-light?") {
		t.Error("another realm shows the theme")
	}
}

func TestALogoIsServedAsWhatItIs(t *testing.T) {
	h := themed(t, model.Theme{LogoLight: "d1", LogoDark: "d2"}, bothLogos)
	tests := []struct {
		path   string
		status int
		kind   string
		cache  string
		body   string
	}{
		{"/pages/theme/logo-light?v=d1", 200, "image/png", assets.Immutable, "\x89PNG light"},
		{"/pages/theme/logo-dark?v=d2", 200, "image/webp", assets.Immutable, "RIFF dark"},
		{"/pages/theme/logo-dark?v=old", 200, "image/webp", assets.Revalidate, "RIFF dark"},
		{"/pages/theme/logo-", 404, "text/html; charset=utf-8", "no-store", ""},
		{"/pages/theme/logo-other", 404, "text/html; charset=utf-8", "no-store", ""},
		{"/realms/blue/pages/theme/logo-light?v=d1", 404, "text/html; charset=utf-8", "no-store", ""},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			r := h.browser().get(t, tt.path)
			if r.StatusCode != tt.status || r.Header.Get("Content-Type") != tt.kind || r.Header.Get("Cache-Control") != tt.cache {
				t.Errorf("got %d %q %q", r.StatusCode, r.Header.Get("Content-Type"), r.Header.Get("Cache-Control"))
			}
			if got := text(t, r); tt.body != "" && got != tt.body {
				t.Errorf("got %q", got)
			}
			if r.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("got %v", r.Header)
			}
		})
	}
}

func TestALogoThatIsStoredNoMoreIsNotThere(t *testing.T) {
	h := themed(t, model.Theme{LogoLight: "d1"}, logos{})
	if r := h.browser().get(t, "/pages/theme/logo-light?v=d1"); r.StatusCode != http.StatusNotFound {
		t.Errorf("got %d", r.StatusCode)
	}
}

func TestOneLogoIsForBothKindsOfPages(t *testing.T) {
	for _, tt := range []struct {
		name  string
		theme model.Theme
		want  string
	}{
		{"for light pages", model.Theme{LogoLight: "d1"}, `<picture class="logo logo-plate"><img src="/pages/theme/logo-light?v=d1"`},
		{"for dark pages", model.Theme{LogoDark: "d2"}, `<picture class="logo"><source srcset="/pages/theme/logo-dark?v=d2" media="(prefers-color-scheme: dark)"><img src="/pages/theme/logo-dark?v=d2"`},
		{"none, but a colour", model.Theme{Accent: "#123456"}, `<span class="wordmark"><bdi>Acme</bdi></span>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if page := text(t, themed(t, tt.theme, nil).browser().get(t, "/signin")); !strings.Contains(page, tt.want) {
				t.Errorf("got\n%s", page)
			}
		})
	}
}
