package oauth

import (
	"slices"
	"strconv"

	"github.com/assent-id/assent/internal/model"
)

// Scopes that stand for claims (OpenID Connect Core 1.0, Section 5.4).
const (
	scopeOpenID  = "openid"
	scopeProfile = "profile"
	scopeEmail   = "email"
	scopePhone   = "phone"
)

// A profileClaim is a standard claim about a person (OpenID Connect Core 1.0,
// Section 5.1) and the scope that brings it. value is "" or nil where nothing is
// known.
type profileClaim struct {
	name, scope string
	value       func(*model.Identity) any
}

// profile is what can be told of a person, in the order in which it is written.
var profile = []profileClaim{
	{"name", scopeProfile, func(p *model.Identity) any { return p.DisplayName }},
	{"given_name", scopeProfile, func(p *model.Identity) any { return p.Traits.GivenName }},
	{"family_name", scopeProfile, func(p *model.Identity) any { return p.Traits.FamilyName }},
	{"middle_name", scopeProfile, func(p *model.Identity) any { return p.Traits.MiddleName }},
	{"nickname", scopeProfile, func(p *model.Identity) any { return p.Traits.Nickname }},
	{"preferred_username", scopeProfile, func(p *model.Identity) any { return p.Traits.Username }},
	{"profile", scopeProfile, func(p *model.Identity) any { return p.Traits.Profile }},
	{"picture", scopeProfile, func(p *model.Identity) any { return p.Traits.Picture }},
	{"website", scopeProfile, func(p *model.Identity) any { return p.Traits.Website }},
	{"gender", scopeProfile, func(p *model.Identity) any { return p.Traits.Gender }},
	{"birthdate", scopeProfile, func(p *model.Identity) any { return p.Traits.Birthdate }},
	{"zoneinfo", scopeProfile, func(p *model.Identity) any { return p.Traits.Zoneinfo }},
	{"locale", scopeProfile, func(p *model.Identity) any { return p.Traits.Locale }},
	{"updated_at", scopeProfile, func(p *model.Identity) any { return updatedAt(p.UpdatedAt) }},
	{"email", scopeEmail, func(p *model.Identity) any { return p.Traits.PrimaryEmailAddress }},
	{"email_verified", scopeEmail, func(p *model.Identity) any { return verified(p.Traits.PrimaryEmailAddress, p.Traits.EmailVerified) }},
	{"phone_number", scopePhone, func(p *model.Identity) any { return p.Traits.PrimaryPhone }},
	{"phone_number_verified", scopePhone, func(p *model.Identity) any { return verified(p.Traits.PrimaryPhone, p.Traits.PhoneVerified) }},
}

func updatedAt(at model.Millis) any {
	if at == 0 {
		return nil
	}
	return at.Unix()
}

// verified says of an address whether it was seen to be the person's.
func verified(address string, is bool) any {
	if address == "" {
		return nil
	}
	return is
}

// ClaimsSupported are the claims that ID tokens and userinfo may hold, for
// metadata (OpenID Connect Discovery 1.0, Section 3).
func ClaimsSupported() []string {
	names := []string{"iss", "sub", "aud", "azp", "iat", "exp", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"}
	for _, c := range profile {
		names = append(names, c.name)
	}
	return names
}

// writeProfile writes what is known of a person, as far as the scopes bring it
// or it was asked for by name. Nothing null or empty is written (OpenID Connect
// Core 1.0, Section 5.3.2), and no claim that was asked for with another value.
func writeProfile(o *object, who model.Identity, scopes []string, asked claimRequests) {
	for _, c := range profile {
		_, named := asked[c.name]
		if !named && !slices.Contains(scopes, c.scope) {
			continue
		}
		value := c.value(&who)
		if value == nil || value == "" || asked.refuses(c.name, value) {
			continue
		}
		switch v := value.(type) {
		case string:
			o.text(c.name, v)
		case int64:
			o.number(c.name, v)
		case bool:
			o.raw(c.name, strconv.AppendBool(nil, v))
		}
	}
}
