package softperson

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// A Page is what the server answered a browser.
type Page struct {
	Status   int
	URL      *url.URL // of the page, or where the browser is sent when it leaves
	Header   http.Header
	Body     string
	Left     bool       // the browser was sent to somebody else
	Posted   url.Values // the form that leads there (form_post); nil: a redirect
	SignedIn int        // how often the person signed in on the way
	Asked    int        // how often the person was asked to agree
}

// Choices are what a person does on the way.
type Choices struct {
	Deny         bool // says no when asked to agree
	StopAtSignIn bool
	StopAtAsk    bool // stays at the page that asks to agree
}

// Authorize opens an authorization request as a browser and goes where it leads:
// it signs in and agrees where it is asked to, and stops where the browser leaves
// the server.
func (p *Person) Authorize(ctx context.Context, target string, c Choices) (Page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return Page{}, err
	}
	return p.walk(ctx, r, c)
}

// PostAuthorize sends the request as a form from somebody else's page.
func (p *Person) PostAuthorize(ctx context.Context, target string, form url.Values, c Choices) (Page, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return Page{}, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return p.walk(ctx, r, c)
}

// maxSteps bounds a walk: a server that sends a browser round in circles fails.
const maxSteps = 12

func (p *Person) walk(ctx context.Context, r *http.Request, c Choices) (Page, error) {
	var seen Page
	for range maxSteps {
		page, err := p.step(r)
		page.SignedIn, page.Asked = seen.SignedIn, seen.Asked
		if err != nil || page.Left {
			return page, err
		}
		next, err := p.follow(ctx, &page, c)
		if err != nil || next == nil {
			return page, err
		}
		seen, r = page, next
	}
	return seen, errors.New("the server leads a browser in circles")
}

// step sends one request and follows no redirect.
func (p *Person) step(r *http.Request) (Page, error) {
	client := *p.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(r)
	if err != nil {
		return Page{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	page := Page{Status: resp.StatusCode, URL: r.URL, Header: resp.Header, Body: string(body)}
	if err != nil {
		return page, err
	}
	if resp.StatusCode/100 == 3 {
		if page.URL, err = resp.Location(); err != nil {
			return page, err
		}
		page.Left = page.URL.Scheme+"://"+page.URL.Host != p.origin
	}
	return page, nil
}

// follow is what a person does on a page; nil: there is nothing to do.
func (p *Person) follow(ctx context.Context, page *Page, c Choices) (*http.Request, error) {
	switch {
	case page.Status/100 == 3 && strings.HasSuffix(page.URL.Path, "/signin"):
		if c.StopAtSignIn {
			return nil, nil //nolint:nilnil // the person stops here
		}
		page.SignedIn++
		if err := p.SignIn(ctx); err != nil {
			return nil, err
		}
		back, err := url.Parse(page.URL.Query().Get("return_to"))
		if err != nil {
			return nil, err
		}
		return http.NewRequestWithContext(ctx, http.MethodGet, p.origin+back.String(), nil)
	case page.Status/100 == 3:
		return http.NewRequestWithContext(ctx, http.MethodGet, page.URL.String(), nil)
	case strings.Contains(page.Body, `id="consent"`):
		page.Asked++
		if c.StopAtAsk {
			return nil, nil //nolint:nilnil // the person stops here
		}
		return p.answerConsent(ctx, page, c)
	}
	return nil, p.leaveByForm(page)
}

func (p *Person) answerConsent(ctx context.Context, page *Page, c Choices) (*http.Request, error) {
	decision := "allow"
	if c.Deny {
		decision = "deny"
	}
	return p.submit(ctx, page.Body, "consent", decision)
}

// AllowDevice types a user code in and allows what the device asks for (RFC 8628,
// Section 3.3).
func (p *Person) AllowDevice(ctx context.Context, userCode string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.Issuer+"/device?user_code="+url.QueryEscape(userCode), nil)
	if err != nil {
		return err
	}
	page, err := p.step(r)
	if err != nil {
		return err
	}
	if r, err = p.submit(ctx, page.Body, "device", "allow"); err != nil {
		return fmt.Errorf("allow device: %d: %w", page.Status, err)
	}
	if page, err = p.step(r); err == nil && page.Status/100 > 3 {
		err = &Problem{Status: page.Status}
	}
	return err
}

// submit answers a page of the server by the form of an id.
func (p *Person) submit(ctx context.Context, body, id, decision string) (*http.Request, error) {
	action, fields, ok := formOf(body, id)
	if !ok {
		return nil, errors.New("the page that asks has no form")
	}
	fields.Set("decision", decision)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.origin+action, strings.NewReader(fields.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", p.origin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r, nil
}

// leaveByForm recognises a page that takes the answer to the application in a
// form (OAuth 2.0 Form Post Response Mode).
func (p *Person) leaveByForm(page *Page) error {
	action, fields, ok := formOf(page.Body, "form-post")
	if !ok {
		return nil
	}
	u, err := url.Parse(action)
	if err != nil {
		return fmt.Errorf("form_post: %w", err)
	}
	page.URL, page.Posted, page.Left = u, fields, true
	return nil
}

// formOf reads the form of an id: where it leads and its hidden fields. It knows
// the server's own pages, not HTML at large.
func formOf(body, id string) (action string, fields url.Values, ok bool) {
	at := strings.Index(body, `id="`+id+`"`)
	if at < 0 {
		return "", nil, false
	}
	start := strings.LastIndex(body[:at], "<form")
	end := strings.Index(body[at:], "</form>")
	if start < 0 || end < 0 {
		return "", nil, false
	}
	form := body[start : at+end]
	fields = url.Values{}
	for _, tag := range strings.Split(form, "<input")[1:] {
		tag, _, _ = strings.Cut(tag, ">")
		if name := attribute(tag, "name"); name != "" && attribute(tag, "type") == "hidden" {
			fields.Add(name, attribute(tag, "value"))
		}
	}
	tag, _, _ := strings.Cut(form, ">")
	return attribute(tag, "action"), fields, true
}

func attribute(tag, name string) string {
	_, after, ok := strings.Cut(tag, " "+name+`="`)
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(after, `"`)
	return html.UnescapeString(value)
}
