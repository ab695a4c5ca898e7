package fill

import (
	"crypto/sha256"
	"fmt"
	"math"
	"strings"
	"time"
)

const year = 365 * 24 * time.Hour

// A generator makes the rows of every table.
type generator struct {
	Plan
	realm string
}

// at is when number i of n came to be: evenly over the last year.
func (g *generator) at(i, n int) time.Time {
	return g.Now.Add(-year + time.Duration(float64(year)*float64(i)/float64(n)))
}

func (g *generator) ago(d time.Duration) int64 { return g.Now.Add(-d).UnixMilli() }

func (g *generator) applications() int { return max(1, g.Identities/10) }

func (g *generator) person(i int) string { return id("idn", g.at(i, g.Identities), i) }
func (g *generator) session(i int) string {
	return id("ses", g.at(i, g.Identities/2), i)
}

func (g *generator) grant(i int) string { return id("grt", g.at(i, g.Identities), i) }
func (g *generator) approval(i int) string {
	return id("apr", g.at(i, g.Identities/20), i)
}

func (g *generator) application(i int) string {
	return id("app", g.at(i, g.applications()), i)
}

// popular picks an application: one in a thousand of them has a tenth of all use.
func (g *generator) popular(i int) string {
	u := float64(mix("popular", i)>>11) / (1 << 53)
	return g.application(int(math.Pow(u, 3) * float64(g.applications())))
}

func (g *generator) tables() []table {
	n := g.Identities
	return []table{
		{"identity", []string{"realm_id", "id", "display_name", "status", "username", "email", "traits",
			"tokens_invalid_before", "created_at", "updated_at", "version", "name_folded"}, n, g.identityRow},
		{"passkey", []string{"realm_id", "id", "identity_id", "name", "credential_id", "public_key", "aaguid", "sign_count",
			"backup_eligible", "backup_state", "transports", "binding", "created_at", "last_used_at", "revoked_at"}, n, g.passkeyRow},
		{"application", []string{"realm_id", "id", "kind", "name", "status", "owner_id", "settings", "origin",
			"tokens_invalid_before", "created_at", "version"}, g.applications(), g.applicationRow},
		{"application_secret", []string{"realm_id", "application_id", "digest", "created_at", "expires_at"}, g.applications(), g.secretRow},
		{"session", []string{"realm_id", "id", "digest", "identity_id", "passkey_id", "auth_time", "last_seen_at", "expires_at",
			"idle_until", "ended_at", "user_agent"}, n / 2, g.sessionRow},
		{"session_application", []string{"realm_id", "session_id", "application_id"}, n / 2, g.sessionApplicationRow},
		{"consent", []string{"realm_id", "identity_id", "application_id", "item", "at"}, n, g.consentRow},
		{"allowance", []string{"realm_id", "identity_id", "application_id", "used_at", "disallowed_at"}, n, g.allowanceRow},
		{"access_grant", []string{"realm_id", "id", "kind", "identity_id", "application_id", "approval_id", "session_id", "parent_id",
			"scope", "terms", "refresh", "refreshed_at", "created_at", "expires_at", "revoked_at"}, n, g.grantRow},
		{"revocation", []string{"realm_id", "kind", "subject", "before_at", "expires_at", "at"}, n / 100, g.revocationRow},
		{"approval", []string{"realm_id", "id", "kind", "state", "identity_id", "application_id", "statement", "statement_hash",
			"auth_req_digest", "poll_interval", "first_time", "created_at", "expires_at", "ended_at", "evidence", "grant_id",
			"fulfilled_at", "redeemed_at"}, n / 20, g.approvalRow},
		{"asker", []string{"realm_id", "identity_id", "application_id", "asked"}, n / 20, g.askerRow},
		{"approved_asker", []string{"realm_id", "identity_id", "application_id", "approved_at"}, n / 20, g.askerRow},
		{"event", []string{"realm_id", "id", "type", "actor", "target", "at", "data"}, n, g.eventRow},
	}
}

func (g *generator) identityRow(i int) []any {
	at := g.at(i, g.Identities).UnixMilli()
	name, full := fmt.Sprintf("resident%d", i), fmt.Sprintf("Resident Number %d", i)
	traits := fmt.Sprintf(`{"given_name":"Resident","family_name":"Number %d","locale":"en"}`, i)
	return []any{g.realm, g.person(i), full, "active", name, name + "@people.example", traits,
		int64(0), at, at, int64(1), strings.ToLower(full)}
}

func (g *generator) passkeyRow(i int) []any {
	at := g.at(i, g.Identities)
	return []any{g.realm, id("psk", at, i), g.person(i), "Phone", noise("credential", i, 32), noise("key", i, 77), noise("aaguid", 0, 16),
		int64(0), true, true, "internal,hybrid", fmt.Sprintf("%x", noise("binding", i, 180)), at.UnixMilli(), g.ago(time.Hour), int64(0)}
}

func (g *generator) applicationRow(i int) []any {
	settings := fmt.Sprintf(`{"profile":"oauth21","token_endpoint_auth_method":"client_secret_basic","grant_types":["authorization_code",`+
		`"refresh_token"],"scopes":["openid","profile","read"],"redirect_uris":["https://a%d.example/callback"],"refresh_policy":"rotate"}`, i)
	return []any{g.realm, g.application(i), "web", fmt.Sprintf("Application %d", i), "active", "", settings, "",
		int64(0), g.at(i, g.applications()).UnixMilli(), int64(1)}
}

func (g *generator) secretRow(i int) []any {
	return []any{g.realm, g.application(i), noise("secret", i, 32), g.at(i, g.applications()).UnixMilli(), int64(0)}
}

// sessionRow is the session of visitor i, who is every second person. It was seen
// in the near future: the server notes use once a minute, and how often it does
// must not depend on how many people there are.
func (g *generator) sessionRow(i int) []any {
	digest := sha256.Sum256([]byte(Cookie(i)))
	person := 2 * i
	passkey := id("psk", g.at(person, g.Identities), person)
	return []any{g.realm, g.session(i), digest[:], g.person(person), passkey, g.ago(20 * time.Hour), g.ago(-time.Hour),
		g.ago(-20 * time.Hour), g.ago(-10 * time.Hour), int64(0), "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0"}
}

func (g *generator) sessionApplicationRow(i int) []any {
	return []any{g.realm, g.session(i), g.Shop}
}

func (g *generator) consentRow(i int) []any {
	person := i / 2 * 2 // every second one, twice
	item := "scope " + g.Scopes[i%2]
	if g.Scopes[i%2] != "openid" { // whom it is for is remembered with it
		item += " at " + g.Issuer
	}
	return []any{g.realm, g.person(person), g.Shop, item, g.ago(time.Duration(mix("consent", i) % uint64(year)))}
}

func (g *generator) allowanceRow(i int) []any {
	return []any{g.realm, g.person(i), g.popular(i), g.at(i, g.Identities).UnixMilli(), int64(0)}
}

func (g *generator) grantRow(i int) []any {
	created := g.at(i, g.Identities)
	kind, approval, session, parent := "authorization_code", "", g.session(i/2%max(1, g.Identities/2)), ""
	switch i % 20 {
	case 0, 1:
		kind, session = "urn:ietf:params:oauth:grant-type:device_code", ""
	case 2, 3:
		kind, session, approval = "urn:openid:params:grant-type:ciba", "", g.approval(i/20)
	case 4:
		kind, session, parent = "urn:ietf:params:oauth:grant-type:token-exchange", "", g.grant(i-1)
	}
	terms := fmt.Sprintf(`{"resource":[%q],"auth_time":%d,"acr":"phrh","amr":["hwk","user"],"sid":%q}`, g.Issuer, created.Unix(), session)
	expires, revoked := g.ago(-29*24*time.Hour), int64(0)
	switch {
	case i%100 == 99:
		revoked = g.ago(10 * time.Hour)
	case i%20 == 10:
		expires = g.ago(10 * time.Hour)
	}
	return []any{g.realm, g.grant(i), kind, g.person(i), g.popular(i), approval, session, parent, "openid read", terms,
		int64(1 + mix("refresh", i)%200), g.ago(24 * time.Hour), created.UnixMilli(), expires, revoked}
}

func (g *generator) revocationRow(i int) []any {
	return []any{g.realm, "grant", g.grant(100*i + 99), g.ago(10 * time.Hour), g.ago(-14 * time.Hour), g.ago(10 * time.Hour)}
}

func (g *generator) approvalRow(i int) []any {
	at := g.at(i, g.Identities/20)
	digest := sha256.Sum256(fmt.Appendf(nil, "approval %d", i))
	statement := fmt.Sprintf(`{"id":%q,"text":"%x"}`, g.approval(i), noise("statement", i, 400))
	return []any{g.realm, g.approval(i), "ciba", "fulfilled", g.person(i), g.popular(i), []byte(statement), fmt.Sprintf("%x", digest[:16]),
		digest[:], int64(5), false, at.UnixMilli(), at.UnixMilli() + 300_000, at.UnixMilli() + 9_000,
		fmt.Appendf(nil, "%x", noise("evidence", i, 600)), g.grant(i), at.UnixMilli() + 9_000, at.UnixMilli() + 9_500}
}

func (g *generator) askerRow(i int) []any {
	return []any{g.realm, g.person(i), g.popular(i), int64(1)}
}

func (g *generator) eventRow(i int) []any {
	at := g.at(i, g.Identities)
	return []any{g.realm, id("evt", at, i), "session.started", g.person(i), g.session(i / 2), at.UnixMilli(), `{"passkey":"Phone"}`}
}
