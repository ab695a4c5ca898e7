package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/assent-id/assent/internal/model"
)

// An assertedSubject is whom an assertion of a trusted issuer is about.
type assertedSubject struct {
	identity model.IdentityID
	name     string // of a workload, which is no identity of the realm
	rule     *model.SubjectRule
}

// maxSubject bounds the name of a workload, in bytes. SPIFFE IDs have at most
// 2048 (SPIFFE ID, Section 2.3).
const maxSubject = 2048

// assertedSubject maps the subject of an assertion by the first rule that it
// meets, and that lets this client present it. What meets none is errAssertion.
func (e *Engine) assertedSubject(ctx context.Context, x *exchange, a *issuerAssertion) (assertedSubject, error) {
	claims, err := claimTree(a.raw)
	if err != nil {
		return assertedSubject{}, unasserted("malformed claims", err)
	}
	i := slices.IndexFunc(a.issuer.Subjects, func(r model.SubjectRule) bool {
		return subjectMatches(r.Subject, a.claims.Sub) && claimsMatch(r.Claims, claims) && mayPresent(x.client, r.Clients)
	})
	if i < 0 {
		return assertedSubject{}, unasserted("no rule lets this subject in for this client")
	}
	s := assertedSubject{rule: &a.issuer.Subjects[i]}
	switch claim, login := strings.CutPrefix(s.rule.Identity, "login:"); {
	case login:
		s.identity, err = e.identityByClaim(ctx, x.Site, a.issuer, claims, claim)
	case s.rule.Identity != "":
		s.identity = model.IdentityID(s.rule.Identity) // whether there is one is for the gate
	default:
		s.name, err = e.workloadName(ctx, x.Site, a.issuer, s.rule, a.claims.Sub)
	}
	return s, err
}

// mayPresent: a public client proves nothing about itself, so anybody who has an
// assertion could be it. It may present one only where a rule names it.
func mayPresent(c *model.Client, named []model.ClientID) bool {
	if len(named) == 0 {
		return c.Settings.AuthMethod.Confidential()
	}
	return slices.Contains(named, c.ID)
}

// subjectMatches: exactly, or by a prefix that ends with "*".
func subjectMatches(pattern, sub string) bool {
	if sub == "" {
		return false
	}
	if prefix, found := strings.CutSuffix(pattern, "*"); found {
		return strings.HasPrefix(sub, prefix)
	}
	return pattern == sub
}

func claimsMatch(want map[string]string, claims map[string]any) bool {
	for name, value := range want {
		if got, ok := claimText(claims, name); !ok || got != value {
			return false
		}
	}
	return true
}

// claimTree decodes all claims, numbers as they were written.
func claimTree(raw []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var tree map[string]any
	err := d.Decode(&tree)
	return tree, err
}

// claimText is the value of a claim as text: a string, a number as it was
// written, true or false. A name that starts with "/" is a JSON Pointer (RFC
// 6901) through objects.
func claimText(claims map[string]any, name string) (string, bool) {
	path := []string{name}
	if rest, found := strings.CutPrefix(name, "/"); found {
		path = strings.Split(rest, "/")
		for i, step := range path { // RFC 6901, Section 4: "~1" first
			path[i] = strings.ReplaceAll(strings.ReplaceAll(step, "~1", "/"), "~0", "~")
		}
	}
	var value any = claims
	for _, step := range path {
		object, _ := value.(map[string]any)
		var found bool
		if value, found = object[step]; !found {
			return "", false
		}
	}
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	}
	return "", false
}

// identityByClaim finds the identity that has a claim's value as its login. An
// id is no login: the issuer would choose among all identities of the realm. Nor is
// an address that the issuer does not say it has verified: whoever may write it
// there would choose.
func (e *Engine) identityByClaim(ctx context.Context, site *model.Site, issuer *model.TrustedIssuer, claims map[string]any, name string) (model.IdentityID, error) {
	login, ok := claimText(claims, name)
	if !ok || login == "" || namesIdentity(site, login) {
		return "", unasserted("no login in claim " + name)
	}
	verified, said := claimText(claims, "email_verified") // OpenID Connect Core 1.0, Section 5.1
	if strings.TrimPrefix(name, "/") == "email" && verified != "true" && (said || !issuer.TrustEmails) {
		return "", unasserted("the e-mail address is not verified")
	}
	identity, err := e.cfg.People.Find(ctx, site, login)
	if errors.Is(err, model.ErrNotFound) {
		return "", unasserted("nobody has this login", err)
	}
	if err != nil {
		return "", fmt.Errorf("find asserted person: %w", err)
	}
	return identity.ID, nil
}

// workloadName is what tokens call a workload: what its issuer calls it, after
// the rule's prefix. It must be nobody else's name: not in the form of our own
// ids, not an application's, whose tokens for itself have its id as `sub` (RFC 9068,
// Section 5), and not one that another trusted issuer could give too.
func (e *Engine) workloadName(ctx context.Context, site *model.Site, issuer *model.TrustedIssuer, rule *model.SubjectRule, sub string) (string, error) {
	name := rule.Prefix + sub
	switch {
	case len(name) > maxSubject || strings.ContainsFunc(name, unprintable):
		return "", unasserted("the subject is too long or has control characters")
	case namesIdentity(site, name) || namesClient(name) || strings.HasPrefix(name, realmDID(site)):
		return "", unasserted("the subject has the form of a name of this realm")
	case isWebURL(name): // any of them can be a client id some day (OAuth Client ID Metadata Document, Section 3)
		return "", unasserted("the subject has the form of a client id: give the rule a prefix")
	case ambiguous(site, issuer, name):
		return "", unasserted("another trusted issuer could name " + name + " too: give one of the rules a prefix")
	}
	_, err := e.cfg.Clients.Known(ctx, site, model.ClientID(name))
	if err == nil {
		return "", unasserted("the subject is the client id of an application")
	}
	if !errors.Is(err, model.ErrNotFound) {
		return "", fmt.Errorf("look for an application of the subject's name: %w", err)
	}
	return name, nil
}

func isWebURL(name string) bool {
	scheme, _, found := strings.Cut(name, ":")
	return found && (strings.EqualFold(scheme, "https") || strings.EqualFold(scheme, "http"))
}

func unprintable(r rune) bool { return r == unicode.ReplacementChar || unicode.IsControl(r) }

// namesClient reports whether a name begins as the ids of applications do.
func namesClient(name string) bool {
	return slices.ContainsFunc([]string{"app_", "svc_", "agt_"}, func(p string) bool { return strings.HasPrefix(name, p) })
}

// ambiguous reports whether a rule of another issuer leads to the same name.
func ambiguous(site *model.Site, issuer *model.TrustedIssuer, name string) bool {
	for _, other := range site.Realm.Policy.TrustedIssuers {
		if other.Issuer == issuer.Issuer {
			continue
		}
		for _, r := range other.Subjects {
			sub, found := strings.CutPrefix(name, r.Prefix)
			foreign := strings.HasPrefix(other.Issuer, "spiffe://") && spiffeDomain(sub) != other.Issuer
			if r.Identity == "" && found && !foreign && subjectMatches(r.Subject, sub) {
				return true
			}
		}
	}
	return false
}
