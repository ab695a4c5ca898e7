package evidence_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"strings"

	"github.com/assent-id/assent/sdk/evidence"
)

// server holds seals that do not come from the realm or are not seals.
func (c *cook) server() {
	const id = "seal"
	mallory := realmSigner{alg: "EdDSA", kid: "realm-1", key: newKey(c.tb, "EdDSA", "mallory")}
	stranger := newRealmSigner(c.tb, "EdDSA", "realm-9")
	c.add(id+"-by-another-key", "server", "re-signed by a key that claims the realm's kid", func(r *recipe) { r.sealWith = &mallory })
	c.add(id+"-by-an-unknown-key", "server", "re-signed by a key that the realm does not have", func(r *recipe) { r.sealWith = &stranger })
	c.add(id+"-of-another-issuer", "server", "a realm that is not the one pinned", nil).Issuer = "https://id.example.org"
	header := func(name, description, h string) {
		c.add(id+"-header-"+name, "server", description, func(r *recipe) { r.sealHeader = h })
	}
	header("typ", "a binding is not a seal", `{"alg":"EdDSA","kid":"realm-1","typ":"assent-binding+jwt"}`)
	header("no-typ", "typ is required", `{"alg":"EdDSA","kid":"realm-1"}`)
	header("no-kid", "kid is required", `{"alg":"EdDSA","typ":"assent-evidence+jwt"}`)
	header("alg", "the key fixes the algorithm", `{"alg":"ES256","kid":"realm-1","typ":"assent-evidence+jwt"}`)
	header("alg-none", "there is no algorithm none", `{"alg":"none","kid":"realm-1","typ":"assent-evidence+jwt"}`)
	header("jwk", "keys come from the key set alone", `{"alg":"EdDSA","jwk":{},"kid":"realm-1","typ":"assent-evidence+jwt"}`)
	header("crit", "no extensions", `{"alg":"EdDSA","crit":["exp"],"kid":"realm-1","typ":"assent-evidence+jwt"}`)
	header("duplicate", "duplicate members are refused", `{"alg":"EdDSA","kid":"realm-1","kid":"realm-1","typ":"assent-evidence+jwt"}`)
	c.after(id+"-hmac", "server", "a MAC under the public key", func(e map[string]any) { e["server"] = hmacForgery(newRecipe(c.tb).realm, e["server"].(string)) })
	c.after(id+"-unsigned", "server", "an empty signature", func(e map[string]any) {
		s := e["server"].(string)
		e["server"] = s[:strings.LastIndexByte(s, '.')+1]
	})
	c.after(id+"-four-segments", "server", "three segments", func(e map[string]any) { e["server"] = e["server"].(string) + ".AA" })
	claims := func(name, want, description string, edit func(map[string]any)) {
		c.add(id+"-"+name, want, description, func(r *recipe) { r.editSeal = edit })
	}
	claims("typ", "server", "another kind of payload", func(m map[string]any) { m["typ"] = evidence.BindingType })
	claims("extra-claim", "server", "a closed set of claims", func(m map[string]any) { m["exp"] = testExp })
	claims("extra-part", "server", "a closed set of parts", func(m map[string]any) { at(m, "parts")["log"] = b64(seed("x")) })
	claims("no-statement", "server", "the statement is always sealed", func(m map[string]any) { m["parts"] = without(at(m, "parts"), "statement") })
	claims("short-hash", "server", "hashes have 43 characters", func(m map[string]any) { at(m, "parts")["statement"] = "AAAA" })
	claims("iss", "statement", "the statement is of another realm than the seal", func(m map[string]any) { m["iss"] = "https://id.example.org" })
	c.vectors[len(c.vectors)-1].Issuer = ""
	claims("id", "statement", "the seal of another approval", func(m map[string]any) { m["id"] = "apr_01kaq7c8r5e3fbh9k2m4n6p8q0" })
	claims("outcome", "outcome", "the seal says otherwise", func(m map[string]any) { m["outcome"] = "denied" })
}

// hmacForgery takes the public key for the secret of HS256.
func hmacForgery(r realmSigner, compact string) string {
	_, payload, _ := strings.Cut(compact[:strings.LastIndexByte(compact, '.')], ".")
	signed := b64([]byte(`{"alg":"HS256","kid":"realm-1","typ":"assent-evidence+jwt"}`)) + "." + payload
	x, err := evidenceBytes(r.jwk()["x"].(string))
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, x)
	mac.Write([]byte(signed))
	return signed + "." + b64(mac.Sum(nil))
}

func (c *cook) times() {
	ended := func(name, outcome string, at int64) {
		c.add(name, "ended_at", "that outcome was not possible then", func(r *recipe) {
			r.outcome, r.endedAt = outcome, at
			if outcome != evidence.Approved {
				r.passkey = nil
			}
		})
	}
	ended("ended-before-it-began", evidence.Withdrawn, testIat-61)
	ended("approved-after-the-end", evidence.Approved, testExp+61)
	ended("expired-too-early", evidence.Expired, testExp-61)
	c.add("ended-in-the-future", "ended_at", "after the time of the check", nil).At = testIat + 20 - 61
}

// statement holds statements that the server has sealed and must not have.
func (c *cook) statement() {
	edit := func(name, description string, edit func(*evidence.Statement)) {
		c.add("statement-"+name, "statement", description, func(r *recipe) { r.editText = edit })
	}
	edit("typ", "another format", func(s *evidence.Statement) { s.Typ = "assent.statement.v2" })
	edit("no-sub", "nobody was asked", func(s *evidence.Statement) { s.Sub = "" })
	edit("short-nonce", "128 bits are too few", func(s *evidence.Statement) { s.Nonce = s.Nonce[:22] })
	edit("never-valid", "exp is not after iat", func(s *evidence.Statement) { s.Exp = s.Iat })
	edit("negative-iat", "times are not negative", func(s *evidence.Statement) { s.Iat = -1 })
	edit("details-not-objects", "RFC 9396, Section 2", func(s *evidence.Statement) {
		s.Action.AuthorizationDetails = []json.RawMessage{json.RawMessage(`"deploy"`)}
	})
	c.add("statement-of-another-issuer", "statement", "altered and sealed again", func(r *recipe) {
		r.editSealed = func(e *evidence.Evidence) {
			e.Statement = json.RawMessage(strings.Replace(string(e.Statement), testIssuer, "https://id.example.org", 1))
		}
		r.editSeal = func(m map[string]any) { m["iss"] = testIssuer }
	})
}

// decision holds decisions that a passkey has signed and the server sealed.
func (c *cook) decision() {
	edit := func(name, description string, edit func(*evidence.Decision)) {
		c.add("decision-"+name, "decision", description, func(r *recipe) { r.editAns = edit })
	}
	edit("typ", "another format", func(d *evidence.Decision) { d.Typ = evidence.StatementType })
	edit("too-late", "after the statement expired", func(d *evidence.Decision) { d.At = testExp + 1 })
	edit("too-early", "before the statement was made", func(d *evidence.Decision) { d.At = testIat - 61 })
	edit("of-another-statement", "the answer to something else", func(d *evidence.Decision) { d.Statement = b64(seed("x")) })
	edit("unknown-answer", "neither approve nor deny", func(d *evidence.Decision) { d.Answer = "Approve" })
	edit("deny-taken-for-approve", "the outcome is not what was answered", func(d *evidence.Decision) { d.Answer, d.Granted = evidence.Deny, nil })
	edit("without-granted", "an approval says what is granted", func(d *evidence.Decision) { d.Granted = nil })
	c.add("decision-deny-granted", "decision", "a denial grants nothing", func(r *recipe) {
		r.outcome = evidence.Denied
		r.editAns = func(d *evidence.Decision) { d.Granted = &evidence.Action{} }
	})
	c.add("decision-of-resealed-statement", "decision", "the server altered the text after the answer and sealed it again", func(r *recipe) {
		r.editSealed = func(e *evidence.Evidence) {
			e.Statement = json.RawMessage(strings.Replace(string(e.Statement), "production", "Production", 1))
		}
	})
}

// granted holds approvals of more than was asked.
func (c *cook) granted() {
	edit := func(name, description string, edit func(*evidence.Action)) {
		c.add("granted-"+name, "decision", description, func(r *recipe) {
			r.editAns = func(d *evidence.Decision) {
				wider := *d.Granted
				edit(&wider)
				d.Granted = &wider
			}
		})
	}
	edit("other-message", "another binding message", func(a *evidence.Action) { a.BindingMessage = "Deploy" })
	edit("no-message", "no binding message", func(a *evidence.Action) { a.BindingMessage = "" })
	edit("wider-scope", "a scope that was not asked", func(a *evidence.Action) { a.Scope += " admin" })
	edit("other-resource", "a resource that was not asked", func(a *evidence.Action) { a.Resource = append(a.Resource, "https://api.example.com/") })
	edit("other-detail", "a detail that was not asked", func(a *evidence.Action) {
		a.AuthorizationDetails = append(a.AuthorizationDetails, json.RawMessage(`{"type":"assent_action"}`))
	})
	edit("wider-detail", "a detail with one member less", func(a *evidence.Action) {
		a.AuthorizationDetails = []json.RawMessage{json.RawMessage(`{"type":"assent_action","details":{"service":"web"}}`)}
	})
	edit("detail-twice", "what was asked once is granted once", func(a *evidence.Action) {
		a.AuthorizationDetails = append(a.AuthorizationDetails, a.AuthorizationDetails[0])
	})
}

// binding holds bindings that do not tie this key to this person.
func (c *cook) binding() {
	mallory := realmSigner{alg: "EdDSA", kid: "realm-1", key: newKey(c.tb, "EdDSA", "mallory")}
	stranger := newRealmSigner(c.tb, "EdDSA", "realm-9")
	c.add("binding-by-another-key", "binding", "a key that claims the realm's kid", func(r *recipe) { r.bindWith = &mallory })
	c.add("binding-by-an-unknown-key", "binding", "a key that the realm does not have", func(r *recipe) { r.bindWith = &stranger })
	c.add("binding-header-typ", "binding", "an access token is not a binding", func(r *recipe) { r.bindHeader = r.realm.header("at+jwt") })
	c.add("binding-is-a-seal", "binding", "a seal is not a binding", func(r *recipe) {
		r.editSealed = func(e *evidence.Evidence) {
			seal := string(must[[]byte](c.tb)(evidence.NewSeal(e, testIat)))
			e.Binding = r.realm.sign(c.tb, r.realm.header(evidence.BindingHeaderType), seal)
		}
	})
	claims := func(name, want, description string, edit func(*evidence.BindingClaims)) {
		c.add("binding-"+name, want, description, func(r *recipe) { r.editBinding = edit })
	}
	claims("typ", "binding", "another format", func(b *evidence.BindingClaims) { b.Typ = "assent.binding.v2" })
	claims("iss", "binding", "another realm", func(b *evidence.BindingClaims) { b.Iss = "https://id.example.org" })
	claims("sub", "binding", "another person", func(b *evidence.BindingClaims) { b.Sub = "idn_01kaq7c8r5e3fbh9k2m4n6p8qx" })
	claims("too-late", "binding", "bound after the decision", func(b *evidence.BindingClaims) { b.Iat = testIat + 19 + 61 })
	claims("rp-id-not-a-host", "binding", "not a host name", func(b *evidence.BindingClaims) { b.RPID = "https://id.example.com" })
	claims("credential-id", "passkey.credential_id", "another passkey", func(b *evidence.BindingClaims) { b.CredentialID = seed("x") })
	claims("public-key", "passkey.public_key", "another key", func(b *evidence.BindingClaims) { b.PublicKey = newAuthenticator(c.tb, "ES256", "mallory").cose })
	claims("aaguid", "passkey.aaguid", "another kind of authenticator", func(b *evidence.BindingClaims) { b.AAGUID = evidence.SoftwareAAGUID })
	claims("rp-id", "passkey.client_data_json", "another site", func(b *evidence.BindingClaims) { b.RPID = "id.example.org" })
}

// presence holds parts that are there or not against what the outcome demands,
// sealed by the server.
func (c *cook) presence() {
	sealed := func(name, want, outcome string, edit func(*evidence.Evidence)) {
		c.add(name, want, "the server sealed an outcome that the parts do not bear out", func(r *recipe) {
			r.outcome, r.editSealed = outcome, edit
			if outcome == evidence.Expired {
				r.endedAt = testExp
			}
		})
	}
	sealed("approved-without-decision", "decision", evidence.Approved, func(e *evidence.Evidence) { e.Decision = nil })
	sealed("approved-without-passkey", "passkey", evidence.Approved, func(e *evidence.Evidence) { e.Passkey = nil })
	sealed("approved-without-binding", "binding", evidence.Approved, func(e *evidence.Evidence) { e.Binding = "" })
	sealed("denied-without-decision", "decision", evidence.Denied, func(e *evidence.Evidence) { e.Decision = nil })
	sealed("denied-without-passkey", "binding", evidence.Denied, func(e *evidence.Evidence) { e.Passkey = nil })
	sealed("denied-without-binding", "binding", evidence.Denied, func(e *evidence.Evidence) { e.Binding = "" })
	sealed("expired-with-passkey", "passkey", evidence.Expired, func(*evidence.Evidence) {})
	c.add("expired-with-decision", "decision", "the server sealed an outcome that the parts do not bear out", func(r *recipe) {
		r.outcome, r.endedAt = evidence.Expired, testExp
		r.editAns = func(d *evidence.Decision) { d.Answer = evidence.Deny }
	})
}

func (c *cook) keys() {
	keys := func(name, description string, edit func(string) string) {
		v := c.add("keys-"+name, "keys", description, nil)
		v.JWKSText, v.JWKS = edit(string(v.JWKS)), nil
	}
	add := func(key string) func(string) string {
		return func(s string) string { return strings.Replace(s, "]}", ","+key+"]}", 1) }
	}
	keys("not-json", "not JSON", func(s string) string { return s[1:] })
	keys("not-a-set", "a key instead of a set", func(string) string { return `{"kty":"OKP"}` })
	keys("duplicate-kid", "two keys have one kid", add(`{"kid":"realm-1","kty":"EC","crv":"P-256","use":"enc"}`))
	keys("duplicate-member", "duplicate members are refused", add(`{"kid":"a","kid":"b","kty":"AKP"}`))
	keys("no-kid", "every key has a kid", add(`{"kty":"AKP"}`))
	keys("private", "a private key", func(s string) string { return strings.Replace(s, `"x":`, `"d":"AA","x":`, 1) })
	keys("symmetric", "a secret", add(`{"kid":"s","kty":"oct","k":"c2VjcmV0"}`))
	keys("wrong-alg", "an algorithm that does not fit the key", func(s string) string { return strings.Replace(s, `"EdDSA"`, `"ES256"`, 1) })
	keys("off-curve", "not a point of P-256", add(`{"kid":"p","kty":"EC","crv":"P-256","x":"`+b64(seed("x"))+`","y":"`+b64(seed("y"))+`"}`))
	keys("short-ed25519", "31 bytes", add(`{"kid":"p","kty":"OKP","crv":"Ed25519","x":"`+b64(seed("x")[1:])+`"}`))
	odd := strings.Repeat("_", 170) // 1020 bits
	keys("short-rsa", "RSA keys have 2048 bits or more", add(`{"kid":"p","kty":"RSA","n":"`+odd+`","e":"AQAB"}`))
	odd = strings.Repeat("_", 342) + "w" // 2056 bits, the last byte 0xff
	keys("even-exponent", "an RSA exponent is odd", add(`{"kid":"p","kty":"RSA","n":"`+odd[:342]+`","e":"AQAA"}`))
	v := c.add("keys-empty", "server", "no key at all", nil)
	v.JWKS = json.RawMessage(`{"keys":[]}`)
}
