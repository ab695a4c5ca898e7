package assent

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
)

// approvalNeeded is the error code of an API that wants an approval for a request
// (draft-zehavi-oauth-rar-metadata).
const approvalNeeded = "insufficient_authorization_details"

// maxChallenge bounds what an API may want approved, in bytes.
const maxChallenge = 64 << 10

// A challenge is the body of such an answer.
type challenge struct {
	Error    string            `json:"error"`
	Scope    string            `json:"scope"`
	Resource string            `json:"resource"`
	Message  string            `json:"binding_message"`
	Details  []json.RawMessage `json:"authorization_details"`
}

// wanted is what the API of a resource wants approved. ok is false for an answer that
// is not followed; its body can be read then as if nobody had. An API that speaks for
// another one is not heard.
func wanted(resp *http.Response, resource, person string) (a Action, ok bool) {
	body, whole := peek(resp)
	var c challenge
	if !whole || json.Unmarshal(body, &c) != nil || c.Error != approvalNeeded || c.Resource != resource {
		return Action{}, false
	}
	a = Action{Person: person, Message: c.Message, Scope: c.Scope, Resource: []string{resource}}
	if !c.fill(&a) || a.Validate() != nil {
		return Action{}, false
	}
	return a, true
}

// fill takes details and command over. What an [Action] cannot hold would be
// missing from the question, so then nobody is asked.
func (c challenge) fill(a *Action) bool {
	if len(c.Details) == 0 {
		return true
	}
	var d detail
	dec := json.NewDecoder(bytes.NewReader(c.Details[0]))
	dec.DisallowUnknownFields()
	if len(c.Details) > 1 || dec.Decode(&d) != nil || d.Type != DetailsType {
		return false
	}
	a.Details, a.Command = d.Details, d.Command
	return true
}

// peek reads a body of bounded length and puts it back.
func peek(resp *http.Response) (body []byte, whole bool) {
	rest := resp.Body
	body, err := io.ReadAll(io.LimitReader(rest, maxChallenge+1))
	var after io.Reader = rest
	if err != nil {
		after = broken{err}
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), after), rest}
	return body, err == nil && len(body) <= maxChallenge
}

// broken fails as the body did.
type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// challengeError is the error of the first Bearer or DPoP challenge that names one
// (RFC 9110, Section 11.6.1; RFC 6750, Section 3; RFC 9449, Section 7.1).
func challengeError(resp *http.Response) string {
	for _, value := range resp.Header.Values("WWW-Authenticate") {
		if len(value) > maxHeader {
			continue
		}
		for _, c := range challenges(value) {
			if (strings.EqualFold(c.scheme, "Bearer") || strings.EqualFold(c.scheme, "DPoP")) && c.params["error"] != "" {
				return c.params["error"]
			}
		}
	}
	return ""
}
