package evidence_test

import (
	"encoding/json"
	"testing"

	"github.com/assent-id/assent/sdk/evidence"
)

// A recipe makes one piece of evidence. The edits happen in the order of the
// fields; what comes after an edit is made from what it left.
type recipe struct {
	realm    realmSigner
	passkey  *authenticator // nil: nobody signs
	outcome  string
	endedAt  int64
	issuer   string // issuer of the statement, binding and seal
	editText func(*evidence.Statement)
	editAns  func(*evidence.Decision)
	// editClient changes the client data before it is signed.
	editClient func(map[string]any)
	// editKey changes the passkey after it has signed, before the seal.
	editKey     func(*evidence.Passkey)
	editBinding func(*evidence.BindingClaims)
	bindWith    *realmSigner // instead of realm
	bindHeader  string       // instead of the usual one
	// editSealed changes the evidence before the seal.
	editSealed func(*evidence.Evidence)
	editSeal   func(map[string]any)
	sealWith   *realmSigner
	sealHeader string
	// editAfter changes the evidence as JSON after the seal.
	editAfter func(map[string]any)
}

func newRecipe(tb testing.TB) recipe {
	tb.Helper()
	return recipe{
		realm:   newRealmSigner(tb, "EdDSA", "realm-1"),
		passkey: newAuthenticator(tb, "ES256", "anna"),
		outcome: evidence.Approved,
		endedAt: testIat + 20,
		issuer:  testIssuer,
	}
}

func (r recipe) statement() evidence.Statement {
	s := evidence.Statement{
		Typ: evidence.StatementType, Iss: r.issuer, ID: "apr_01kaq7c8r5e3fbh9k2m4n6p8qz",
		Kind: "ciba", Sub: "idn_01kaq7c8r5e3fbh9k2m4n6p8qa",
		ClientID: "agt_01kaq7c8r5e3fbh9k2m4n6p8qb", ClientName: "Deploy helper",
		Agent: &evidence.Agent{ID: "agt_01kaq7c8r5e3fbh9k2m4n6p8qb", Name: "Deploy helper", Owner: "idn_01kaq7c8r5e3fbh9k2m4n6p8qa"},
		Action: evidence.Action{
			BindingMessage: "Deploy v2 to production",
			Scope:          "deploy read",
			AuthorizationDetails: []json.RawMessage{
				json.RawMessage(`{"type":"assent_action","details":{"service":"api","version":"v2"},"command":["./deploy.sh","--env","production"]}`),
				json.RawMessage(`{"type":"assent_action","details":{"service":"web","version":"v2"}}`),
			},
			Resource: []string{"https://api.example.com/deploy"},
		},
		Shown: evidence.Shown{
			Template: "action.v1", Locale: "en", Title: "Deploy v2 to production",
			Lines:    []evidence.Line{{Label: "service", Value: "api"}, {Label: "version", Value: "v2"}},
			Warnings: []string{"This runs a command."},
		},
		Nonce: b64(seed("nonce")), Iat: testIat, Exp: testExp,
	}
	if r.editText != nil {
		r.editText(&s)
	}
	return s
}

// decision returns nil for outcomes without one.
func (r recipe) decision(s evidence.Statement, hash string) *evidence.Decision {
	d := &evidence.Decision{Typ: evidence.DecisionType, Statement: hash, At: testIat + 19}
	switch r.outcome {
	case evidence.Approved:
		d.Answer, d.Granted = evidence.Approve, &s.Action
	case evidence.Denied:
		d.Answer = evidence.Deny
	default:
		d = nil
	}
	if r.editAns != nil {
		if d == nil {
			d = &evidence.Decision{Typ: evidence.DecisionType, Statement: hash, At: testIat + 19}
		}
		r.editAns(d)
	}
	return d
}

// make returns the evidence as JSON.
func (r recipe) make(tb testing.TB) json.RawMessage {
	tb.Helper()
	s := r.statement()
	e := &evidence.Evidence{Typ: evidence.EvidenceType, Outcome: r.outcome, EndedAt: r.endedAt}
	e.Statement = must[[]byte](tb)(s.Canonical())
	if d := r.decision(s, evidence.Hash(e.Statement)); d != nil {
		e.Decision = must[[]byte](tb)(d.Canonical())
	}
	if r.passkey != nil {
		e.Passkey = r.passkey.assert(tb, evidence.Challenge(e.Decision), r.editClient)
		e.Binding = r.bind(tb, s, *e.Passkey)
		if r.editKey != nil {
			r.editKey(e.Passkey)
		}
	}
	if r.editSealed != nil {
		r.editSealed(e)
	}
	e.Server = r.seal(tb, e)
	text := must[[]byte](tb)(evidence.CanonicalValue(e))
	if r.editAfter == nil {
		return text
	}
	var members map[string]any
	if err := json.Unmarshal(text, &members); err != nil {
		tb.Fatal(err)
	}
	r.editAfter(members)
	return must[[]byte](tb)(evidence.CanonicalValue(members))
}

func (r recipe) bind(tb testing.TB, s evidence.Statement, p evidence.Passkey) string {
	tb.Helper()
	claims := evidence.BindingClaims{
		Iss: r.issuer, Sub: s.Sub, CredentialID: p.CredentialID, PublicKey: p.PublicKey,
		AAGUID: p.AAGUID, RPID: testRPID, Iat: testIat - 86400,
	}
	if r.editBinding != nil {
		r.editBinding(&claims)
	}
	signer, header := r.realm, r.bindHeader
	if r.bindWith != nil {
		signer = *r.bindWith
	}
	if header == "" {
		header = signer.header(evidence.BindingHeaderType)
	}
	return signer.sign(tb, header, string(must[[]byte](tb)(evidence.NewBinding(claims))))
}

func (r recipe) seal(tb testing.TB, e *evidence.Evidence) string {
	tb.Helper()
	payload := must[[]byte](tb)(evidence.NewSeal(e, r.endedAt))
	if r.editSeal != nil {
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil {
			tb.Fatal(err)
		}
		r.editSeal(claims)
		payload = must[[]byte](tb)(evidence.CanonicalValue(claims))
	}
	signer, header := r.realm, r.sealHeader
	if r.sealWith != nil {
		signer = *r.sealWith
	}
	if header == "" {
		header = signer.header(evidence.SealHeaderType)
	}
	return signer.sign(tb, header, string(payload))
}
