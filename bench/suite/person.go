package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/assent-id/assent/bench/load"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/sdk/evidence"
)

// A person sits in front of the approver with a passkey in software and the
// session cookie that binding it gave.
type person struct {
	conn   *load.Conn
	server *server
	key    *passkey.Software
	header [][2]string // cookie and what a browser says about the origin
}

// ceremonyPattern finds what a hosted page hands to its script.
var ceremonyPattern = regexp.MustCompile(`(?s)<script type="application/json" id="assent-ceremony"[^>]*>(.*?)</script>`)

// newPerson opens the invitation, binds a passkey and keeps the session.
func newPerson(s *server, link string) (*person, error) {
	target, err := url.Parse(link)
	if err != nil {
		return nil, err
	}
	key, err := passkey.NewSoftware("localhost", s.issuer)
	if err != nil {
		return nil, err
	}
	p := &person{server: s, key: key, header: [][2]string{{"Origin", s.issuer}, {"Sec-Fetch-Site", "same-origin"}}}
	if p.conn, err = load.Dial(s.address); err != nil {
		return nil, err
	}
	page, err := p.conn.Do(load.Get(s.host, target.RequestURI()))
	if err != nil {
		return nil, err
	}
	found := ceremonyPattern.FindSubmatch(page.Body)
	if page.Status != 200 || found == nil {
		return nil, fmt.Errorf("binding page: status %d: %.500s", page.Status, page.Body)
	}
	return p, p.bind(bytes.Clone(found[1]))
}

// bind creates the passkey that the page asks for and sends it in.
func (p *person) bind(ceremony []byte) error {
	var c struct {
		Options json.RawMessage `json:"options"`
		State   string          `json:"state"`
	}
	if err := json.Unmarshal(ceremony, &c); err != nil {
		return fmt.Errorf("parse ceremony: %w", err)
	}
	response, err := p.key.Create(c.Options)
	if err != nil {
		return fmt.Errorf("create passkey: %w", err)
	}
	body, err := json.Marshal(map[string]any{"state": c.State, "response": json.RawMessage(response)})
	if err != nil {
		return err
	}
	answer, err := p.conn.Do(load.JSON(p.server.host, "/bind", string(body), p.header...))
	if err != nil {
		return err
	}
	if answer.Status != 200 || len(answer.Cookie) == 0 {
		return fmt.Errorf("bind passkey: status %d: %.500s", answer.Status, answer.Body)
	}
	for _, cookie := range answer.Cookie {
		value, _, _ := strings.Cut(cookie, ";")
		p.header = append(p.header, [2]string{"Cookie", value})
	}
	return nil
}

// approve opens the approval, signs the decision as the approver does, and
// sends it in.
func (p *person) approve(id, statementHash string) error {
	path := "/v1/approvals/" + id
	answer, err := p.conn.Do(load.Get(p.server.host, path, p.header...))
	if err != nil {
		return err
	}
	if answer.Status != 200 {
		return fmt.Errorf("open approval: status %d: %.500s", answer.Status, answer.Body)
	}
	body, err := p.decide(answer.Body, statementHash)
	if err != nil {
		return err
	}
	answer, err = p.conn.Do(load.JSON(p.server.host, path+"/decision", string(body), p.header...))
	if err != nil {
		return err
	}
	if answer.Status != 200 {
		return fmt.Errorf("decide: status %d: %.500s", answer.Status, answer.Body)
	}
	return nil
}

// decide computes the challenge from the statement that was shown, never from
// what the server calls its hash.
func (p *person) decide(approval []byte, statementHash string) ([]byte, error) {
	var shown struct {
		Statement json.RawMessage `json:"statement"`
	}
	if err := json.Unmarshal(approval, &shown); err != nil {
		return nil, err
	}
	statement, err := evidence.ParseStatement(shown.Statement)
	if err != nil {
		return nil, fmt.Errorf("parse statement: %w", err)
	}
	text, err := evidence.Canonical(shown.Statement)
	if err != nil {
		return nil, err
	}
	if got := evidence.Hash(text); got != statementHash {
		return nil, fmt.Errorf("statement hash is %s, the agent was told %s", got, statementHash)
	}
	decision := evidence.Decision{
		Typ: evidence.DecisionType, Statement: statementHash, Answer: evidence.Approve,
		Granted: &statement.Action, At: time.Now().Unix(),
	}
	canonical, err := decision.Canonical()
	if err != nil {
		return nil, err
	}
	challenge := evidence.Challenge(canonical)
	assertion, err := p.key.Assert(challenge[:])
	if err != nil {
		return nil, fmt.Errorf("sign with passkey: %w", err)
	}
	return json.Marshal(map[string]json.RawMessage{"decision": canonical, "assertion": assertion})
}
