package application

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/assent-id/assent/internal/fetch"
	"github.com/assent-id/assent/internal/model"
)

// A Logo is the picture that an application shows of itself.
type Logo struct {
	Type string // "image/png", "image/jpeg", "image/gif" or "image/webp"
	Body []byte
}

// Limits on logos. People's browsers get them from this server: one of elsewhere
// would tell the application who looks at its question, and when.
const (
	maxLogo   = 64 << 10 // bytes
	logoFresh = time.Hour
	logoFault = time.Minute // before the next try
	maxLogos  = 256         // kept in memory
)

// logoTypes are pictures that hold no script. SVG is not among them.
var logoTypes = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}

// logos keeps the last ones.
type logos struct {
	mu     sync.Mutex
	known  map[string]keptLogo // by URL
	flight singleflight.Group
}

type keptLogo struct {
	logo  Logo
	until time.Time
}

// Logo fetches the logo of a client, or answers model.ErrNotFound: it has none,
// or none that can be shown.
func (s *Service) Logo(ctx context.Context, c *model.Client) (Logo, error) {
	url := c.Settings.LogoURI
	if url == "" || s.cfg.Fetch == nil {
		return Logo{}, fmt.Errorf("logo: %w", model.ErrNotFound)
	}
	if kept, ok := s.logos.look(url, s.cfg.Now()); ok {
		return kept, found(kept)
	}
	got, _, _ := s.logos.flight.Do(url, func() (any, error) {
		logo, err := s.fetchLogo(context.WithoutCancel(ctx), url)
		if err != nil {
			s.cfg.Log.DebugContext(ctx, "fetch logo", "client", string(c.ID), "error", err)
		}
		s.logos.keep(url, logo, s.cfg.Now())
		return logo, nil
	})
	logo := got.(Logo)
	return logo, found(logo)
}

func found(l Logo) error {
	if len(l.Body) == 0 {
		return fmt.Errorf("logo: %w", model.ErrNotFound)
	}
	return nil
}

// fetchLogo takes what is a picture by its bytes, whatever its header says.
func (s *Service) fetchLogo(ctx context.Context, url string) (Logo, error) {
	r, err := s.cfg.Fetch.Get(ctx, url, fetch.Limits{Bytes: maxLogo, Accept: strings.Join(logoTypes, ", ")})
	if err != nil {
		return Logo{}, err
	}
	kind := pictureType(r.Body)
	if kind == "" {
		return Logo{}, errors.New("not a picture that can be shown")
	}
	return Logo{Type: kind, Body: r.Body}, nil
}

// pictureType tells pictures by how they begin (WHATWG MIME Sniffing, Section
// 6.1); "" for anything else.
func pictureType(b []byte) string {
	begins := func(text string) bool { return bytes.HasPrefix(b, []byte(text)) }
	switch {
	case begins("\x89PNG\r\n\x1a\n"):
		return "image/png"
	case begins("\xff\xd8\xff"):
		return "image/jpeg"
	case begins("GIF87a"), begins("GIF89a"):
		return "image/gif"
	case begins("RIFF") && len(b) > 12 && string(b[8:12]) == "WEBP":
		return "image/webp"
	default:
		return ""
	}
}

func (l *logos) look(url string, now time.Time) (Logo, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.known[url]
	return k.logo, ok && now.Before(k.until)
}

func (l *logos) keep(url string, logo Logo, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.known == nil || len(l.known) >= maxLogos {
		l.known = map[string]keptLogo{} // pictures come back when they are asked for
	}
	life := logoFresh
	if len(logo.Body) == 0 {
		life = logoFault
	}
	l.known[url] = keptLogo{logo, now.Add(life)}
}
