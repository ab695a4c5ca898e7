package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"sync/atomic"

	"github.com/assent-id/assent/bench/load"
	"github.com/assent-id/assent/sdk/evidence"
)

// cibaSteps is one whole approval per operation: the agent asks, the person
// opens and answers it with a passkey, the agent fetches token and evidence.
func cibaSteps(s *server, n, _ int) ([]load.Step, func(), error) {
	if err := s.seatPeople(n); err != nil {
		return nil, nil, err
	}
	jwks, err := s.get("/v1/evidence/keys")
	if err != nil {
		return nil, nil, err
	}
	conns, closeAll, err := dial(s.address, 2*n)
	if err != nil {
		return nil, nil, err
	}
	var approvals atomic.Int64
	steps := make([]load.Step, n)
	for i := range steps {
		s.pairs[i].person.conn = conns[n+i]
		a := &agent{server: s, conn: conns[i], pair: &s.pairs[i], jwks: jwks, ask: askRequest(s, &s.pairs[i])}
		steps[i] = func() error { return a.approval(approvals.Add(1)%sampleEvery == 1) }
	}
	return steps, closeAll, nil
}

// seatPeople binds a passkey for everybody who has none yet.
func (s *server) seatPeople(n int) error {
	if n > len(s.pairs) {
		return fmt.Errorf("%d people for %d connections", len(s.pairs), n)
	}
	for i := range n {
		p := &s.pairs[i]
		if p.person != nil {
			continue
		}
		var err error
		if p.person, err = newPerson(s, p.link); err != nil {
			return fmt.Errorf("bind passkey of %s: %w", p.username, err)
		}
	}
	return nil
}

// askRequest is what the agent asks each time: one deployment.
func askRequest(s *server, p *pair) []byte {
	return load.Form(s.host, "/oauth/bc-authorize", url.Values{
		"login_hint":            {p.username},
		"binding_message":       {"Deploy version 2 to production"},
		"authorization_details": {`[{"type":"assent_action","details":{"service":"api","version":"2"}}]`},
	}, basic(p.agent.ClientID, p.agent.ClientSecret))
}

// An agent asks for approvals over one connection.
type agent struct {
	server *server
	conn   *load.Conn
	pair   *pair
	jwks   []byte
	ask    []byte
}

// approval is one operation, from the question to the evidence. whole says
// whether to verify the evidence too.
func (a *agent) approval(whole bool) error {
	var asked struct {
		AuthReqID     string `json:"auth_req_id"`
		ApprovalID    string `json:"approval_id"`
		StatementHash string `json:"statement_hash"`
	}
	answer, err := a.conn.Do(a.ask)
	if err != nil {
		return err
	}
	if answer.Status != 200 {
		return fmt.Errorf("ask: status %d: %.500s", answer.Status, answer.Body)
	}
	if err := json.Unmarshal(answer.Body, &asked); err != nil {
		return err
	}
	if err := a.pair.person.approve(asked.ApprovalID, asked.StatementHash); err != nil {
		return err
	}
	token, err := a.collect(asked.AuthReqID)
	if err != nil {
		return err
	}
	return a.evidence(asked.ApprovalID, token, whole)
}

// collect polls for the token of a decided approval.
func (a *agent) collect(authReqID string) (string, error) {
	answer, err := a.conn.Do(load.Form(a.server.host, "/oauth/token", url.Values{
		"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {authReqID},
	}, basic(a.pair.agent.ClientID, a.pair.agent.ClientSecret)))
	if err != nil {
		return "", err
	}
	if answer.Status != 200 {
		return "", fmt.Errorf("poll: status %d: %.500s", answer.Status, answer.Body)
	}
	return accessToken(answer.Body)
}

// evidence fetches what proves the approval.
func (a *agent) evidence(approvalID, token string, whole bool) error {
	path := "/v1/approvals/" + approvalID + "/evidence"
	answer, err := a.conn.Do(load.Get(a.server.host, path, [2]string{"Authorization", "Bearer " + token}))
	if err != nil {
		return err
	}
	if answer.Status != 200 || !bytes.Contains(answer.Body, []byte(approvalID)) {
		return fmt.Errorf("evidence: status %d: %.500s", answer.Status, answer.Body)
	}
	if !whole {
		return nil
	}
	if _, err := a.server.verify(token); err != nil {
		return fmt.Errorf("access token: %w", err)
	}
	verified, err := evidence.Verify(answer.Body, a.jwks, evidence.Options{Issuer: a.server.issuer})
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if verified.Outcome != evidence.Approved || verified.Statement.ID != approvalID {
		return fmt.Errorf("evidence of %s says %s", verified.Statement.ID, verified.Outcome)
	}
	return nil
}
