package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/assent-id/assent/bench/load"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/evidence"
)

// A person sits in front of the approver with a passkey in software and the
// session that binding it gave. What is measured goes over a connection of the
// load generator: the standard client would cost as much as the server does.
type person struct {
	*softperson.Person
	conn   *load.Conn // of the window: a server closes what is idle for long
	host   string
	header [][2]string // cookies and what a browser says about the origin
}

// newPerson opens the invitation, binds a passkey and keeps the session.
func newPerson(s *server, link string) (*person, error) {
	soft, err := softperson.New(s.issuer)
	if err != nil {
		return nil, err
	}
	if err := soft.Bind(context.Background(), link); err != nil { // the client has a time limit of its own
		return nil, err
	}
	soft.HTTP.CloseIdleConnections()
	p := &person{Person: soft, host: s.host, header: [][2]string{{"Origin", s.issuer}, {"Sec-Fetch-Site", "same-origin"}}}
	issuer, err := url.Parse(s.issuer)
	if err != nil {
		return nil, err
	}
	for _, cookie := range soft.HTTP.Jar.Cookies(issuer) {
		p.header = append(p.header, [2]string{"Cookie", cookie.Name + "=" + cookie.Value})
	}
	return p, nil
}

// approve opens the approval, signs the decision as the approver does, and
// sends it in.
func (p *person) approve(id, statementHash string) error {
	path := "/v1/approvals/" + id
	answer, err := p.conn.Do(load.Get(p.host, path, p.header...))
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
	answer, err = p.conn.Do(load.JSON(p.host, path+"/decision", string(body), p.header...))
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
	done, err := softperson.NewDecision(shown.Statement, evidence.Approve)
	if err != nil {
		return nil, fmt.Errorf("decide: %w", err)
	}
	if got := done.Decision.Statement; got != statementHash {
		return nil, fmt.Errorf("statement hash is %s, the agent was told %s", got, statementHash)
	}
	signed, err := p.Sign(done.Decision)
	if err != nil {
		return nil, fmt.Errorf("sign with passkey: %w", err)
	}
	return json.Marshal(signed)
}
