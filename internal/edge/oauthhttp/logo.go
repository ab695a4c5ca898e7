package oauthhttp

import (
	"context"
	"errors"
	"net/http"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
)

// Logos finds the pictures that applications show of themselves.
type Logos interface {
	Known(ctx context.Context, site *model.Site, id model.ClientID) (*model.Client, error)
	Logo(ctx context.Context, c *model.Client) (application.Logo, error)
}

// logo hands on an application's logo, so that the browser of who is asked goes
// nowhere else.
func (e *Endpoints) logo(w http.ResponseWriter, r *http.Request) error {
	missing := &httpx.Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is no logo."}
	c, err := e.cfg.Logos.Known(r.Context(), httpx.Site(r), model.ClientID(r.URL.Query().Get("client_id")))
	if errors.Is(err, model.ErrNotFound) {
		return missing
	}
	if err != nil {
		return err
	}
	logo, err := e.cfg.Logos.Logo(r.Context(), c)
	if errors.Is(err, model.ErrNotFound) {
		return missing
	}
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "private, max-age=3600")
	return httpx.WriteRaw(w, http.StatusOK, logo.Type, logo.Body)
}
