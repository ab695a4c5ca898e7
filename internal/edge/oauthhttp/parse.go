package oauthhttp

import (
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Limits on a form.
const (
	maxForm   = 64 << 10 // bytes
	maxParams = 100
)

// requestOf is what stands outside of a request's parameters.
func requestOf(r *http.Request) oauth.Request {
	return oauth.Request{Site: httpx.Site(r), Method: r.Method, Path: r.URL.Path, DPoP: r.Header.Values("DPoP"),
		Certificate: certificateOf(r), Address: address(r), UserAgent: r.UserAgent()}
}

// address is where the connection comes from, without its port.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// parse reads the whole request once. Parameters come from the body alone:
// what stands in a URL ends in logs (RFC 6749, Section 2.3.1).
func parse(w http.ResponseWriter, r *http.Request) (oauth.Request, error) {
	req := requestOf(r)
	if !isForm(r.Header.Get("Content-Type")) {
		return req, &oauth.Error{Code: oauth.InvalidRequest, Description: "the body must be application/x-www-form-urlencoded"}
	}
	body, err := readBody(w, r)
	if err != nil {
		return req, unread(w, err)
	}
	values, err := url.ParseQuery(string(body))
	if err != nil || len(values) > maxParams {
		return req, &oauth.Error{Code: oauth.InvalidRequest, Description: "the form is malformed", Cause: err}
	}
	req.Params = oauth.Params(values)
	if req.Basic, err = basic(r.Header.Get("Authorization")); err != nil {
		return req, &oauth.Error{Code: oauth.InvalidClient, Description: "client authentication failed", Cause: err, Basic: true}
	}
	req.Wait = httpx.PreferredWait(r)
	return req, nil
}

func isForm(contentType string) bool {
	const form = "application/x-www-form-urlencoded"
	if contentType == form {
		return true
	}
	mt, _, err := mime.ParseMediaType(contentType)
	return err == nil && mt == form
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if n := r.ContentLength; n > maxForm {
		return nil, &http.MaxBytesError{Limit: maxForm}
	} else if n >= 0 {
		body := make([]byte, n)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	return io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
}

// unread refuses a body that is too large, or was cut off.
func unread(w http.ResponseWriter, err error) error {
	if httpx.TooLarge(w, err) {
		return &oauth.Error{Code: oauth.InvalidRequest, Description: "the body is larger than 64 kB", Cause: err}
	}
	return &oauth.Error{Code: oauth.InvalidRequest, Description: "the body could not be read", Cause: err}
}

// basic reads an Authorization header. Other schemes are not for this
// endpoint and not looked at; scheme names ignore case (RFC 9110, Section 11.1).
func basic(header string) (*oauth.BasicCredentials, error) {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return nil, nil //nolint:nilnil // no Basic credentials is an answer
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(rest))
	if err != nil {
		return nil, err
	}
	user, password, ok := strings.Cut(string(raw), ":")
	if !ok {
		return nil, errors.New("basic credentials without a colon")
	}
	return &oauth.BasicCredentials{User: user, Password: password}, nil
}
