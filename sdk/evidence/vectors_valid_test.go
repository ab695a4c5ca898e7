package evidence_test

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/assent-id/assent/sdk/evidence"
)

func (c *cook) valid() {
	c.add("approved", "", "ES256 passkey, EdDSA realm key", nil)
	c.add("approved-narrower", "", "less was granted than asked", func(r *recipe) {
		r.editAns = func(d *evidence.Decision) {
			less := *d.Granted
			less.Scope, less.Resource = "read", nil
			less.AuthorizationDetails = less.AuthorizationDetails[1:]
			d.Granted = &less
		}
	})
	c.add("approved-realm-es256", "", "the realm signs with ES256", func(r *recipe) { r.realm = newRealmSigner(c.tb, "ES256", "realm-es256") })
	c.add("approved-realm-rs256", "", "the realm signs with RS256", func(r *recipe) { r.realm = c.rs256 })
	c.add("approved-realm-ps256", "", "the realm signs with PS256", func(r *recipe) { r.realm = c.ps256 })
	c.add("approved-realm-ed25519-name", "", "Ed25519 (RFC 9864) in the header, EdDSA in the key: one algorithm", func(r *recipe) {
		named := r.realm
		named.alg = "Ed25519"
		r.sealWith, r.bindWith = &named, &named
	})
	c.add("approved-passkey-eddsa", "", "EdDSA passkey", func(r *recipe) { r.passkey = newAuthenticator(c.tb, "EdDSA", "eddsa") })
	c.add("approved-passkey-rs256", "", "RS256 passkey", func(r *recipe) { r.passkey = c.rsaPasskey })
	c.add("approved-passkey-device-bound", "", "a passkey that is never backed up", func(r *recipe) { r.passkey.flags = flagUP | flagUV })
	c.add("approved-passkey-software", "", "a passkey in software says that it is one", func(r *recipe) { r.passkey.aaguid = evidence.SoftwareAAGUID })
	c.add("denied", "", "a denial needs no passkey", func(r *recipe) { r.outcome, r.passkey = evidence.Denied, nil })
	c.add("denied-with-passkey", "", "a denial may be signed", func(r *recipe) { r.outcome = evidence.Denied })
	c.add("expired", "", "nobody answered", func(r *recipe) { r.outcome, r.passkey, r.endedAt = evidence.Expired, nil, testExp })
	c.add("withdrawn", "", "the agent took it back", func(r *recipe) { r.outcome, r.passkey = evidence.Withdrawn, nil })
	c.add("issuer-not-pinned", "", "any issuer is accepted when none is pinned", nil).Issuer = ""
	c.add("at-not-before-the-end", "", "checked at a time after the end", nil).At = testIat + 20
}

func (c *cook) validDetails() {
	c.add("no-agent", "", "an application asks for itself; the action has a scope alone", func(r *recipe) {
		r.editText = func(s *evidence.Statement) {
			s.Agent, s.Action, s.Shown.Warnings = nil, evidence.Action{Scope: "read"}, nil
		}
	})
	c.add("unicode", "", "emoji, right-to-left text, escapes and names beyond U+FFFF", func(r *recipe) { r.editText = unicodeText })
	c.add("numbers", "", "numbers in authorization details are compared as doubles", func(r *recipe) { r.editText = numbers })
	c.add("extensions", "", "authenticator data with extension outputs", func(r *recipe) {
		r.passkey.flags |= flagED
		r.passkey.tail = []byte{0xa1, 0x6a, 'c', 'r', 'e', 'd', 'P', 'r', 'o', 'p', 's', 'X', 0xf5}
	})
	c.add("attested", "", "authenticator data with attested credential data and extensions", func(r *recipe) {
		r.passkey.flags |= flagAT | flagED
		r.passkey.tail = append(r.passkey.attested(c.tb), 0xa1, 0x61, 'n', 0xf9, 0x3c, 0x00)
	})
	c.add("origin-below-rp-id", "", "the page may stand on a subdomain of the RP id", func(r *recipe) { r.passkey.origin = "https://approve.id.example.com:8443" })
	c.add("origin-localhost", "", "plain http counts on localhost", localhost)
	c.add("client-data-with-more", "", "browsers may add members to the client data", func(r *recipe) {
		r.editClient = func(m map[string]any) {
			m["other_keys_can_be_added_here"] = "do not compare clientDataJSON against a template"
			delete(m, "crossOrigin")
		}
	})
	old := newRealmSigner(c.tb, "ES256", "realm-0")
	v := c.add("binding-by-an-older-key", "", "a realm may have rotated its key since", func(r *recipe) { r.bindWith = &old })
	v.JWKS = keySet(c.tb, old, newRecipe(c.tb).realm)
	v = c.add("keys-of-other-kinds", "", "keys for other uses and of unknown kinds are passed over", nil)
	v.JWKS = json.RawMessage(strings.Replace(string(v.JWKS), `{"keys":[`,
		`{"keys":[{"kid":"x","kty":"AKP","alg":"ML-DSA-44","pub":"AA"},{"kid":"y","kty":"EC","crv":"P-521"},{"kid":"z","kty":"RSA","use":"enc","n":"AA","e":"AQAB"},`, 1))
	v = c.add("not-canonical", "", "white space, order of members and escapes do not matter", nil)
	v.EvidenceText, v.Evidence = disorder(v.Evidence), nil
}

func localhost(r *recipe) {
	r.issuer = "http://localhost:8420"
	r.passkey.origin, r.passkey.rpID = r.issuer, "localhost"
	r.editBinding = func(b *evidence.BindingClaims) { b.RPID = "localhost" }
}

func unicodeText(s *evidence.Statement) {
	s.ClientName = "Ábyrg verslun 🛍️"
	s.Action.BindingMessage = "مرحبا بالعالم: שלום \u2028 \u0000 \u001f \u007f \"quoted\" \\ </script>"
	s.Shown.Title = "👩‍👩‍👧‍👦 e\u0301 \ufeff\U0010ffff"
	s.Shown.Lines = []evidence.Line{{Label: "€ \r", Value: "\u0080\n\t\b\f"}}
	s.Action.AuthorizationDetails = []json.RawMessage{json.RawMessage(
		`{"type":"x","\ud83d\ude00":1,"\ufb33":2,"\u20ac":3,"\r":4,"1":5,"\u0080":6,"\u00f6":7,"__proto__":8,"constructor":9,"":10,"a\"b":11}`)}
}

func numbers(s *evidence.Statement) {
	s.Action.AuthorizationDetails = []json.RawMessage{json.RawMessage(
		`{"type":"payment","list":[1E30,4.50,2e-3,0.000000000000000000000000001,333333333.33333329,-0,1e21,1e-7,` +
			`12345678901234567890,9007199254740993,5e-324,1.7976931348623157e308,0.1,-1.5E+2,100000000000000000000,1e-400]}`)}
}

// disorder writes the evidence with its members in the reverse order, white
// space, and escapes where none are needed.
func disorder(canonical []byte) string {
	var m map[string]json.RawMessage
	if err := json.Unmarshal(canonical, &m); err != nil {
		panic(err)
	}
	names := []string{"typ", "statement", "server", "passkey", "outcome", "ended_at", "decision", "binding"}
	var out strings.Builder
	for i, name := range names {
		var value bytes.Buffer
		if err := json.Indent(&value, m[name], "\t", " "); err != nil {
			panic(err)
		}
		out.WriteString(map[bool]string{true: "\r\n{\t", false: ",\n"}[i == 0])
		out.WriteString(`"\u00` + hexOf(name[0]) + name[1:] + `" : `)
		out.WriteString(strings.ReplaceAll(value.String(), "./deploy", `.\/d\u0065ploy`))
	}
	return out.String() + "}\n "
}

func hexOf(b byte) string {
	const digits = "0123456789ABCDEF"
	return string([]byte{digits[b>>4], digits[b&15]})
}
