package api_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/assent-id/assent/examples/ageverify/api"
	"github.com/assent-id/assent/examples/ageverify/pass"
)

// inputs is how many bodies are tried.
const inputs = 100_000

// A body that somebody sends, and what the rules of README.md say of it.
type body struct {
	text     string
	recorded bool // it is 64 bytes and an age, so it is answered with 200
}

// A generator makes bodies, the same ones each time.
type generator struct {
	*rand.Rand
	good []string // bodies of good passes
	text []string // their passes
}

// next is in one half of all cases made of nothing but chance, and in the other a
// good body with something changed.
func (g generator) next() string {
	switch n := g.IntN(16); {
	case n < 2:
		return g.bytes(g.IntN(200))
	case n < 5: // of the right length more often than not
		return quoted(g.bytes([]int{64, 64, 64, 63, 65, 86, 88}[g.IntN(7)]), g.IntN(200)-20)
	case n < 6:
		return quoted(g.latin1(64), g.IntN(160))
	case n < 8:
		return quoted(g.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=", 84+g.IntN(6)), g.IntN(151))
	case n < 9: // a bit of the pass
		b, _ := pass.Parse(g.text[g.IntN(len(g.text))])
		b[g.IntN(len(b))] ^= 1 << g.IntN(8)
		if g.IntN(2) == 0 {
			return quoted(pass.Latin1(b), g.IntN(19))
		}
		return quoted(pass.Base64(b), g.IntN(19))
	default: // bytes of the whole body
		text := []byte(g.good[g.IntN(len(g.good))])
		for range 1 + g.IntN(6) {
			g.damage(&text)
		}
		return string(text)
	}
}

func (g generator) damage(text *[]byte) {
	t := *text
	at := g.IntN(len(t))
	switch g.IntN(4) {
	case 0:
		t[at] ^= 1 << g.IntN(8)
	case 1:
		t[at] = byte(g.IntN(256))
	case 2:
		t = append(t[:at], t[at+1:]...)
	case 3:
		t = append(t[:at], append([]byte{byte(g.IntN(256))}, t[at:]...)...)
	}
	if *text = t; len(t) == 0 {
		*text = []byte("{")
	}
}

func (g generator) bytes(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(g.IntN(256))
	}
	return string(b)
}

func (g generator) latin1(n int) string {
	var text strings.Builder
	for range n {
		text.WriteRune(rune(g.IntN(256)))
	}
	return text.String()
}

func (g generator) from(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[g.IntN(len(alphabet))]
	}
	return string(b)
}

// quoted puts whatever bytes into the string of a body: what is no UTF-8 stays none.
func quoted(data string, age int) string {
	var text strings.Builder
	for i := 0; i < len(data); i++ {
		if c := data[i]; c == '"' || c == '\\' || c < 0x20 {
			text.WriteString(`\u00` + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15]))
			continue
		}
		text.WriteByte(data[i])
	}
	number, _ := json.Marshal(age)
	return `{"passData":"` + text.String() + `","requiredAge":` + string(number) + `}`
}

// recordable is the rule once more, written from README.md: is it one object with
// the two members, 64 bytes and an age?
func recordable(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	members := json.NewDecoder(strings.NewReader(text))
	var o struct {
		PassData    *string      `json:"passData"`
		RequiredAge *json.Number `json:"requiredAge"`
	}
	members.DisallowUnknownFields()
	if err := members.Decode(&o); err != nil || members.More() || !json.Valid([]byte(text)) || o.PassData == nil || o.RequiredAge == nil {
		return false
	}
	if strings.Count(text, `"passData"`) != 1 || strings.Count(text, `"requiredAge"`) != 1 { // spelled so, and once
		return false
	}
	age, err := o.RequiredAge.Int64()
	_, bad := pass.Parse(*o.PassData)
	quotes := strings.Contains(text, `"requiredAge":"`) // json.Number takes "18" too
	return bad == nil && err == nil && age >= 0 && age <= 150 && string(*o.RequiredAge) != "-0" && !quotes
}

// sent is what came of one body.
type sent struct {
	status           int
	result, recorded string
}

// Requirement: age-random, age-verify-malformed, age-verify-recorded
func TestAHundredThousandRandomBodiesAreRefusedOrFail(t *testing.T) {
	s := open(t, nil)
	h := api.New(s.config) // without a network in between
	g := generator{Rand: rand.New(rand.NewPCG(4, 64))}
	for range 16 {
		b := s.pass(t, 18, 24*time.Hour)
		g.text = append(g.text, pass.Base64(b), pass.Latin1(b))
		g.good = append(g.good, question(t, pass.Base64(b), 18, nil), question(t, pass.Latin1(b), 18, nil))
	}
	genuine := make(map[[pass.Size]byte]bool)
	for _, text := range g.text {
		b, _ := pass.Parse(text)
		genuine[b] = true
	}
	want := make(map[string]bool)
	counts := make(map[int]int)
	for done := 0; done < inputs; {
		var batch []body
		for range 5000 {
			text := g.next()
			batch = append(batch, body{text, recordable(text)})
		}
		for i, got := range s.send(t, h, batch) {
			counts[got.status]++
			checkSent(t, batch[i], got, genuine)
			if got.recorded != "" {
				want[got.recorded] = true
			}
		}
		done += len(batch)
		if t.Failed() {
			return
		}
	}
	ids := s.recorded(t)
	for _, id := range ids {
		if !want[id] {
			t.Errorf("%s was recorded and nobody was told", id)
		}
	}
	if len(ids) != len(want) || counts[200] != len(ids) || counts[200]+counts[400] != inputs || counts[200] < inputs/10 || counts[400] < inputs/10 {
		t.Errorf("%d recorded, %d told, statuses %v", len(ids), len(want), counts)
	}
}

// checkSent holds an answer against the rules: 400 and nothing, or 200 and a
// transaction; "pass" for a pass that was issued alone.
func checkSent(t *testing.T, b body, got sent, genuine map[[pass.Size]byte]bool) {
	t.Helper()
	want := http.StatusBadRequest
	if b.recorded {
		want = http.StatusOK
	}
	if got.status != want || (got.recorded != "") != b.recorded {
		t.Errorf("%q: %+v, want %d", b.text, got, want)
	}
	if got.result == "pass" {
		var o struct{ PassData string }
		_ = json.Unmarshal([]byte(b.text), &o)
		if p, err := pass.Parse(o.PassData); err != nil || !genuine[p] {
			t.Errorf("%q passed", b.text)
		}
	}
}

// send sends the bodies of a batch from two clients at once, with a new token: one
// lives for five minutes.
func (s *shop) send(t *testing.T, h http.Handler, batch []body) []sent {
	t.Helper()
	token := s.token(t, s.client, "transactions:write")
	list := make([]sent, len(batch))
	var group sync.WaitGroup
	for first := range 2 {
		group.Go(func() {
			for i := first; i < len(batch); i += 2 {
				list[i] = post(h, token, batch[i].text)
			}
		})
	}
	group.Wait()
	return list
}

func post(h http.Handler, token, text string) sent {
	r := httptest.NewRequest(http.MethodPost, "/api/verification/pass", strings.NewReader(text))
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var answer struct{ Result, TransactionID string }
	_ = json.Unmarshal(w.Body.Bytes(), &answer)
	return sent{w.Code, answer.Result, answer.TransactionID}
}

// Requirement: age-random
func FuzzVerification(f *testing.F) {
	s := open(f, nil)
	h := api.New(s.config)
	b := s.pass(f, 18, 24*time.Hour)
	for _, text := range []string{question(f, pass.Base64(b), 18, nil), question(f, pass.Latin1(b), 21, nil), question(f, "", 18, map[string]any{"deviceId": "dev_x"}),
		`{}`, `[`, "\xff", `{"passData":"` + strings.Repeat(`\u00e9`, 64) + `","requiredAge":0}`} {
		f.Add(text)
	}
	token, since := s.token(f, s.client, "transactions:write"), time.Now()
	f.Fuzz(func(t *testing.T, text string) {
		if time.Since(since) > 2*time.Minute {
			token, since = s.token(t, s.client, "transactions:write"), time.Now()
		}
		got := post(h, token, text)
		large := got.status == http.StatusRequestEntityTooLarge && len(text) > 16<<10
		if got.status != http.StatusOK && got.status != http.StatusBadRequest && !large {
			t.Errorf("%d", got.status)
		}
		if (got.status == http.StatusOK) != (got.recorded != "") {
			t.Errorf("%d recorded %q", got.status, got.recorded)
		}
	})
}
