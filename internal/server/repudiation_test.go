package server_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/evidence"
)

// altered signs a decision like the person's passkey does, over client data
// that hold one more member.
func altered(t *testing.T, p *softperson.Person, d evidence.Decision, member string) softperson.Answer {
	t.Helper()
	answer, err := p.Sign(d)
	servertest.Check(t, err)
	var assertion map[string]any
	servertest.Check(t, json.Unmarshal(answer.Assertion, &assertion))
	response := assertion["response"].(map[string]any)
	data, err := base64.RawURLEncoding.DecodeString(response["clientDataJSON"].(string))
	servertest.Check(t, err)
	auth, err := base64.RawURLEncoding.DecodeString(response["authenticatorData"].(string))
	servertest.Check(t, err)
	data = append(data[:len(data)-1], []byte(","+member+"}")...)
	sum := sha256.Sum256(data)
	digest := sha256.Sum256(append(auth, sum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, privateKey(t, p), digest[:])
	servertest.Check(t, err)
	response["clientDataJSON"] = base64.RawURLEncoding.EncodeToString(data)
	response["signature"] = base64.RawURLEncoding.EncodeToString(signature)
	answer.Assertion, err = json.Marshal(assertion)
	servertest.Check(t, err)
	return answer
}

func privateKey(t *testing.T, p *softperson.Person) *ecdsa.PrivateKey {
	t.Helper()
	raw, err := p.Key.Marshal()
	servertest.Check(t, err)
	var kept struct {
		Key evidence.Bytes `json:"private_key"`
	}
	servertest.Check(t, json.Unmarshal(raw, &kept))
	key, err := x509.ParsePKCS8PrivateKey(kept.Key)
	servertest.Check(t, err)
	return key.(*ecdsa.PrivateKey)
}

// Somebody who builds a passkey of their own must not be able to say yes in a
// way that the server acts on and no verifier accepts.
func TestAYesThatWouldNotStandAsEvidenceIsRefused(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.App(t, application.NewApplication{})
	person, _ := w.Person(t, "alex")
	asked := w.Post(t, "/oauth/bc-authorize", app.Form("login_hint", "alex"))
	id := asked.Text("approval_id")
	raw, err := person.Statement(t.Context(), id)
	servertest.Check(t, err)
	done, err := softperson.NewDecision(raw, evidence.Approve)
	servertest.Check(t, err)
	for _, member := range []string{`"topOrigin":""`, `"topOrigin":"https://other.example"`, `"x":"\ud800"`, `"x":1e999`} {
		err := person.Send(t.Context(), id, altered(t, person, done.Decision, member))
		if p, ok := errors.AsType[*softperson.Problem](err); !ok || p.Status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %v", member, err)
		}
	}
	// What browsers may add one day stands as evidence, and so is accepted.
	servertest.Check(t, person.Send(t.Context(), id, altered(t, person, done.Decision, `"new":{"a":[1]}`)))
	keys := servertest.Do(t, http.MethodGet, w.URL+"/v1/evidence/keys", nil)
	doc, err := person.Call(t.Context(), http.MethodGet, w.URL+"/v1/approvals/"+id+"/evidence", nil)
	servertest.Check(t, err)
	if _, err := evidence.Verify(doc, keys.Body, evidence.Options{Issuer: w.URL}); err != nil {
		t.Errorf("the accepted answer does not verify: %v", err)
	}
}
