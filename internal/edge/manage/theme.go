package manage

import (
	"context"
	"encoding/base64"
	"net/http"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/realm"
)

// Themes are how the pages of realms look.
type Themes interface {
	SetTheme(context.Context, realm.ThemeChange) (model.Realm, error)
	SetLogo(context.Context, realm.LogoChange) (model.Realm, error)
	RemoveLogo(context.Context, realm.LogoChange) (model.Realm, error)
}

// ThemeInput is what of a theme can be set; logos are set on their own.
type ThemeInput struct {
	Accent     string `json:"accent,omitempty" pattern:"^#[0-9a-fA-F]{6}$" doc:"Colour of buttons and links on light pages, #rrggbb; left out: ours. The text on it is black or white, whichever can be read."`
	AccentDark string `json:"accent_dark,omitempty" pattern:"^#[0-9a-fA-F]{6}$" doc:"The same on dark pages; left out: accent."`
	HelpURL    string `json:"help_url,omitempty" maxLength:"2048" doc:"Where people find help, an https or mailto URL; left out: nowhere."`
}

// Theme is how the pages of a realm look.
type Theme struct {
	ThemeInput
	LogoLight string `json:"logo_light,omitempty" doc:"Where the logo for light pages is; left out: there is none."`
	LogoDark  string `json:"logo_dark,omitempty" doc:"Where the logo for dark pages is; left out: there is none."`
}

// ThemeChange is the body of what changes one.
type ThemeChange struct {
	Theme Patch[ThemeInput] `json:"theme"`
}

// ThemeAnswer is one that was read or written.
type ThemeAnswer struct {
	Theme Theme `json:"theme"`
}

// LogoInput is a picture.
type LogoInput struct {
	Data []byte `json:"data" minLength:"1" maxLength:"87384" doc:"A PNG, JPEG or WebP of at most 64 kB and 2048 pixels a side, in base64."`
}

// LogoRequest is the body of what sets one.
type LogoRequest struct {
	Logo LogoInput `json:"logo"`
}

type (
	themeIn      struct{ Target }
	themeOut     = shown[ThemeAnswer]
	themePatchIn struct {
		Target
		IfMatch
		Body ThemeChange
	}
	// Variant is the input that names a logo.
	Variant struct {
		Target
		Variant string `path:"variant" doc:"light or dark: which pages it is for." example:"light"`
	}
	logoIn struct {
		Variant
		Body LogoRequest
	}
	variantIn struct{ Variant }
)

// onePixel is a picture for examples.
var onePixel, _ = base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR4nGP4DwQACfsD/fteaysAAAAASUVORK5CYII=")

func (a *API) themes() {
	a.describe(map[string]string{
		"ThemeInput": "How the pages of a realm are to look.", "Theme": "How the pages of a realm look.", "ThemeChange": "A change of a theme.",
		"ThemeAnswer": "A theme as it is.", "theme": "The theme.", "LogoInput": "A picture.", "LogoRequest": "A logo as it is to be.", "logo": "The picture.",
	})
	input := ThemeInput{Accent: "#0b5d3b", AccentDark: "#7fd1ae", HelpURL: "https://help.example.com/sign-in"}
	gives := ThemeAnswer{Theme{ThemeInput: input, LogoLight: "https://id.example.com/pages/theme/logo-light?v=9f86d081884c7d65"}}
	add(a, operation{id: "getTheme", method: http.MethodGet, path: "/theme", tag: "Realms", scope: RealmsRead,
		summary: "Read the theme of a realm", about: "Colours and logos of the pages that people see.", gives: gives},
		func(ctx context.Context, c call, _ *themeIn) (*themeOut, error) {
			r, err := a.cfg.Realms.Read(ctx, c.site.Realm.ID)
			return themeShown(c.site, r), err
		})
	add(a, operation{id: "changeTheme", method: http.MethodPatch, path: "/theme", tag: "Realms", scope: RealmsUpdate,
		summary: "Change the theme of a realm", about: "Members that are left out stay; null takes one back to ours.",
		refusals: []string{"invalid_theme"},
		takes:    map[string]any{"theme": input}, gives: gives}, a.changeTheme)
	add(a, operation{id: "setLogo", method: http.MethodPut, path: "/theme/logo/{variant}", tag: "Realms", scope: RealmsUpdate,
		summary: "Give a realm a logo", about: "What the picture is is seen by its bytes. It comes in place of the one that there is.",
		refusals: []string{"invalid_logo"},
		takes:    LogoRequest{LogoInput{onePixel}}, gives: gives},
		func(ctx context.Context, c call, in *logoIn) (*themeOut, error) {
			r, err := a.cfg.Themes.SetLogo(ctx, realm.LogoChange{ID: c.site.Realm.ID, Variant: in.Variant.Variant, Data: in.Body.Logo.Data, Actor: c.actor})
			return themeShown(c.site, r), err
		})
	add(a, operation{id: "removeLogo", method: http.MethodDelete, path: "/theme/logo/{variant}", tag: "Realms", scope: RealmsUpdate,
		status: http.StatusNoContent, summary: "Take a logo away", about: "The pages show the realm's name instead."},
		func(ctx context.Context, c call, in *variantIn) (*nothing, error) {
			_, err := a.cfg.Themes.RemoveLogo(ctx, realm.LogoChange{ID: c.site.Realm.ID, Variant: in.Variant.Variant, Actor: c.actor})
			return &nothing{}, err
		})
}

func themeShown(site *model.Site, r model.Realm) *themeOut {
	t := Theme{ThemeInput: ThemeInput{r.Theme.Accent, r.Theme.AccentDark, r.Theme.HelpURL}}
	for variant, of := range map[string]struct {
		digest string
		at     *string
	}{"light": {r.Theme.LogoLight, &t.LogoLight}, "dark": {r.Theme.LogoDark, &t.LogoDark}} {
		if of.digest != "" {
			*of.at = site.Issuer + "/pages/theme/logo-" + variant + "?v=" + of.digest
		}
	}
	return &themeOut{etag(r.Version), ThemeAnswer{t}}
}

func (a *API) changeTheme(ctx context.Context, c call, in *themePatchIn) (*themeOut, error) {
	is, err := a.asRead(ctx, c, in.IfMatch)
	if err != nil {
		return nil, err
	}
	next, err := patch(a, c, "theme", ThemeInput{is.Theme.Accent, is.Theme.AccentDark, is.Theme.HelpURL}, in.Body.Theme)
	if err != nil {
		return nil, err
	}
	r, err := a.cfg.Themes.SetTheme(ctx, realm.ThemeChange{ID: is.ID, Version: is.Version, Actor: c.actor,
		Theme: model.Theme{Accent: next.Accent, AccentDark: next.AccentDark, HelpURL: next.HelpURL}})
	if err != nil {
		return nil, err
	}
	return themeShown(c.site, r), nil
}
