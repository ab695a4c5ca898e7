package oauth

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/model"
)

// maxActDepth is how many parties may act for a subject one through the other. A
// chain that is longer is refused, so it cannot grow without end.
const maxActDepth = 5

// agentProfile marks an actor that is an AI agent.
const agentProfile = "ai_agent"

// An actor is who will act with the token that is asked for: the party of an
// actor token, or else the client itself.
type actor struct {
	iss, sub string
	clientID model.ClientID // with which it acts; empty: it is not a client's
	agent    bool

	// Of an actor token; the client itself needs none.
	parents []string     // what a token hangs under with which this party acts
	issued  model.Millis // 0: there is none
	expires int64        // Unix seconds; 0: there is none
	session model.SessionID
}

func (x *exchange) asActor() actor {
	return actor{iss: x.Site.Issuer, sub: string(x.client.ID), clientID: x.client.ID, agent: x.client.Kind == model.KindAgent}
}

// An actClaim is one party of a chain (RFC 8693, Section 4.1).
type actClaim struct {
	Sub        string          `json:"sub"`
	Iss        string          `json:"iss,omitempty"`
	ClientID   string          `json:"client_id,omitempty"`
	SubProfile string          `json:"sub_profile,omitempty"`
	Act        json.RawMessage `json:"act,omitempty"`
}

var (
	errActDepth = errors.New("too many parties act one through the other")
	errAct      = errors.New("malformed act")
	errMayAct   = errors.New("may_act does not name this actor")
)

// delegate writes the act claim of an actor before those who acted earlier (RFC
// 8693, Section 4.1).
func delegate(a actor, earlier json.RawMessage) (json.RawMessage, error) {
	c := actClaim{Sub: a.sub, Act: earlier}
	if a.clientID != "" && string(a.clientID) != a.sub {
		c.ClientID = string(a.clientID)
	}
	if a.agent {
		c.SubProfile = agentProfile
	}
	if n, err := actDepth(earlier); err != nil || n >= maxActDepth {
		return nil, errors.Join(errActDepth, err)
	}
	out, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode act: %w", err)
	}
	return out, nil
}

// actDepth counts the parties of a chain, up to one more than may be.
func actDepth(act json.RawMessage) (int, error) {
	n := 0
	for ; len(act) > 0 && n <= maxActDepth; n++ {
		var c actClaim
		if err := json.Unmarshal(act, &c); err != nil {
			return n, errors.Join(errAct, err)
		}
		act = c.Act
	}
	return n, nil
}

// foreignAct takes the chain of another issuer over: the members that we know,
// and at each party who vouches for it.
func foreignAct(act json.RawMessage, iss string) (json.RawMessage, error) {
	if n, err := actDepth(act); err != nil || n > maxActDepth {
		return nil, errors.Join(errActDepth, err)
	}
	return foreignParty(act, iss)
}

func foreignParty(act json.RawMessage, iss string) (json.RawMessage, error) {
	if len(act) == 0 {
		return nil, nil
	}
	var c actClaim
	if err := json.Unmarshal(act, &c); err != nil || c.Sub == "" {
		return nil, errors.Join(errAct, err)
	}
	if c.Iss == "" {
		c.Iss = iss
	}
	var err error
	if c.Act, err = foreignParty(c.Act, iss); err != nil {
		return nil, err
	}
	out, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode act: %w", err)
	}
	return out, nil
}

// foreignMayAct takes the limit of another issuer over. Whom it names without an
// issuer is one of its own names, and no actor here has that name.
func foreignMayAct(mayAct json.RawMessage, iss string) (json.RawMessage, error) {
	if len(mayAct) == 0 {
		return nil, nil
	}
	var members map[string]any
	if err := json.Unmarshal(mayAct, &members); err != nil || len(members) == 0 {
		return nil, errors.Join(errAct, err)
	}
	if _, named := members["iss"]; !named {
		members["iss"] = iss
	}
	out, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("encode may_act: %w", err)
	}
	return out, nil
}

// checkMayAct: RFC 8693, Section 4.4: the subject token says who may act for its
// subject. Every member must fit the actor: one that we do not know is a condition
// that we cannot check.
func checkMayAct(mayAct json.RawMessage, a actor) error {
	if len(mayAct) == 0 {
		return nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(mayAct, &members); err != nil || len(members) == 0 {
		return errors.Join(errMayAct, err)
	}
	known := map[string]string{"iss": a.iss, "sub": a.sub, "client_id": string(a.clientID)}
	for name, member := range members {
		var text string
		if err := json.Unmarshal(member, &text); err != nil || text == "" || text != known[name] {
			return errors.Join(errMayAct, err)
		}
	}
	return nil
}
