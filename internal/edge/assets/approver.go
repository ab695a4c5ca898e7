package assets

import (
	"bytes"
	"html"
	"io"
	"net/http"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
)

// basePlaceholder stands once in index.html, where the path of the realm's
// approver belongs.
const basePlaceholder = "/__ASSENT_APPROVER__/"

const notBuilt = "The web app was not built: run make build.\n"

// RegisterApprover puts the approver's files at /approver/ of the realm. Every
// path there that is no file is a screen of the app, so index.html answers it.
func RegisterApprover(mux *http.ServeMux, files *Set) {
	mux.HandleFunc("GET /approver", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, base(r), http.StatusSeeOther) //nolint:gosec // G710: the path comes from the realm's row, not from the request.
	})
	mux.Handle("GET /approver/{path...}", httpx.API(func(w http.ResponseWriter, r *http.Request) error {
		Secure(w, ApproverPolicy)
		return files.approver(w, r, r.PathValue("path"))
	}))
}

func base(r *http.Request) string { return httpx.Site(r).Path + "/approver/" }

func (s *Set) approver(w http.ResponseWriter, r *http.Request, name string) error {
	built := strings.HasPrefix(name, "assets/") || strings.HasPrefix(name, "icons/")
	switch {
	case !s.Has("index.html"):
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, err := io.WriteString(w, notBuilt)
		return err
	case strings.HasPrefix(name, "assets/") && s.Has(name):
		return s.Serve(w, r, name, Immutable)
	case built || s.Has(name) && name != "index.html":
		// A script of an older build is gone, not a page.
		return s.Serve(w, r, name, Revalidate)
	}
	return s.index(w, r)
}

// index is index.html with the path of this realm's approver in it.
func (s *Set) index(w http.ResponseWriter, r *http.Request) error {
	f := s.files["index.html"]
	body := bytes.ReplaceAll(f.plain().body, []byte(basePlaceholder), []byte(html.EscapeString(base(r))))
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", Revalidate)
	return answer(w, r, variant{etag: etag(body), body: body})
}
