package approval_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/sdk/evidence"
)

func TestDetailsOfOtherTypesAreShownValueByValue(t *testing.T) {
	const payment = `{"type":"payment","amount":{"value":"12.50","currency":"EUR"},"to":["Ada <b>","Bob"],
		"items":[{"sku":"a","n":2}],"express":true,"note":null,"at":"noon","tags":[],"extra":{},"gives":{"access":{"to":"all"}}}`
	got, err := approval.Describe(json.RawMessage(payment))
	check(t, err)
	want := []evidence.Line{
		{Label: "amount currency", Value: "EUR"}, {Label: "amount value", Value: "12.50"},
		{Label: "payment at", Value: "noon"}, // "At" is a label of ours, and so is the other
		{Label: "express", Value: "true"}, {Label: "extra", Value: "{}"},
		{Label: "payment gives access to", Value: "all"}, {Label: "items 1 n", Value: "2"}, {Label: "items 1 sku", Value: "a"},
		{Label: "note", Value: "null"}, {Label: "tags", Value: "[]"},
		{Label: "to 1", Value: "Ada <b>"}, {Label: "to 2", Value: "Bob"}, {Label: "type", Value: "payment"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDetailsThatCannotBeShownAreRefused(t *testing.T) {
	tests := []struct{ name, details string }{
		{"no object", `"payment"`},
		{"null", `null`},
		{"no type", `{"amount":1}`},
		{"an empty type", `{"type":""}`},
		{"a type that is no text", `{"type":1}`},
		{"a type in another case", `{"Type":"payment"}`},
		{"a member twice", `{"type":"payment","a":1,"a":2}`},
		{"a name with a space", `{"type":"payment","a b":1}`},
		{"a name that is a number", `{"type":"payment","to":{"1":"x"}}`},
		{"an empty name", `{"type":"payment","":1}`},
		{"a name that cannot be seen", `{"type":"payment","a\u200b":1}`},
		{"a long name", `{"type":"payment","` + strings.Repeat("a", 129) + `":1}`},
		{"a long value", `{"type":"payment","a":"` + strings.Repeat("a", 1001) + `"}`},
		{"too many values", `{"type":"payment","a":[` + strings.Repeat("1,", 49) + `1]}`},
		{"text behind it", `{"type":"payment"} 1`},
	}
	for _, tt := range tests {
		_, err := approval.Describe(json.RawMessage(tt.details))
		if _, ok := errors.AsType[*approval.DetailsError](err); !ok {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
	if _, err := approval.Describe(json.RawMessage(`{"type":"payment","a":[` + strings.Repeat("1,", 48) + `1]}`)); err != nil {
		t.Errorf("50 values: %v", err)
	}
}

// Requirement: rar-shown-and-granted, rar-registered-types
func TestTypesOfTheRealmAreAskedAboutAndNoOthers(t *testing.T) {
	w := newWorld(t)
	site := *w.Site
	site.Realm.Policy.DetailsTypes = map[string]json.RawMessage{"payment": json.RawMessage(`{}`)}
	request := w.request(one(t, map[string]any{"type": "payment", "amount": "5"}))
	a, err := w.Ask(t.Context(), &site, request)
	check(t, err)
	st, err := evidence.ParseStatement(a.Statement)
	check(t, err)
	if diff := cmp.Diff([]evidence.Line{{Label: "amount", Value: "5"}, {Label: "type", Value: "payment"}}, st.Shown.Lines); diff != "" {
		t.Error(diff)
	}
	if _, err := w.answer(t, a, evidence.Approve); err != nil {
		t.Errorf("approve: %v", err)
	}
	_, err = w.Ask(t.Context(), w.Site, request)
	if _, ok := errors.AsType[*approval.DetailsError](err); !ok {
		t.Errorf("in a realm without the type: %v", err)
	}
}

// The ping is in the outbox exactly when the end is in the row: CIBA Core 1.0,
// Section 10.2. Whoever took the request back needs none.
//
// Requirement: ciba-ping
func TestAnEndPutsThePingIntoTheOutboxAndOutOfTheRow(t *testing.T) {
	for _, tt := range ends {
		t.Run(string(tt.state), func(t *testing.T) {
			w := newWorld(t)
			for _, payload := range []json.RawMessage{json.RawMessage(`{"client":"x"}`), nil} {
				r := w.request(action())
				r.Ping = payload
				a, err := w.Ask(t.Context(), w.Site, r)
				check(t, err)
				if kept := w.read(t, a.ID); string(kept.Ping) != string(payload) {
					t.Errorf("the row holds %q, want %q", kept.Ping, payload)
				}
				if got := w.outbox(t); len(got) != 0 {
					t.Errorf("before the end there is %v", got)
				}
				got, err := tt.end(t, w, w.read(t, a.ID))
				check(t, err)
				want := payload != nil && tt.state != model.ApprovalWithdrawn
				items := w.outbox(t)
				if (len(items) == 1) != want || len(items) > 1 {
					t.Fatalf("outbox = %v, want one %v", items, want)
				}
				if want && (items[0].Channel != "ping" || string(items[0].Payload) != string(payload) || items[0].ExpiresAt <= a.ExpiresAt) {
					t.Errorf("item = %+v", items[0])
				}
				if kept := w.read(t, a.ID); len(kept.Ping) != 0 || len(got.Ping) != 0 {
					t.Errorf("afterwards the row holds %q", kept.Ping)
				}
			}
		})
	}
}

// outbox takes out whatever is due.
func (w *world) outbox(t testing.TB) []model.OutboxItem {
	t.Helper()
	items, err := w.Store.LeaseOutbox(t.Context(), "test", model.MillisOf(w.Clock.Now()), 1000*1000*1000, 10)
	check(t, err)
	for _, i := range items {
		check(t, w.Store.DoneOutbox(t.Context(), "test", i.ID))
	}
	return items
}
