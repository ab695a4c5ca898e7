// Package softperson answers approvals without a browser, over the same HTTP
// pages and API as the approver, with a passkey in software that says that it
// is one. The demo, the tests and the benchmarks use it; realms that are not
// for development refuse such a passkey.
package softperson

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"time"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/sdk/evidence"
)

// A Person is one browser with one passkey. It is not safe for concurrent use
// while it binds or signs in; deciding is.
type Person struct {
	HTTP   *http.Client
	Issuer string
	Key    *passkey.Software
	origin string
}

// New makes a person who has no passkey yet.
func New(issuer string) (*Person, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	origin := u.Scheme + "://" + u.Host
	key, err := passkey.NewSoftware(u.Hostname(), origin)
	if err != nil {
		return nil, err
	}
	return &Person{HTTP: &http.Client{Jar: jar, Timeout: 15 * time.Second}, Issuer: issuer, Key: key, origin: origin}, nil
}

// A Problem is a refusal of the server.
type Problem struct {
	Status int
	Code   string
	Detail string
	State  string
}

func (p *Problem) Error() string {
	return fmt.Sprintf("%d %s: %s", p.Status, p.Code, p.Detail)
}

// Bind opens a binding link, creates the passkey and is signed in then.
func (p *Person) Bind(ctx context.Context, link string) error {
	c, err := p.ceremony(ctx, link)
	if err != nil {
		return fmt.Errorf("open the binding link: %w", err)
	}
	response, err := p.Key.Create(c.Options)
	if err != nil {
		return fmt.Errorf("create the passkey: %w", err)
	}
	body := map[string]any{"state": c.State, "response": json.RawMessage(response)}
	if _, err := p.Call(ctx, http.MethodPost, p.Issuer+"/bind", body); err != nil {
		return fmt.Errorf("bind the passkey: %w", err)
	}
	return nil
}

// SignIn signs in with the passkey that was bound before, whoever is signed in. Like the page's
// script it signs nothing that the server chose: [passkey.SignInChallenge].
func (p *Person) SignIn(ctx context.Context) error {
	c, err := p.ceremony(ctx, p.Issuer+"/signin?other=1")
	if err != nil {
		return fmt.Errorf("open the sign-in page: %w", err)
	}
	var options struct {
		Nonce evidence.Bytes `json:"challenge"`
	}
	if err := json.Unmarshal(c.Options, &options); err != nil {
		return fmt.Errorf("options of the sign-in page: %w", err)
	}
	response, err := p.Key.Assert(passkey.SignInChallenge(options.Nonce))
	if err != nil {
		return fmt.Errorf("use the passkey: %w", err)
	}
	body := map[string]any{"state": c.State, "response": json.RawMessage(response)}
	if _, err := p.Call(ctx, http.MethodPost, p.Issuer+"/signin", body); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	return nil
}

// ceremony is what the hosted pages embed for their script.
type ceremony struct {
	Options json.RawMessage `json:"options"`
	State   string          `json:"state"`
}

func (p *Person) ceremony(ctx context.Context, link string) (ceremony, error) {
	var c ceremony
	page, err := p.Call(ctx, http.MethodGet, link, nil)
	if err != nil {
		return c, err
	}
	_, after, found := bytes.Cut(page, []byte(`id="assent-ceremony"`))
	_, after, opened := bytes.Cut(after, []byte(">"))
	text, _, closed := bytes.Cut(after, []byte("</script>"))
	if !found || !opened || !closed {
		return c, errors.New("the page offers no passkey ceremony")
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("the page's passkey ceremony: %w", err)
	}
	return c, nil
}

// An Asked approval as the person's list shows it.
type Asked struct {
	ID         string `json:"id"`
	Title      string `json:"title"`
	State      string `json:"state"`
	Comparison string `json:"comparison"`
}

// List lists what is pending or ended, newest first.
func (p *Person) List(ctx context.Context, state string) ([]Asked, error) {
	text, err := p.Call(ctx, http.MethodGet, p.Issuer+"/v1/approvals?state="+url.QueryEscape(state), nil)
	if err != nil {
		return nil, fmt.Errorf("list approvals: %w", err)
	}
	var list struct {
		Approvals []Asked `json:"approvals"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("list approvals: %w", err)
	}
	return list.Approvals, nil
}

// Statement reads the exact statement of an approval.
func (p *Person) Statement(ctx context.Context, id string) (json.RawMessage, error) {
	text, err := p.Call(ctx, http.MethodGet, p.at(id), nil)
	if err != nil {
		return nil, fmt.Errorf("open approval %s: %w", id, err)
	}
	var view struct {
		Statement json.RawMessage `json:"statement"`
	}
	if err := json.Unmarshal(text, &view); err != nil {
		return nil, fmt.Errorf("open approval %s: %w", id, err)
	}
	return view.Statement, nil
}

func (p *Person) at(id string) string { return p.Issuer + "/v1/approvals/" + url.PathEscape(id) }

// Decided is what the person saw and signed.
type Decided struct {
	Statement evidence.Statement
	Decision  evidence.Decision
	Challenge [32]byte
}

// Decide answers an approval: it computes the challenge from the statement
// that it was shown, never from one that it was handed. A no is signed too.
func (p *Person) Decide(ctx context.Context, id, answer string) (Decided, error) {
	raw, err := p.Statement(ctx, id)
	if err != nil {
		return Decided{}, err
	}
	done, err := NewDecision(raw, answer)
	if err != nil {
		return Decided{}, fmt.Errorf("decide %s: %w", id, err)
	}
	body, err := p.Sign(done.Decision)
	if err != nil {
		return Decided{}, fmt.Errorf("sign the decision on %s: %w", id, err)
	}
	if err := p.Send(ctx, id, body); err != nil {
		return Decided{}, fmt.Errorf("decide %s: %w", id, err)
	}
	return done, nil
}

// NewDecision answers a statement as it was asked.
func NewDecision(statement json.RawMessage, answer string) (Decided, error) {
	var done Decided
	var err error
	if done.Statement, err = evidence.ParseStatement(statement); err != nil {
		return done, err
	}
	canonical, err := evidence.Canonical(statement)
	if err != nil {
		return done, err
	}
	done.Decision = evidence.Decision{Typ: evidence.DecisionType, Statement: evidence.Hash(canonical), Answer: answer, At: time.Now().Unix()}
	if answer == evidence.Approve {
		done.Decision.Granted = &done.Statement.Action
	}
	decision, err := done.Decision.Canonical()
	if err != nil {
		return done, err
	}
	done.Challenge = evidence.Challenge(decision)
	return done, nil
}

// An Answer is the body of a decision.
type Answer struct {
	Decision  json.RawMessage `json:"decision"`
	Assertion json.RawMessage `json:"assertion,omitempty"`
}

// Sign signs exactly this decision.
func (p *Person) Sign(d evidence.Decision) (Answer, error) {
	decision, err := d.Canonical()
	if err != nil {
		return Answer{}, err
	}
	challenge := evidence.Challenge(decision)
	assertion, err := p.Key.Assert(challenge[:])
	if err != nil {
		return Answer{}, err
	}
	return Answer{Decision: decision, Assertion: assertion}, nil
}

// Send sends an answer; the error is a *Problem if the server refused it.
func (p *Person) Send(ctx context.Context, id string, a Answer) error {
	_, err := p.Call(ctx, http.MethodPost, p.at(id)+"/decision", a)
	return err
}

// Call sends one request as a page of the issuer would; the error is a
// *Problem if the server refused it.
func (p *Person) Call(ctx context.Context, method, target string, body any) ([]byte, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, target, content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", p.origin)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := p.HTTP.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		refused := &Problem{}
		_ = json.Unmarshal(text, refused) // a page for people has no code
		refused.Status = resp.StatusCode
		return nil, refused
	}
	return text, nil
}
