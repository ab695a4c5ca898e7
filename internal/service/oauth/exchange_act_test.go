package oauth

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func chainOf(depth int) json.RawMessage {
	return json.RawMessage(strings.Repeat(`{"sub":"x","act":`, depth-1) + `{"sub":"x"}` + strings.Repeat("}", depth-1))
}

// RFC 8693, Section 4.1.
//
// Requirement: exchange-act-depth
func TestAChainOfActorsHasAtMostFive(t *testing.T) {
	a := actor{sub: "svc_a", clientID: "svc_a"}
	for depth := 1; depth <= 8; depth++ {
		_, err := delegate(a, chainOf(depth))
		if got := errors.Is(err, errActDepth); got != (depth >= maxActDepth) {
			t.Errorf("one more than %d: %v", depth, err)
		}
		_, err = foreignAct(chainOf(depth), "https://idp.example")
		if got := errors.Is(err, errActDepth); got != (depth > maxActDepth) {
			t.Errorf("%d of another issuer: %v", depth, err)
		}
	}
	got, err := delegate(actor{sub: "idn_1", clientID: "svc_a", agent: true}, json.RawMessage(`{"sub":"svc_b","custom":[1]}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`{"sub":"idn_1","client_id":"svc_a","sub_profile":"ai_agent","act":{"sub":"svc_b","custom":[1]}}`, string(got)); diff != "" {
		t.Error(diff)
	}
}

// Requirement: exchange-act-depth
func TestActorsOfAnotherIssuerSayWhoVouchesForThem(t *testing.T) {
	const iss = "https://idp.example"
	for in, want := range map[string]string{
		`{"sub":"a"}`: `{"sub":"a","iss":"https://idp.example"}`,
		`{"sub":"a","iss":"https://b.example","email":"x"}`: `{"sub":"a","iss":"https://b.example"}`,
		`{"sub":"a","act":{"sub":"b","client_id":"c"}}`:     `{"sub":"a","iss":"https://idp.example","act":{"sub":"b","iss":"https://idp.example","client_id":"c"}}`,
		`{"sub":"a","sub_profile":"ai_agent"}`:              `{"sub":"a","iss":"https://idp.example","sub_profile":"ai_agent"}`,
		`{}`:                                                "",
		`{"sub":1}`:                                         "",
		`{"sub":"a","act":{"iss":"x"}}`:                     "",
		`{"sub":"a","act":null}`:                            "",
		`[]`:                                                "",
		`"a"`:                                               "",
	} {
		got, err := foreignAct(json.RawMessage(in), iss)
		if string(got) != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %s, %v", in, got, err)
		}
	}
	if got, err := foreignAct(nil, iss); got != nil || err != nil {
		t.Errorf("no act: got %s, %v", got, err)
	}
}

// FuzzAct: whatever an issuer writes, what we take over is a chain within the
// limit that names who vouches for each party.
func FuzzAct(f *testing.F) {
	f.Add(`{"sub":"a","act":{"sub":"b"}}`)
	f.Add(string(chainOf(6)))
	f.Add(`{"sub":"a","SUB":"b","act":{"sub":"\u0000","act":[]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		who := actor{iss: "https://a.example", sub: "a"}
		limit, err := foreignMayAct(json.RawMessage(text), "https://idp.example")
		if err == nil && limit != nil && checkMayAct(limit, who) == nil && !strings.Contains(text, `"iss"`) {
			t.Errorf("a name of another issuer is one of ours: %s", text)
		}
		got, err := foreignAct(json.RawMessage(text), "https://idp.example")
		if err != nil || got == nil {
			return
		}
		depth := 0
		for act := got; len(act) > 0; depth++ {
			var c actClaim
			if err := json.Unmarshal(act, &c); err != nil || c.Sub == "" || c.Iss == "" {
				t.Fatalf("%s became %s", text, got)
			}
			act = c.Act
		}
		if depth > maxActDepth {
			t.Errorf("%d parties", depth)
		}
	})
}
