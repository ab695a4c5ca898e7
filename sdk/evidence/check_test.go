package evidence_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/assent-id/assent/sdk/evidence"
)

// An answer is what a realm holds before it accepts a decision.
type answer struct {
	passkey  evidence.Passkey
	binding  evidence.BindingClaims
	decision []byte
}

// answerOf reads the parts of evidence without judging them; ok is false where
// there is no answer or Go values cannot hold all that the text says.
func answerOf(text []byte) (a answer, ok bool) {
	if _, err := evidence.Canonical(text); err != nil {
		return a, false
	}
	var e evidence.Evidence
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if dec.Decode(&e) != nil || e.Passkey == nil {
		return a, false
	}
	var err error
	if a.binding, err = evidence.ParseBinding(e.Binding); err != nil {
		return a, false
	}
	a.passkey = *e.Passkey
	a.decision, err = evidence.Canonical(e.Decision)
	return a, err == nil
}

func partNamed(tb testing.TB, err error) string {
	tb.Helper()
	var part *evidence.PartError
	if err != nil && !errors.As(err, &part) {
		tb.Fatalf("%v is not a *PartError", err)
	}
	if part == nil {
		return ""
	}
	return part.Part
}

func TestARealmChecksAnAnswerAsAStrangerWill(t *testing.T) {
	valid, refused := 0, map[string]int{}
	for _, v := range loadVectors(t) {
		a, ok := answerOf(v.evidence())
		if !ok || v.Want != "" && !strings.HasPrefix(v.Want, "passkey.") {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			if got := partNamed(t, evidence.CheckPasskey(a.passkey, a.binding, a.decision)); got != v.Want {
				t.Errorf("CheckPasskey names %q, Verify %q", got, v.Want)
			}
			want := v.Want
			if want == "passkey.signature" && len(a.passkey.Signature) > 0 {
				want = "" // left to the caller
			}
			if got := partNamed(t, evidence.CheckAssertion(a.passkey, a.binding, a.decision)); got != want {
				t.Errorf("CheckAssertion names %q, want %q", got, want)
			}
			keyFault := evidence.CheckPublicKey(a.passkey.PublicKey)
			if v.Want == "" && keyFault != nil {
				t.Errorf("CheckPublicKey: %v", keyFault)
			}
			if strings.HasPrefix(v.Name, "key-") && keyFault == nil {
				t.Error("CheckPublicKey takes the key")
			}
		})
		if refused[v.Want]++; v.Want == "" {
			valid++
		}
	}
	if valid < 5 || refused["passkey.client_data_json"] < 10 || refused["passkey.authenticator_data"] < 8 ||
		refused["passkey.public_key"] < 8 || refused["passkey.signature"] < 4 {
		t.Errorf("too few vectors were tried: %d valid, refused %v", valid, refused)
	}
}

func TestARealmRefusesAnAnswerThatEvidenceCannotHold(t *testing.T) {
	tests := []struct {
		name, part string
		edit       func(*answer)
	}{
		{"nothing wrong", "", func(*answer) {}},
		{"no credential id", "passkey.credential_id", func(a *answer) { a.passkey.CredentialID, a.binding.CredentialID = nil, nil }},
		{"client data too long", "passkey.client_data_json", func(a *answer) {
			a.passkey.ClientDataJSON = append(bytes.Repeat([]byte(" "), 8192), a.passkey.ClientDataJSON...)
		}},
		{"authenticator data too short", "passkey.authenticator_data", func(a *answer) { a.passkey.AuthenticatorData = a.passkey.AuthenticatorData[:36] }},
		{"no signature", "passkey.signature", func(a *answer) { a.passkey.Signature = nil }},
		{"AAGUID in upper case", "passkey.aaguid", func(a *answer) { a.passkey.AAGUID = strings.ToUpper(a.passkey.AAGUID) }},
		{"AAGUID not UTF-8", "passkey.aaguid", func(a *answer) { a.passkey.AAGUID = "\xff" }},
		{"decision not canonical", "decision", func(a *answer) { a.decision = append(a.decision, ' ') }},
		{"decision not JSON", "decision", func(a *answer) { a.decision = nil }},
		{"decision of another shape", "decision", func(a *answer) { a.decision = []byte(`{}`) }},
		{"binding without a type", "binding", func(a *answer) { a.binding.Typ = "" }},
		{"binding for no host", "binding", func(a *answer) { a.binding.RPID = "https://id.example.com" }},
		{"bound after the answer", "binding", func(a *answer) { a.binding.Iat = testIat + 80 }},
		{"answered just before the binding by a slow clock", "", func(a *answer) { a.binding.Iat = testIat + 79 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, ok := answerOf(newRecipe(t).make(t))
			if !ok {
				t.Fatal("the usual evidence has no answer")
			}
			tt.edit(&a)
			for name, check := range map[string]func(evidence.Passkey, evidence.BindingClaims, []byte) error{
				"CheckPasskey": evidence.CheckPasskey, "CheckAssertion": evidence.CheckAssertion,
			} {
				if err := check(a.passkey, a.binding, a.decision); partNamed(t, err) != tt.part {
					t.Errorf("%s: %v, want %q", name, err, tt.part)
				}
			}
		})
	}
}

func TestCheckPublicKeyRefusesAKeyTooLongForABinding(t *testing.T) {
	if err := evidence.CheckPublicKey(make([]byte, 2049)); err == nil || !strings.Contains(err.Error(), "2048") {
		t.Errorf("got %v", err)
	}
}

func TestParseBindingReadsWhatNewBindingWrote(t *testing.T) {
	r := newRecipe(t)
	claims := evidence.BindingClaims{Typ: evidence.BindingType, Iss: testIssuer, Sub: "idn_1", CredentialID: r.passkey.id,
		PublicKey: r.passkey.cose, AAGUID: r.passkey.aaguid, RPID: testRPID, Iat: testIat}
	payload := must[[]byte](t)(evidence.NewBinding(claims))
	compact := r.realm.sign(t, r.realm.header(evidence.BindingHeaderType), string(payload))
	got := must[evidence.BindingClaims](t)(evidence.ParseBinding(compact))
	if again := must[[]byte](t)(evidence.NewBinding(got)); !bytes.Equal(again, payload) {
		t.Errorf("got %s, want %s", again, payload)
	}
	for name, text := range map[string]string{
		"empty": "", "two segments": "e30.e30", "not base64url": "e30.é.e30", "not JSON": "e30.e2.e30",
		"of another shape": "e30.e30.e30", "too long": strings.Repeat("a", 20<<10),
	} {
		if _, err := evidence.ParseBinding(text); err == nil || !strings.HasPrefix(err.Error(), "binding") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
