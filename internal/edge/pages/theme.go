package pages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"github.com/assent-id/assent/internal/edge/assets"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
)

// Logos is what the pages need to draw a realm's own.
type Logos interface {
	// Logo returns the logo for "light" or "dark" pages, or model.ErrNotFound.
	Logo(ctx context.Context, site *model.Site, variant string) (model.Logo, error)
}

// A theme is what of a realm's own look a page shows.
type theme struct {
	Own         bool   // the realm has a look: its name stands where ours does
	Light, Dark string // addresses of the logo for light and for dark pages; empty: none
	Plate       bool   // dark pages show the logo for light ones, on a light ground
	HelpURL     string
	Style       template.CSS // the colours; empty: ours
}

func themeOf(site *model.Site) theme {
	t := site.Realm.Theme
	v := theme{HelpURL: t.HelpURL, Style: accentStyle(t), Light: logoAddress(site, "light", t.LogoLight),
		Dark: logoAddress(site, "dark", t.LogoDark)}
	v.Plate = v.Light != "" && v.Dark == ""
	if v.Light == "" {
		v.Light = v.Dark
	}
	v.Own = v.Style != "" || v.Light != ""
	return v
}

func logoAddress(site *model.Site, variant, digest string) string {
	if digest == "" {
		return ""
	}
	return site.Path + "/pages/theme/logo-" + variant + "?v=" + digest
}

// themeFile serves the realm's logo. With its digest in the URL it may be kept for
// ever.
func (p *Pages) themeFile(w http.ResponseWriter, r *http.Request) error {
	site := httpx.Site(r)
	variants := map[string]string{"logo-light": site.Realm.Theme.LogoLight, "logo-dark": site.Realm.Theme.LogoDark}
	name := r.PathValue("name")
	digest := variants[name]
	if digest == "" || p.logos == nil {
		return p.problem(r, nothingHere, nil)
	}
	logo, err := p.logos.Logo(r.Context(), site, name[len("logo-"):])
	switch {
	case errors.Is(err, model.ErrNotFound):
		return p.problem(r, nothingHere, err)
	case err != nil:
		return fmt.Errorf("read the logo of realm %s: %w", site.Realm.ID, err)
	}
	assets.Secure(w, assets.PagePolicy)
	h := w.Header()
	h.Set("Content-Type", logo.MediaType)
	h.Set("Cache-Control", assets.Revalidate)
	if r.URL.Query().Get("v") == digest {
		h.Set("Cache-Control", assets.Immutable)
	}
	h.Set("ETag", strconv.Quote(digest))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(logo.Data))
	return nil
}
