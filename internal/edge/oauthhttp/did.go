package oauthhttp

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// didType is the media type of DID documents (DID Core 1.0, Section 6.2).
const didType = "application/did+json"

func (e *Endpoints) registerDID(mux *http.ServeMux) {
	for _, path := range []string{"/.well-known/did.json", "/did.json"} {
		mux.Handle("GET "+path, allowCORS(httpx.API(e.realmDID)))
		openRest(mux, path)
	}
}

// subjectRoute is what the log calls the place of subjects' documents.
const subjectRoute = "GET /{identity}/did.json"

// WithSubjects serves the DID documents of subjects, and next what else is asked
// for. Their paths begin with the identity (did:web, Section 3.2), which ServeMux
// cannot tell from the other first segments that there are.
func (e *Endpoints) WithSubjects(next http.Handler) http.Handler {
	documents := allowCORS(httpx.API(e.subjectDID))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		identity, found := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/did.json")
		switch {
		case !found || !ids.Valid("idn", identity):
			next.ServeHTTP(w, r)
		case r.Method == http.MethodOptions:
			preflight(w, r)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			next.ServeHTTP(w, r)
		default:
			r.Pattern = subjectRoute
			r.SetPathValue("identity", identity)
			documents.ServeHTTP(w, r)
		}
	})
}

func (e *Endpoints) realmDID(w http.ResponseWriter, r *http.Request) error {
	site := httpx.Site(r)
	if r.URL.Path != oauth.DIDPath(site) { // the DID of this realm leads elsewhere
		return noDocument(fmt.Errorf("%s of %s", r.URL.Path, site.Issuer))
	}
	jwks, err := e.cfg.Keys.JWKS(r.Context(), site)
	if err != nil {
		return err
	}
	doc, err := oauth.RealmDocument(site, jwks)
	if err != nil {
		return err
	}
	w.Header()["Cache-Control"] = publicFor
	return httpx.WriteRaw(w, http.StatusOK, didType, doc)
}

func (e *Endpoints) subjectDID(w http.ResponseWriter, r *http.Request) error {
	site := httpx.Site(r)
	jwks, err := e.cfg.Keys.JWKS(r.Context(), site)
	if err != nil {
		return err
	}
	doc, err := e.cfg.Engine.SubjectDocument(r.Context(), site, r.PathValue("identity"), jwks)
	if errors.Is(err, model.ErrNotFound) {
		return noDocument(err)
	}
	if err != nil {
		return err
	}
	// Not to be kept: it is gone when the identity is.
	return httpx.WriteRaw(w, http.StatusOK, didType, doc)
}

func noDocument(cause error) error {
	return &httpx.Problem{Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing here.", Cause: cause}
}
