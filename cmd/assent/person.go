package main

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

// A person answers approvals without a browser, over the same HTTP pages and
// API as the approver, with a passkey in software that says that it is one.
// Demos and tests use it; production realms refuse such a passkey.
type person struct {
	http   *http.Client
	issuer string
	origin string
	key    *passkey.Software
}

func newPerson(issuer string) (*person, error) {
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
	return &person{
		http:   &http.Client{Jar: jar, Timeout: 15 * time.Second},
		issuer: issuer, origin: origin, key: key,
	}, nil
}

// ceremony is what the hosted pages embed for their script.
type ceremony struct {
	Options json.RawMessage `json:"options"`
	State   string          `json:"state"`
}

// bind opens a binding link, creates the passkey and is signed in then.
func (d *person) bind(ctx context.Context, link string) error {
	page, err := d.call(ctx, http.MethodGet, link, nil)
	if err != nil {
		return fmt.Errorf("open the binding link: %w", err)
	}
	c, err := readCeremony(page)
	if err != nil {
		return fmt.Errorf("open the binding link: %w", err)
	}
	response, err := d.key.Create(c.Options)
	if err != nil {
		return err
	}
	body := map[string]any{"state": c.State, "response": json.RawMessage(response)}
	if _, err := d.call(ctx, http.MethodPost, d.issuer+"/bind", body); err != nil {
		return fmt.Errorf("bind the passkey: %w", err)
	}
	return nil
}

func readCeremony(page []byte) (ceremony, error) {
	var c ceremony
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

// An asked approval as the person's list shows it.
type askedApproval struct {
	ID         string `json:"id"`
	Title      string `json:"title"`
	Comparison string `json:"comparison"`
}

// pending lists what waits for an answer, newest first.
func (d *person) pending(ctx context.Context) ([]askedApproval, error) {
	text, err := d.call(ctx, http.MethodGet, d.issuer+"/v1/approvals?state=pending", nil)
	if err != nil {
		return nil, fmt.Errorf("list approvals: %w", err)
	}
	var list struct {
		Approvals []askedApproval `json:"approvals"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("list approvals: %w", err)
	}
	return list.Approvals, nil
}

// A decided approval is what the person saw and signed.
type decided struct {
	Statement evidence.Statement
	Decision  evidence.Decision
	Challenge [32]byte
}

// decide answers an approval: it computes the challenge from the statement
// that it was shown, never from one that it was handed.
func (d *person) decide(ctx context.Context, id, answer string) (decided, error) {
	at := d.issuer + "/v1/approvals/" + url.PathEscape(id)
	text, err := d.call(ctx, http.MethodGet, at, nil)
	if err != nil {
		return decided{}, fmt.Errorf("open approval %s: %w", id, err)
	}
	var view struct {
		Statement json.RawMessage `json:"statement"`
	}
	if err := json.Unmarshal(text, &view); err != nil {
		return decided{}, fmt.Errorf("open approval %s: %w", id, err)
	}
	done, body, err := d.sign(view.Statement, answer)
	if err != nil {
		return decided{}, fmt.Errorf("sign the decision on %s: %w", id, err)
	}
	if _, err := d.call(ctx, http.MethodPost, at+"/decision", body); err != nil {
		return decided{}, fmt.Errorf("decide %s: %w", id, err)
	}
	return done, nil
}

func (d *person) sign(statement json.RawMessage, answer string) (decided, map[string]any, error) {
	var done decided
	var err error
	if done.Statement, err = evidence.ParseStatement(statement); err != nil {
		return done, nil, err
	}
	canonical, err := evidence.Canonical(statement)
	if err != nil {
		return done, nil, err
	}
	done.Decision = evidence.Decision{
		Typ: evidence.DecisionType, Statement: evidence.Hash(canonical), Answer: answer, At: time.Now().Unix(),
	}
	if answer == evidence.Approve {
		done.Decision.Granted = &done.Statement.Action
	}
	decision, err := done.Decision.Canonical()
	if err != nil {
		return done, nil, err
	}
	done.Challenge = evidence.Challenge(decision)
	assertion, err := d.key.Assert(done.Challenge[:])
	if err != nil {
		return done, nil, err
	}
	return done, map[string]any{"decision": json.RawMessage(decision), "assertion": json.RawMessage(assertion)}, nil
}

// call sends one request as a page of the issuer would.
func (d *person) call(ctx context.Context, method, target string, body any) ([]byte, error) {
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
		r.Header.Set("Origin", d.origin)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	resp, err := d.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := readLimited(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 != 2 {
		return nil, fmt.Errorf("%s %s: %s", method, r.URL.Path, problemText(resp.Status, text))
	}
	return text, nil
}

func problemText(status string, body []byte) string {
	var p struct{ Code, Detail string }
	if json.Unmarshal(body, &p) != nil || p.Code == "" {
		return status
	}
	return fmt.Sprintf("%s (%s: %s)", status, p.Code, p.Detail)
}
