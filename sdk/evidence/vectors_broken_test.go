package evidence_test

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/assent-id/assent/sdk/evidence"
)

// altered changes one member after the seal, and nothing else.
func (c *cook) altered() {
	set := func(name string, value any, path ...string) func(map[string]any) {
		return func(e map[string]any) { at(e, path...)[name] = value }
	}
	c.after("altered-typ", "typ", "another version", set("typ", "assent.evidence.v2"))
	c.after("altered-outcome", "outcome", "an approval turned into a denial", set("outcome", "denied"))
	c.after("altered-outcome-unknown", "outcome", "an outcome that there is not", set("outcome", "Approved"))
	c.after("altered-ended-at", "ended_at", "another time", set("ended_at", testIat+21))
	c.after("altered-ended-at-fraction", "ended_at", "times are whole seconds", set("ended_at", testIat+20.5))
	c.after("altered-statement-shown", "statement", "another text", set("title", "Deploy v1 to staging", "statement", "shown"))
	c.after("altered-statement-action", "statement", "another scope", set("scope", "deploy read admin", "statement", "action"))
	c.after("altered-statement-sub", "statement", "another person", set("sub", "idn_01kaq7c8r5e3fbh9k2m4n6p8qx", "statement"))
	c.after("altered-decision-at", "decision", "another time", set("at", testIat+18, "decision"))
	c.after("altered-decision-granted", "decision", "another scope", set("scope", "deploy", "decision", "granted"))
	c.after("altered-passkey-credential-id", "passkey.credential_id", "another passkey", set("credential_id", b64(seed("x")), "passkey"))
	c.after("altered-passkey-public-key", "passkey.public_key", "another key", set("public_key", b64(newAuthenticator(c.tb, "ES256", "mallory").cose), "passkey"))
	c.after("altered-passkey-backup-eligible", "passkey.backup_eligible", "not the flag", set("backup_eligible", false, "passkey"))
	c.after("altered-passkey-backup-state", "passkey.backup_state", "not the flag", set("backup_state", false, "passkey"))
	c.after("altered-passkey-aaguid", "passkey.aaguid", "another kind of authenticator", set("aaguid", evidence.SoftwareAAGUID, "passkey"))
	c.after("altered-passkey-aaguid-case", "passkey.aaguid", "UUIDs are in lower case", set("aaguid", "EA9B8D66-4D01-1D21-3CE4-B6B48CB575D4", "passkey"))
	c.after("altered-passkey-counter", "passkey", "one byte of the counter: the signature fails, and which of three members was altered cannot be told", func(e map[string]any) {
		p := at(e, "passkey")
		p["authenticator_data"] = flipLast(p["authenticator_data"].(string))
	})
	c.after("altered-passkey-signature", "passkey", "another signature", func(e map[string]any) {
		p := at(e, "passkey")
		p["signature"] = flipLast(p["signature"].(string))
	})
	c.after("altered-passkey-signature-padding", "passkey.signature", "base64url has no padding", func(e map[string]any) {
		at(e, "passkey")["signature"] = at(e, "passkey")["signature"].(string) + "="
	})
	c.after("altered-passkey-signature-line-break", "passkey.signature", "base64url has no line breaks", func(e map[string]any) {
		at(e, "passkey")["signature"] = at(e, "passkey")["signature"].(string) + "\n"
	})
	c.after("altered-binding", "binding", "another signature", func(e map[string]any) { e["binding"] = flipLast(e["binding"].(string)) })
	c.after("altered-server", "server", "another signature", func(e map[string]any) { e["server"] = flipLast(e["server"].(string)) })
}

// flipLast changes the last byte that the base64url text s, or its last
// segment, stands for.
func flipLast(s string) string {
	cut := strings.LastIndexByte(s, '.') + 1
	b, err := evidenceBytes(s[cut:])
	if err != nil {
		panic(err)
	}
	b[len(b)-1] ^= 1
	return s[:cut] + b64(b)
}

func evidenceBytes(s string) ([]byte, error) {
	var b evidence.Bytes
	err := b.UnmarshalText([]byte(s))
	return b, err
}

// removed takes one member away after the seal.
func (c *cook) removed() {
	for _, name := range []string{"typ", "statement", "outcome", "ended_at", "decision", "passkey", "binding", "server"} {
		c.after("removed-"+strings.ReplaceAll(name, "_", "-"), name, "one member is missing", func(e map[string]any) { delete(e, name) })
	}
	for _, name := range []string{"credential_id", "signature", "backup_state"} {
		c.after("removed-passkey-"+strings.ReplaceAll(name, "_", "-"), "passkey."+name, "one member is missing", func(e map[string]any) { delete(at(e, "passkey"), name) })
	}
	c.after("removed-statement-nonce", "statement", "one member is missing", func(e map[string]any) { delete(at(e, "statement"), "nonce") })
	c.after("removed-statement-agent", "statement", "who asked is missing", func(e map[string]any) { delete(at(e, "statement"), "agent") })
	c.after("removed-decision-granted", "decision", "what was granted is missing", func(e map[string]any) { delete(at(e, "decision"), "granted") })
}

// extra adds members that version 1 does not have; also sealed ones.
func (c *cook) extra() {
	c.after("extra-member", "note", "unknown members are refused and named", func(e map[string]any) { e["note"] = "approved by the board" })
	c.after("extra-member-odd-name", "evidence", "a name that is not fit for a message is not repeated", func(e map[string]any) { e["\x1b[2Jok"] = true })
	c.after("extra-passkey-member", "passkey.attestation", "unknown members are refused and named", func(e map[string]any) { at(e, "passkey")["attestation"] = "" })
	c.after("extra-decision", "decision", "a decision that the server did not seal", nil)
	last := &c.vectors[len(c.vectors)-1]
	r := newRecipe(c.tb)
	r.outcome, r.passkey, r.endedAt = evidence.Expired, nil, testExp
	r.editAfter = func(e map[string]any) {
		e["decision"] = map[string]any{"typ": evidence.DecisionType, "statement": b64(seed("x")), "answer": "deny", "at": testIat}
	}
	last.Evidence = r.make(c.tb)
	c.add("extra-statement-member", "statement", "sealed by the server all the same", func(r *recipe) {
		r.editSealed = func(e *evidence.Evidence) { e.Statement = insert(e.Statement, `"priority":1`) }
	})
	c.add("extra-statement-member-case", "statement", "names of members are exact", func(r *recipe) {
		r.editSealed = func(e *evidence.Evidence) { e.Statement = insert(e.Statement, `"Typ":"assent.statement.v1"`) }
	})
	c.add("extra-action-member", "statement", "sealed by the server all the same", func(r *recipe) {
		r.editSealed = func(e *evidence.Evidence) {
			e.Statement = bytes.Replace(e.Statement, []byte(`"action":{`), []byte(`"action":{"amount":1,`), 1)
		}
	})
	c.add("extra-decision-member", "decision", "sealed and signed all the same", func(r *recipe) {
		r.editSealed = func(e *evidence.Evidence) {
			e.Decision = insert(e.Decision, `"comment":"fine"`)
			e.Passkey = r.passkey.assert(c.tb, evidence.Challenge(must[[]byte](c.tb)(evidence.Canonical(e.Decision))), nil)
		}
	})
	c.after("extra-log", "log", "a log proof that cannot be checked is not taken on trust", func(e map[string]any) {
		e["log"] = map[string]any{"index": 1, "proof": []any{}, "checkpoint": ""}
	})
}

// insert puts a member at the start of a canonical object.
func insert(object json.RawMessage, member string) json.RawMessage {
	return append([]byte("{"+member+","), object[1:]...)
}

// text holds faults of the JSON text itself.
func (c *cook) text() {
	text := func(name, want, description string, edit func(string) string) {
		v := c.add(name, want, description, nil)
		v.EvidenceText, v.Evidence = edit(string(v.Evidence)), nil
	}
	replace := func(old, new string) func(string) string {
		return func(s string) string {
			if !strings.Contains(s, old) {
				c.tb.Fatalf("%q is not in the evidence", old)
			}
			return strings.Replace(s, old, new, 1)
		}
	}
	text("duplicate-outcome", "outcome", "duplicate members are refused, equal ones too", replace(`"outcome":"approved"`, `"outcome":"approved","outcome":"approved"`))
	text("duplicate-escaped", "outcome", "names are compared after escapes", replace(`"outcome":`, `"outc\u006fme":"denied","outcome":`))
	text("duplicate-in-statement", "statement", "duplicate members are refused at any depth", replace(`"template":`, `"template":"other.v1","template":`))
	text("duplicate-in-passkey", "passkey.signature", "duplicate members are refused and named", replace(`"signature":`, `"signature":"AA","signature":`))
	text("duplicate-in-decision", "decision", "duplicate members are refused", replace(`"answer":"approve"`, `"answer":"deny","answer":"approve"`))
	text("number-too-large", "statement", "no double holds it", replace(`"label":"version"`, `"label":1e999`))
	text("lone-surrogate", "statement", "not a character", replace(`"label":"version"`, `"label":"\ud800"`))
	text("lone-low-surrogate", "statement", "not a character", replace(`"label":"version"`, `"label":"\udc00\ud800"`))
	text("nested-too-deeply", "statement", "over 64 levels", replace(`"label":"version"`, `"label":`+strings.Repeat("[", 64)+strings.Repeat("]", 64)))
	text("not-json", "evidence", "a member without quotes", replace(`"typ":`, `typ:`))
	text("trailing-comma", "evidence", "not JSON", replace(`"typ":"assent.evidence.v1"`, `"typ":"assent.evidence.v1",`))
	text("leading-zero", "evidence", "not JSON", replace(`"ended_at":`, `"ended_at":0`))
	text("bare-control-character", "evidence", "not JSON", replace("Deploy", "Dep\tloy"))
	text("truncated", "evidence", "cut off", func(s string) string { return s[:len(s)/2] })
	text("two-values", "evidence", "something after the end", func(s string) string { return s + "{}" })
	text("byte-order-mark", "evidence", "RFC 8259, Section 8.1", func(s string) string { return "\ufeff" + s })
	text("an-array", "evidence", "not an object", func(s string) string { return "[" + s + "]" })
	text("null-decision", "decision", "null is not absent", replace(`"outcome"`, `"log":null,"outcome"`))
	last := &c.vectors[len(c.vectors)-1]
	last.EvidenceText = replaceMember(last.EvidenceText, "decision", "null")
	text("null-log", "log", "null is not absent", replace(`"outcome"`, `"log":null,"outcome"`))
}

func replaceMember(text, name, value string) string {
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		panic(err)
	}
	m[name] = json.RawMessage(value)
	out, err := evidence.CanonicalValue(m)
	if err != nil {
		panic(err)
	}
	return string(out)
}
