package oauth

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// Response modes: OAuth 2.0 Multiple Response Type Encoding Practices, Section
// 2.1; OAuth 2.0 Form Post Response Mode, Section 2; JARM, Section 2.3. There is
// no fragment: it is for tokens in the answer, and we give none there.
const (
	modeQuery       = "query"
	modeFormPost    = "form_post"
	modeJWT         = "jwt" // query.jwt, for the code flow
	modeQueryJWT    = "query.jwt"
	modeFormPostJWT = "form_post.jwt"
)

// ResponseModes are the supported response modes, for metadata.
func ResponseModes() []string {
	return []string{modeQuery, modeFormPost, modeQueryJWT, modeFormPostJWT, modeJWT}
}

// responseModes are those that an application may ask for. The first is the one
// that it gets without asking.
func responseModes(s *model.ApplicationSettings) []string {
	signed := []string{modeJWT, modeQueryJWT, modeFormPostJWT}
	switch {
	case len(s.ResponseModes) > 0:
		if i := slices.Index(s.ResponseModes, modeQuery); i > 0 {
			return append([]string{modeQuery}, s.ResponseModes...)
		}
		return s.ResponseModes
	case s.Profile == model.ProfileFAPI2Signing: // FAPI 2.0 Message Signing, Section 5.4
		return signed
	case s.AuthorizationAlg != "":
		return append([]string{modeQuery, modeFormPost}, signed...)
	default:
		return []string{modeQuery, modeFormPost}
	}
}

// checkResponseMode finds out in which form the answer goes back. It stands
// right behind the redirect URI, so that every other refusal goes back in it.
func (e *Engine) checkResponseMode(_ context.Context, x *exchange) error {
	may := responseModes(&x.client.Settings)
	x.authz.mode = may[0]
	asked := x.Params.Get("response_mode")
	if asked == "" {
		return nil
	}
	if x.authz.within != nil && strings.HasPrefix(asked, modeFormPost) {
		// The answer is an address that the application is told, and no page of ours.
		return &Error{Code: InvalidRequest, Description: "response_mode form_post does not go with signing in within the application"}
	}
	if !slices.Contains(may, asked) || strings.HasPrefix(asked, modeFormPost) && !onTheWeb(x.authz.redirect) {
		return &Error{Code: InvalidRequest, Description: "response_mode is not one that this application may use"}
	}
	x.authz.mode = asked
	return nil
}

// onTheWeb reports whether a browser can post a form there. What a private-use
// scheme stands for (RFC 8252, Section 7.1) takes no forms.
func onTheWeb(uri string) bool {
	return strings.HasPrefix(uri, "https://") || strings.HasPrefix(uri, "http://")
}

// A Delivery is an authorization response on its way to the application. It is
// either a redirect or a form.
type Delivery struct {
	Mode   string
	URI    string
	Params [][2]string // in order, as they are sent
	// Location is where to send the browser: the registered URI with the
	// parameters in its query. Empty if there is a form.
	Location string
	Form     *FormPost
	// Refusal is the error that the response says; nil: it holds a code.
	Refusal *Error
}

// A FormPost is a form that the browser posts to the application (OAuth 2.0 Form
// Post Response Mode, Section 2). All of it is untrusted text.
type FormPost struct {
	Action string
	Fields [][2]string // name, value
}

// deliver brings the parameters of a response into the form that was asked for.
func (e *Engine) deliver(ctx context.Context, x *exchange, params [][2]string) (Delivery, error) {
	mode := x.authz.mode
	if mode == "" {
		mode = responseModes(&x.client.Settings)[0]
	}
	d := Delivery{Mode: mode, URI: x.authz.redirect, Params: params}
	if strings.HasSuffix(mode, modeJWT) {
		response, err := e.signResponse(ctx, x, params)
		if err != nil {
			return Delivery{}, err
		}
		d.Params = [][2]string{{"response", response}}
	}
	if strings.HasPrefix(mode, modeFormPost) {
		d.Form = &FormPost{Action: d.URI, Fields: d.Params}
		return d, nil
	}
	d.Location = withQuery(d.URI, d.Params)
	return d, nil
}

// withQuery adds parameters to a URI; a query that it has stays as it is (RFC
// 6749, Sections 3.1.2 and 4.1.2).
func withQuery(uri string, params [][2]string) string {
	var b strings.Builder
	b.WriteString(uri)
	between := "?"
	if _, query, found := strings.Cut(uri, "?"); found {
		between = "&"
		if query == "" || strings.HasSuffix(query, "&") {
			between = ""
		}
	}
	for _, p := range params {
		b.WriteString(between + p[0] + "=" + url.QueryEscape(p[1]))
		between = "&"
	}
	return b.String()
}

// responseLife of a signed response, in seconds: enough for a redirect, and less
// than the 10 minutes of JARM, Section 2.1.
const responseLife = 300

// signResponse: JARM, Section 2.1. Its iss is that of RFC 9207, Section 2.4.
func (e *Engine) signResponse(ctx context.Context, x *exchange, params [][2]string) (string, error) {
	c := newObject(512)
	c.text("iss", x.Site.Issuer)
	c.text("aud", string(x.client.ID))
	c.number("exp", x.now.Unix()+responseLife)
	for _, p := range params {
		if p[0] != "iss" {
			c.text(p[0], p[1])
		}
	}
	compact, err := e.cfg.Keys.Sign(ctx, x.Site, tokenAlg(x.client.Settings.AuthorizationAlg), "JWT", c.close())
	if err != nil {
		return "", fmt.Errorf("sign authorization response: %w", err)
	}
	return compact, nil
}
