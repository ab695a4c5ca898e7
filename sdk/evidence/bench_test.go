package evidence_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/assent-id/assent/sdk/evidence"
)

func BenchmarkCanonical(b *testing.B) {
	sorted := must[[]byte](b)(newRecipe(b).statement().Canonical())
	unsorted := must[[]byte](b)(json.MarshalIndent(newRecipe(b).statement(), "", "  "))
	for name, text := range map[string][]byte{"canonical": sorted, "unsorted": unsorted} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if got, err := evidence.Canonical(text); err != nil || len(got) != len(sorted) {
					b.Fatal(len(got), err)
				}
			}
		})
	}
}

func BenchmarkStatementCanonical(b *testing.B) {
	s := newRecipe(b).statement()
	want := must[[]byte](b)(s.Canonical())
	b.SetBytes(int64(len(want)))
	b.ReportAllocs()
	for b.Loop() {
		if got, err := s.Canonical(); err != nil || !bytes.Equal(got, want) {
			b.Fatal(err)
		}
	}
}

func BenchmarkNewSeal(b *testing.B) {
	r := newRecipe(b)
	var e evidence.Evidence
	if err := json.Unmarshal(r.make(b), &e); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := evidence.NewSeal(&e, testIat); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	r := newRecipe(b)
	text, keys := r.make(b), keySet(b, r.realm)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := evidence.Verify(text, keys, evidence.Options{Issuer: testIssuer}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheckAssertion(b *testing.B) {
	a, ok := answerOf(newRecipe(b).make(b))
	if !ok {
		b.Fatal("the usual evidence has no answer")
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := evidence.CheckAssertion(a.passkey, a.binding, a.decision); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseBinding(b *testing.B) {
	var e evidence.Evidence
	if err := json.Unmarshal(newRecipe(b).make(b), &e); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := evidence.ParseBinding(e.Binding); err != nil {
			b.Fatal(err)
		}
	}
}
