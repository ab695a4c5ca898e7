package oauth

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/sdk/evidence"
)

// claimRequests are the claims that a request asked for in one place
// (OpenID Connect Core 1.0, Section 5.5), by name.
type claimRequests map[string]claimRequest

// A claimRequest says how a claim was asked for.
type claimRequest struct {
	Essential bool  `json:"essential"`
	Value     any   `json:"value,omitempty"`
	Values    []any `json:"values,omitempty"`
}

var errNoObject = errors.New("not an object")

// maxClaims bounds the claims parameter, in bytes.
const maxClaims = 8 << 10

// parseClaims reads the claims parameter (OpenID Connect Core 1.0, Section 5.5).
// raw is its canonical form, to be kept with the grant. What is not understood
// is ignored, what is malformed is InvalidRequest.
func parseClaims(text string) (userinfo, idToken claimRequests, raw json.RawMessage, err error) {
	if text == "" {
		return nil, nil, nil, nil
	}
	refuse := func(description string, cause error) error {
		return &Error{Code: InvalidRequest, Description: description, Cause: cause}
	}
	if len(text) > maxClaims {
		return nil, nil, nil, refuse("claims is larger than 8 kB", nil)
	}
	canonical, err := evidence.Canonical([]byte(text)) // also: no member twice
	if err != nil {
		return nil, nil, nil, refuse("claims is not JSON", err)
	}
	userinfo, idToken, err = readClaims(canonical)
	if err != nil {
		return nil, nil, nil, refuse("claims is malformed", err)
	}
	return userinfo, idToken, canonical, nil
}

// readClaims reads what parseClaims kept.
func readClaims(canonical json.RawMessage) (userinfo, idToken claimRequests, err error) {
	// A map, not a struct: encoding/json would match members of any case.
	var places map[string]json.RawMessage
	if err := json.Unmarshal(canonical, &places); err != nil {
		return nil, nil, err
	}
	if places == nil {
		return nil, nil, errNoObject
	}
	if userinfo, err = readRequests(places["userinfo"]); err != nil {
		return nil, nil, err
	}
	idToken, err = readRequests(places["id_token"])
	return userinfo, idToken, err
}

// readRequests reads one place: an object whose members are null (asked for
// without more) or objects.
func readRequests(raw json.RawMessage) (claimRequests, error) {
	if raw == nil {
		return nil, nil
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, errNoObject
	}
	out := make(claimRequests, len(members))
	for name, member := range members {
		r, err := readRequest(member)
		if err != nil {
			return nil, err
		}
		out[name] = r
	}
	return out, nil
}

func readRequest(raw json.RawMessage) (r claimRequest, err error) {
	var members map[string]json.RawMessage // of null: none
	if err := json.Unmarshal(raw, &members); err != nil {
		return r, err
	}
	for name, into := range map[string]any{"essential": &r.Essential, "value": &r.Value, "values": &r.Values} {
		if member, found := members[name]; found {
			if err := json.Unmarshal(member, into); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

// takes reports whether a value is one of those that were asked for; every
// value is where none was named (OpenID Connect Core 1.0, Section 5.5.1).
func (r claimRequest) takes(value any) bool {
	if n, ok := value.(int64); ok {
		value = float64(n) // as encoding/json reads numbers
	}
	asked := r.Values
	if r.Value != nil {
		asked = append(slices.Clone(asked), r.Value)
	}
	return len(asked) == 0 || slices.ContainsFunc(asked, func(a any) bool {
		switch a.(type) {
		case string, float64, bool:
			return a == value
		}
		return false // not a value of any claim here
	})
}

// texts are the texts that a claim was asked for with.
func (r claimRequest) texts() []string {
	var out []string
	for _, v := range append([]any{r.Value}, r.Values...) {
		if text, ok := v.(string); ok && text != "" {
			out = append(out, text)
		}
	}
	return out
}

// refuses reports whether a claim was asked for with another value than this.
func (r claimRequests) refuses(name string, value any) bool {
	asked, found := r[name]
	return found && !asked.takes(value)
}

// text is the one text that a claim was asked for with; "" if there is none.
func (r claimRequests) text(name string) string {
	text, _ := r[name].Value.(string)
	return text
}

// scopes are the scopes that hold the claims asked for, in the order of the
// table: what a person is told and a client must be registered for.
func (r claimRequests) scopes() []string {
	var out []string
	for _, c := range profile {
		if _, asked := r[c.name]; asked && !slices.Contains(out, c.scope) {
			out = append(out, c.scope)
		}
	}
	return out
}

// within leaves what the client may ask for: claims of the scopes that it is
// registered for, and those that are no person's.
func (r claimRequests) within(s *model.ApplicationSettings) claimRequests {
	if s.AnyScope || len(r) == 0 {
		return r
	}
	out := make(claimRequests, len(r))
	for name, asked := range r {
		out[name] = asked
	}
	for _, c := range profile {
		if !slices.Contains(s.Scopes, c.scope) {
			delete(out, c.name)
		}
	}
	return out
}

// consentScopes are what a person is asked about: the scopes of the request, and
// those whose claims it asks for by name (OpenID Connect Core 1.0, Section 5.5,
// is no way around consent).
func (x *exchange) consentScopes() []string {
	out := slices.Clone(x.scope)
	for _, place := range []claimRequests{x.authz.userinfo, x.authz.idToken} {
		for _, s := range place.within(&x.client.Settings).scopes() {
			if !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	return x.summed(out)
}
