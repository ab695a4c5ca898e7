package oauth

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// narrowExchange fills in scope, details and audience of the token: within what
// the subject token allows and what this client may have. What was asked for and
// is not within is refused; what was not asked for is left out.
func narrowExchange(x *exchange, s *subjectToken, ent *entitlement) error {
	var err error
	if ent.scope, err = exchangeScope(x, s); err != nil {
		return err
	}
	if err = exchangeDetails(x, s, ent); err != nil {
		return err
	}
	ent.audience, err = exchangeAudience(x, s)
	return err
}

// exchangeScope: an access token allows its own scope, a trusted issuer's JWT what
// its rule allows. An ID token allows nothing: it says who signed in.
func exchangeScope(x *exchange, s *subjectToken) ([]string, error) {
	var limit []string
	switch {
	case s.access != nil:
		// What an approval gave was for the one action, there.
		limit = withoutApproval(x.Site, s.access.Audience, strings.Fields(s.access.Scope))
	case s.asserted != nil && len(s.asserted.rule.Scopes) > 0:
		limit = s.asserted.rule.Scopes
	case s.asserted != nil:
		limit = x.defaultScope()
	}
	if x.Params.Get("scope") == "" {
		return withoutOffline(within(limit, x.allowedScopes())), nil
	}
	if s.asserted != nil && len(s.asserted.rule.Scopes) == 0 {
		limit = x.scope // the client's own limit has been checked
	}
	for _, asked := range x.scope {
		if !slices.Contains(limit, asked) {
			return nil, notGranted(x.Site, subjectAudience(x, s), asked, "a scope is not in the subject token")
		}
	}
	return withoutOffline(x.scope), nil
}

// subjectAudience is whom the subject token is for, or else whom the new one would
// be for.
func subjectAudience(x *exchange, s *subjectToken) []string {
	if s.access != nil {
		return s.access.Audience
	}
	return x.audience()
}

// exchangeDetails: details of the subject token, or fewer, of types that this client
// may use (RFC 9396, Section 5).
func exchangeDetails(x *exchange, s *subjectToken, ent *entitlement) (err error) {
	if s.access != nil {
		ent.details = slices.DeleteFunc(slices.Clone(s.access.Details), func(d json.RawMessage) bool { return !x.mayUseDetail(d) })
	}
	if len(x.details) > 0 {
		ent.details, err = narrowDetails(ent.details, x.details)
	}
	return err
}

func (x *exchange) mayUseDetail(raw json.RawMessage) bool {
	may := x.client.Settings.DetailsTypes
	kind, err := typeOfDetail(raw)
	return err == nil && (len(may) == 0 || slices.Contains(may, kind))
}

// exchangeAudience: RFC 8693, Section 2.1: `resource` and `audience` both name
// targets. Where none is named the token is for whom the subject token was for.
func exchangeAudience(x *exchange, s *subjectToken) ([]string, error) {
	targets := slices.Clone(x.resource)
	for _, asked := range x.Params["audience"] {
		if asked == "" {
			continue
		}
		known, ok := exchangeTarget(x, asked)
		if !ok {
			return nil, badTarget("audience is not registered for this client")
		}
		if !slices.Contains(targets, known) {
			targets = append(targets, known)
		}
	}
	if len(targets) == 0 {
		return defaultTargets(x, s)
	}
	for _, t := range targets {
		if !mayTarget(x, s, t) {
			return nil, badTarget("the subject token is not for this target")
		}
	}
	return targets, nil
}

// badTarget: RFC 8693, Section 2.2.2.
func badTarget(description string) error {
	return &Error{Code: InvalidTarget, Description: description}
}

// mayTarget: a target is one that the subject token is for, or one that policy
// adds for this client. A subject token that is for no target of ours (an ID token,
// a trusted issuer's JWT) leaves what the client is registered for.
func mayTarget(x *exchange, s *subjectToken, target string) bool {
	if s.access == nil || slices.Contains(x.client.Settings.Exchange.Audiences, target) {
		return true
	}
	_, ok := sameTarget(s.access.Audience, target)
	return ok
}

// defaultTargets: of the targets of a token that was sent to it, a client gets
// only those that it may name itself: the others were never its to call.
func defaultTargets(x *exchange, s *subjectToken) ([]string, error) {
	if s.access == nil {
		return x.defaultAudience(), nil
	}
	targets := s.access.Audience
	if s.access.ClientID != x.client.ID {
		targets = slices.DeleteFunc(slices.Clone(targets), func(t string) bool {
			_, ok := exchangeTarget(x, t)
			return !ok || t == x.Site.Issuer
		})
	}
	if len(targets) == 0 {
		return nil, badTarget("the subject token is for no target of this client")
	}
	return targets, nil
}

// exchangeTarget finds the registered spelling of what an exchange may be for: a
// resource of the client, one that policy adds, or the client itself.
func exchangeTarget(x *exchange, asked string) (string, bool) {
	if asked == string(x.client.ID) {
		return asked, true
	}
	return registered(x, asked)
}

// sameTarget finds a target in a list.
func sameTarget(list []string, asked string) (string, bool) {
	for _, t := range list {
		if model.SameResource(t, asked) {
			return t, true
		}
	}
	return "", false
}
