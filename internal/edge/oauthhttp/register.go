package oauthhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Registrar registers applications that ask for it (RFC 7591 and 7592).
type Registrar interface {
	Register(context.Context, *model.Site, application.Registration) (application.Registered, error)
	Registration(ctx context.Context, site *model.Site, id model.ClientID, token string) (application.Registered, error)
	Reregister(context.Context, *model.Site, model.ClientID, application.Registration) (application.Registered, error)
	Unregister(ctx context.Context, site *model.Site, id model.ClientID, token string) error
}

func (e *Endpoints) registerRegistration(mux *http.ServeMux) {
	openRoute(mux, "/oauth/register", method{"POST", registering(e.register)})
	openRoute(mux, "/oauth/register/{client}", method{"GET", registering(e.registration)},
		method{"PUT", registering(e.reregister)}, method{"DELETE", registering(e.unregister)})
}

// register: RFC 7591, Section 3.1.
func (e *Endpoints) register(w http.ResponseWriter, r *http.Request) error {
	in, err := readRegistration(w, r)
	if err != nil {
		return err
	}
	out, err := e.cfg.Registrar.Register(r.Context(), httpx.Site(r), in)
	if err != nil {
		return err
	}
	return writeRegistration(w, r, http.StatusCreated, out)
}

// registration: RFC 7592, Section 2.1.
func (e *Endpoints) registration(w http.ResponseWriter, r *http.Request) error {
	out, err := e.cfg.Registrar.Registration(r.Context(), httpx.Site(r), clientInPath(r), bearer(r))
	if err != nil {
		return err
	}
	return writeRegistration(w, r, http.StatusOK, out)
}

// reregister: RFC 7592, Section 2.2.
func (e *Endpoints) reregister(w http.ResponseWriter, r *http.Request) error {
	in, err := readRegistration(w, r)
	if err != nil {
		return err
	}
	out, err := e.cfg.Registrar.Reregister(r.Context(), httpx.Site(r), clientInPath(r), in)
	if err != nil {
		return err
	}
	return writeRegistration(w, r, http.StatusOK, out)
}

// unregister: RFC 7592, Section 2.3.
func (e *Endpoints) unregister(w http.ResponseWriter, r *http.Request) error {
	id := clientInPath(r)
	if err := e.cfg.Registrar.Unregister(r.Context(), httpx.Site(r), id, bearer(r)); err != nil {
		return err
	}
	httpx.SetActor(r, string(id))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func clientInPath(r *http.Request) model.ClientID { return model.ClientID(r.PathValue("client")) }

// bearer is the token of a request, or "". Scheme names ignore case (RFC 9110,
// Section 11.1).
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

const maxRegistration = 64 << 10 // bytes

func readRegistration(w http.ResponseWriter, r *http.Request) (application.Registration, error) {
	in := application.Registration{Token: bearer(r), Address: address(r)}
	if mt, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mt != "application/json" {
		return in, &oauth.Error{Code: oauth.InvalidRequest, Description: "the body must be application/json"}
	}
	var err error
	in.Body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxRegistration))
	if err != nil {
		httpx.TooLarge(w, err)
		return in, &oauth.Error{Code: application.InvalidMetadata, Description: "the registration is larger than 64 kB, or could not be read", Cause: err}
	}
	return in, nil
}

// information is the client information response of RFC 7591, Section 3.2.1, and
// RFC 7592, Section 3.
type information struct {
	ID       model.ClientID `json:"client_id"`
	IssuedAt int64          `json:"client_id_issued_at"`
	Secret   string         `json:"client_secret,omitempty"`
	Expires  *int64         `json:"client_secret_expires_at,omitempty"` // 0: never
	Token    string         `json:"registration_access_token"`
	URI      string         `json:"registration_client_uri"`
	application.Metadata
	Statement string `json:"software_statement,omitempty"`
}

func writeRegistration(w http.ResponseWriter, r *http.Request, status int, out application.Registered) error {
	a := &out.Application
	httpx.SetActor(r, string(a.ID))
	info := information{ID: a.ID, IssuedAt: a.CreatedAt.Unix(), Secret: out.Secret, Token: out.Token,
		URI: application.ClientURI(httpx.Site(r), a.ID), Metadata: application.MetadataOf(*a), Statement: out.Statement}
	if a.Settings.AuthMethod.Secret() {
		info.Expires = new(int64)
	}
	body, err := json.Marshal(info)
	if err != nil {
		return fmt.Errorf("encode registration: %w", err)
	}
	return httpx.WriteRaw(w, status, "application/json", body)
}

// registering puts refusals of registrations into the form in which this surface
// writes all of them.
func registering(h httpx.HandlerFunc) httpx.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		err := h(w, r)
		no, ok := errors.AsType[*application.Refusal](err)
		if !ok {
			return err
		}
		out := &oauth.Error{Code: oauth.Code(no.Code), Description: no.Description, Cause: no.Cause}
		switch no.Code {
		case application.InvalidToken:
			w.Header().Set("WWW-Authenticate", challenge(r, no)) // RFC 6750, Section 3
			if bearer(r) == "" {
				httpx.Note(r, no.Code, no.Cause)
				bare(w)
				return nil
			}
		case application.AccessDenied:
			out.Forbidden = true
		case application.TooManyRequests:
			out.TooMany = true
		}
		return out
	}
}

// challenge says nothing to who showed no token (RFC 6750, Section 3.1).
func challenge(r *http.Request, no *application.Refusal) string {
	if bearer(r) == "" {
		return "Bearer"
	}
	return `Bearer error="` + no.Code + `", error_description="` + no.Description + `"`
}
