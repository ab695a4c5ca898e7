package evidence_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/assent-id/assent/sdk/evidence"
	"github.com/google/go-cmp/cmp"
)

// loadJSON reads a test file that TypeScript reads too.
func loadJSON[T any](tb testing.TB, file string) (v T) {
	tb.Helper()
	if err := json.Unmarshal(must[[]byte](tb)(os.ReadFile(file)), &v); err != nil {
		tb.Fatalf("%s: %v", file, err)
	}
	return v
}

func TestCanonicalAgreesWithEveryCase(t *testing.T) {
	type testCase struct {
		Name, Text string
		Canonical  *string // nil: refused
	}
	for _, tt := range loadJSON[[]testCase](t, "testdata/canonical.json") {
		t.Run(tt.Name, func(t *testing.T) {
			got, err := evidence.Canonical([]byte(tt.Text))
			switch {
			case tt.Canonical == nil && err == nil:
				t.Fatalf("accepted as %s", got)
			case tt.Canonical == nil:
				return
			case err != nil:
				t.Fatal(err)
			case string(got) != *tt.Canonical:
				t.Errorf("got  %q\nwant %q", got, *tt.Canonical)
			}
			again, err := evidence.Canonical(got)
			if err != nil || !bytes.Equal(again, got) {
				t.Errorf("canonical form of the canonical form: %q, %v", again, err)
			}
		})
	}
}

func TestCanonicalRefusesWhatIsNotUTF8(t *testing.T) {
	for _, text := range []string{"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "{\"\xe2\x82\":1}"} {
		if got, err := evidence.Canonical([]byte(text)); err == nil {
			t.Errorf("%q accepted as %q", text, got)
		}
	}
}

func TestCanonicalRefusesMoreThan16MB(t *testing.T) {
	text := []byte(`"` + strings.Repeat("a", 16<<20-2) + `"`)
	if _, err := evidence.Canonical(text); err != nil {
		t.Errorf("16 MB: %v", err)
	}
	if _, err := evidence.Canonical(append(text, ' ')); err == nil {
		t.Error("one byte more is accepted")
	}
}

// A number is a double, by its bits in hexadecimal, and how ECMAScript writes
// it. The first are those of RFC 8785, Appendix B; the others come from a
// seeded generator here and are confirmed by the JavaScript engine that runs
// the tests of the TypeScript package.
type number struct{ Bits, Text string }

func TestCanonicalWritesNumbersAsECMAScript(t *testing.T) {
	numbers := loadJSON[[]number](t, "testdata/numbers.json")
	for _, n := range numbers {
		bits, err := strconv.ParseUint(n.Bits, 16, 64)
		if err != nil {
			t.Fatal(err)
		}
		text := strconv.FormatFloat(math.Float64frombits(bits), 'e', 16, 64)
		got, err := evidence.Canonical([]byte(text))
		if err != nil || string(got) != n.Text {
			t.Errorf("%s: got %s, %v, want %s", n.Bits, got, err, n.Text)
		}
	}
	if *update {
		writeNumbers(t, numbers[:24])
	}
}

// writeNumbers keeps the numbers of the RFC and adds generated ones.
func writeNumbers(t *testing.T, numbers []number) {
	t.Helper()
	random := rand.New(rand.NewPCG(8785, 1))
	for i := range 1000 {
		f := math.Float64frombits(random.Uint64())
		if i%2 == 0 { // around the two ends of plain notation
			f = math.Pow(10, float64(random.IntN(34)-10)) * (random.Float64() - 0.5)
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			continue
		}
		text := must[[]byte](t)(evidence.Canonical([]byte(strconv.FormatFloat(f, 'e', 16, 64))))
		numbers = append(numbers, number{fmt.Sprintf("%016x", math.Float64bits(f)), string(text)})
	}
	var out bytes.Buffer
	for i, n := range numbers {
		fmt.Fprintf(&out, "%c\n {\"bits\": %q, \"text\": %q}", "[,"[min(i, 1)], n.Bits, n.Text)
	}
	out.WriteString("\n]\n")
	if err := os.WriteFile("testdata/numbers.json", out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestStatementAndDecisionWriteTheirCanonicalFormDirectly(t *testing.T) {
	r := newRecipe(t)
	for name, edit := range map[string]func(*evidence.Statement){
		"usual": nil, "unicode": unicodeText, "numbers": numbers,
		"bare": func(s *evidence.Statement) {
			s.Agent, s.Action, s.Shown = nil, evidence.Action{}, evidence.Shown{Lines: []evidence.Line{}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r.editText = edit
			s := r.statement()
			d := *r.decision(s, b64(seed("x")))
			got := []string{string(must[[]byte](t)(s.Canonical())), string(must[[]byte](t)(d.Canonical()))}
			want := []string{string(must[[]byte](t)(evidence.CanonicalValue(s))), string(must[[]byte](t)(evidence.CanonicalValue(d)))}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCanonicalStatementRefusesWhatHasNoCanonicalForm(t *testing.T) {
	for name, edit := range map[string]func(*evidence.Statement){
		"not UTF-8":         func(s *evidence.Statement) { s.ClientName = "\xff" },
		"details not JSON":  func(s *evidence.Statement) { s.Action.AuthorizationDetails[0] = json.RawMessage(`{`) },
		"duplicate members": func(s *evidence.Statement) { s.Action.AuthorizationDetails[0] = json.RawMessage(`{"a":1,"a":2}`) },
		"time too large":    func(s *evidence.Statement) { s.Exp = 1 << 53 },
	} {
		r := newRecipe(t)
		r.editText = edit
		if got, err := r.statement().Canonical(); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestCanonicalLeavesItsInputAlone(t *testing.T) {
	text := []byte(` {"b":"\u0041","a":[1.0,{"d":1,"c":2}]}`)
	before := bytes.Clone(text)
	if _, err := evidence.Canonical(text); err != nil || !bytes.Equal(text, before) {
		t.Errorf("input became %s, %v", text, err)
	}
}
