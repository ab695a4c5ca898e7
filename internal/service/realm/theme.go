package realm

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/picture"
	"github.com/assent-id/assent/internal/model"
)

var (
	// ErrTheme: the theme is not one. The message says why.
	ErrTheme = errors.New("invalid theme")
	// ErrLogo: the picture is not one that pages can show. The message says why.
	ErrLogo = errors.New("invalid logo")
)

// MaxLogo is how many bytes a logo has at most.
const MaxLogo = 64 << 10

// maxSide bounds what a browser has to unpack, in pixels.
const maxSide = 2048

var colour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// checkTheme refuses what would go into a style or a link as something else. That
// the text of a button can be read on any colour is the pages' own promise: they
// take black or white for it, and one of the two has a contrast of 4.5 with each.
func checkTheme(t model.Theme) error {
	for _, c := range []string{t.Accent, t.AccentDark} {
		if c != "" && !colour.MatchString(c) {
			return fmt.Errorf("%w: a colour is #rrggbb", ErrTheme)
		}
	}
	if t.HelpURL == "" {
		return nil
	}
	u, err := url.Parse(t.HelpURL)
	if err != nil || len(t.HelpURL) > 2048 || u.Scheme != "https" && u.Scheme != "mailto" || u.Scheme == "https" && u.Host == "" || u.User != nil {
		return fmt.Errorf("%w: help_url is an https or mailto URL", ErrTheme)
	}
	return nil
}

// A ThemeChange is what somebody wants of a theme. Logos stay as they are.
type ThemeChange struct {
	ID      model.RealmID
	Theme   model.Theme
	Version int64 // that the realm must have; 0: any
	Actor   string
}

// SetTheme changes how the pages of a realm look and returns it as it is then:
// ErrTheme, ErrChanged.
func (s *Service) SetTheme(ctx context.Context, c ThemeChange) (model.Realm, error) {
	if err := checkTheme(c.Theme); err != nil {
		return model.Realm{}, err
	}
	return s.changed(ctx, c.ID, c.Version, func(r *model.Realm, now model.Millis) (model.Effects, error) {
		next := c.Theme
		next.LogoLight, next.LogoDark = r.Theme.LogoLight, r.Theme.LogoDark
		if next == r.Theme {
			return model.Effects{}, nil
		}
		r.Theme = next
		return effects(c.ID, "realm.theme_changed", c.Actor, now), nil
	})
}

// A LogoChange is a picture for light or dark pages; without data, that there is
// to be none.
type LogoChange struct {
	ID      model.RealmID
	Variant string // "light" or "dark"
	Data    []byte // PNG, JPEG or WebP
	Actor   string
}

// SetLogo gives the pages of a realm a logo, and returns the realm as it is then:
// ErrLogo, or model.ErrNotFound for a variant that there is not.
func (s *Service) SetLogo(ctx context.Context, c LogoChange) (model.Realm, error) {
	if len(c.Data) == 0 || len(c.Data) > MaxLogo {
		return model.Realm{}, fmt.Errorf("%w: a picture has 1 to %d bytes", ErrLogo, MaxLogo)
	}
	p, err := picture.Read(c.Data, maxSide)
	if err != nil {
		return model.Realm{}, fmt.Errorf("%w: a picture is a PNG, JPEG or WebP of at most %d pixels a side", ErrLogo, maxSide)
	}
	return s.logo(ctx, c, p.MediaType)
}

// RemoveLogo takes a logo away: model.ErrNotFound.
func (s *Service) RemoveLogo(ctx context.Context, c LogoChange) (model.Realm, error) {
	c.Data = nil
	return s.logo(ctx, c, "")
}

func (s *Service) logo(ctx context.Context, c LogoChange, mediaType string) (model.Realm, error) {
	for try := 1; ; try++ {
		r, err := s.read(ctx, c.ID)
		if err != nil {
			return r, err
		}
		named := map[string]*string{"light": &r.Theme.LogoLight, "dark": &r.Theme.LogoDark}[c.Variant]
		if named == nil || len(c.Data) == 0 && *named == "" {
			return r, fmt.Errorf("logo of realm %s: %w", c.ID, model.ErrNotFound)
		}
		event := "realm.logo_removed"
		*named = ""
		if len(c.Data) > 0 {
			digest := ids.DigestOf(string(c.Data))
			event, *named = "realm.logo_changed", fmt.Sprintf("%x", digest[:8])
		}
		r.UpdatedAt = model.MillisOf(s.cfg.Now())
		err = s.cfg.Store.SetLogo(ctx, r, model.Logo{RealmID: c.ID, Variant: c.Variant, MediaType: mediaType, Data: c.Data},
			effects(c.ID, event, c.Actor, r.UpdatedAt))
		if errors.Is(err, model.ErrConflict) && try < tries {
			continue
		}
		s.forget()
		r.Version++
		return r, err
	}
}

// Logo is that for "light" or "dark" pages: model.ErrNotFound.
func (s *Service) Logo(ctx context.Context, site *model.Site, variant string) (model.Logo, error) {
	return s.cfg.Store.Logo(ctx, site.Realm.ID, variant)
}
