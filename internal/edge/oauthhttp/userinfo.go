package oauthhttp

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

func (e *Endpoints) registerUserinfo(mux *http.ServeMux) {
	h := allowCORS(httpx.Adapt(e.userinfo, refuseResource))
	mux.Handle("GET /userinfo", h)
	mux.Handle("POST /userinfo", h)
	openRest(mux, "/userinfo")
}

func (e *Endpoints) userinfo(w http.ResponseWriter, r *http.Request) error {
	p, err := presented(w, r)
	if err != nil {
		return err
	}
	answer, err := e.cfg.Engine.Userinfo(r.Context(), p)
	httpx.SetActor(r, string(answer.Client))
	if err != nil {
		return err
	}
	return httpx.WriteRaw(w, http.StatusOK, answer.ContentType, answer.Body)
}

// errNoToken asks for a token; RFC 6750, Section 3.1: nothing more is said to
// who showed none.
var errNoToken = &oauth.Error{Code: oauth.InvalidToken, Description: "an access token is needed", Resource: true}

// presented finds the access token of a request: in the header (RFC 6750,
// Section 2.1) or in the form of a POST (Section 2.2), once, and never in the
// query, which ends in logs (OAuth 2.1, Section 5.2).
func presented(w http.ResponseWriter, r *http.Request) (oauth.Presented, error) {
	p := oauth.Presented{Site: httpx.Site(r), Request: requestOf(r)}
	if r.URL.Query().Has("access_token") {
		return p, badlyPresented("a token in the query is not taken")
	}
	form, err := formTokens(w, r)
	if err != nil {
		return p, err
	}
	headers := r.Header.Values("Authorization")
	if len(form)+len(headers) > 1 {
		return p, badlyPresented("the token was sent twice")
	}
	for _, header := range headers {
		p.Scheme, p.Token, _ = strings.Cut(header, " ")
		p.Token = strings.TrimSpace(p.Token)
		if !isScheme(p.Scheme) {
			p.Token = "" // not for this resource (RFC 9110, Section 11.6.2)
		}
	}
	for _, token := range form {
		p.Scheme, p.Token = "Bearer", token
	}
	if p.Token == "" {
		return p, errNoToken
	}
	return p, nil
}

func isScheme(scheme string) bool {
	return strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "DPoP")
}

func badlyPresented(description string) error {
	return &oauth.Error{Code: oauth.InvalidRequest, Description: description}
}

// formTokens are the tokens in the body, if that is a form.
func formTokens(w http.ResponseWriter, r *http.Request) ([]string, error) {
	if r.Method != http.MethodPost || !isForm(r.Header.Get("Content-Type")) {
		return nil, nil
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, unread(w, err)
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || len(values) > maxParams {
		return nil, &oauth.Error{Code: oauth.InvalidRequest, Description: "the form is malformed", Cause: err}
	}
	return values["access_token"], nil
}

// bare asks for a token with the challenge alone.
func bare(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusUnauthorized)
}

// resourceURL is where the metadata of a realm as a resource are: the well-known
// part comes before the path of its issuer (RFC 9728, Section 3.1).
func resourceURL(site *model.Site) string {
	return strings.TrimSuffix(site.Issuer, site.Path) + ResourcePath + site.Path
}

// withParameter adds a parameter to a challenge, which may have none yet.
func withParameter(challenge, parameter string) string {
	if strings.Contains(challenge, " ") {
		return challenge + ", " + parameter
	}
	return challenge + " " + parameter
}

// refuseResource writes the errors of a protected resource (RFC 6750, Section 3;
// RFC 9449, Section 7.1): a challenge in the header says what is wrong, and the
// body says it again for people.
func refuseResource(w http.ResponseWriter, r *http.Request, err error) {
	refusal := oauth.AsRefusedToken(err)
	httpx.Note(r, string(refusal.Code), refusal.Cause)
	if refusal.Status() >= http.StatusInternalServerError {
		writeError(w, r, refusal)
		return
	}
	shown := refusal
	if refusal == errNoToken {
		shown = nil
	}
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	h := w.Header()
	for i, challenge := range oauth.Challenges(httpx.Site(r), scheme, shown) {
		if i == 0 && refusal.Code == oauth.InsufficientScope {
			challenge += `, scope="openid"`
		}
		if refusal.Status() == http.StatusUnauthorized { // RFC 9728, Section 5.1
			challenge = withParameter(challenge, `resource_metadata="`+resourceURL(httpx.Site(r))+`"`)
		}
		h.Add("WWW-Authenticate", challenge)
	}
	offerNonce(w, refusal.Nonce)
	if shown == nil { // RFC 6750, Section 3.1: no error code, nor anything else
		bare(w)
		return
	}
	body, err := json.Marshal(map[string]string{"error": string(refusal.Code), "error_description": refusal.Description})
	if err == nil {
		err = httpx.WriteRaw(w, refusal.Status(), "application/json", body)
	}
	if err != nil {
		httpx.Note(r, string(refusal.Code), err)
	}
}
