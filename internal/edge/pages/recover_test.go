package pages_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/softperson"
)

// Requirement: account-recovery-codes
func TestRecoveryCodesAreShownOnceAndLetBackIn(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	codes := codesIn(t, g.send(t, "/account/recovery-codes"))
	shows(t, "question", g.open(t, "/account/recovery-codes"), http.StatusOK, "The 10 codes that you still have stop working")
	for _, code := range codes {
		if strings.Contains(g.open(t, "/account").body, code) {
			t.Error("a code is shown again")
		}
	}
	lost, err := softperson.New(h.Site.Issuer)
	servertest.Check(t, err)
	n := &guest{lost, g.id}
	shows(t, "form", n.open(t, "/recover"), http.StatusOK, "Use a recovery code")
	s := n.send(t, "/recover", "username", "ADA@example.com", "code", strings.ToLower(strings.ReplaceAll(codes[3], "-", " ")))
	if s.status != http.StatusSeeOther || !strings.HasPrefix(s.to, "/bind?token=") || s.header.Get("Referrer-Policy") != "no-referrer" {
		t.Fatalf("recover: %d %q\n%s", s.status, s.to, s.body)
	}
	servertest.Check(t, lost.Bind(t.Context(), h.Site.Issuer+s.to))
	shows(t, "back in", n.open(t, "/account"), http.StatusOK, "9 of 10 codes are left")
	for _, code := range slices.Delete(codes[:8], 3, 4) {
		goesToBinding(t, n.send(t, "/recover", "username", "ada", "code", code))
	}
	shows(t, "few", n.open(t, "/account"), http.StatusOK, "Only 2 codes are left")
}

func goesToBinding(t *testing.T, s seen) {
	t.Helper()
	if s.status != http.StatusSeeOther || !strings.HasPrefix(s.to, "/bind?token=") {
		t.Errorf("recover: %d %q\n%s", s.status, s.to, s.body)
	}
}

var shownCode = regexp.MustCompile(`<li><code>([0-9A-Z-]{19})</code>`)

func codesIn(t *testing.T, s seen) (codes []string) {
	t.Helper()
	shows(t, "new codes", s, http.StatusOK, "Your recovery codes")
	for _, m := range shownCode.FindAllStringSubmatch(s.body, -1) {
		codes = append(codes, m[1])
	}
	if len(codes) != 10 || s.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d codes, %q", len(codes), s.header.Get("Cache-Control"))
	}
	return codes
}

// Requirement: recover-one-sentence
func TestRecoveryFailsWithOneSentenceForAllCauses(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	h.guest(t, "bob")
	codes := codesIn(t, g.send(t, "/account/recovery-codes"))
	gone := h.guest(t, "gone")
	goneCodes := codesIn(t, gone.send(t, "/account/recovery-codes"))
	_, err := h.Server.Directory.Suspend(t.Context(), h.Site, gone.id, "")
	servertest.Check(t, err)
	goesToBinding(t, g.send(t, "/recover", "username", "ada", "code", codes[0]))
	tests := []struct{ name, login, code string }{
		{"used", "ada", codes[0]}, {"unknown code", "ada", "0000-0000-0000-0000"}, {"no code", "ada", ""}, {"markup", "ada", "<script>"},
		{"unknown person", "nobody", codes[1]}, {"nobody", "", codes[1]}, {"somebody else's", "bob", codes[1]}, {"suspended", "gone", goneCodes[0]},
	}
	pages := map[string]bool{}
	for _, tt := range tests {
		s := g.send(t, "/recover", "username", tt.login, "code", tt.code)
		shows(t, tt.name, s, http.StatusForbidden, "That did not match.")
		pages[strings.ReplaceAll(s.body, `value="`+tt.login+`"`, `value=""`)] = true
	}
	if len(pages) != 1 {
		t.Errorf("the refusals differ: %q", slices.Collect(maps.Keys(pages)))
	}
}

// Requirement: recover-limited
func TestTooManyRecoveryCodesAreToldToWait(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	var s seen
	for range 40 {
		if s = g.send(t, "/recover", "username", "ada", "code", "0000-0000-0000-0000"); s.status != http.StatusForbidden {
			break
		}
	}
	shows(t, "limited", s, http.StatusTooManyRequests, "too many tries", "Wait")
	if s.header.Get("Retry-After") == "" || strings.Contains(s.body, `name="code"`) {
		t.Errorf("no time to wait, or a form that takes nothing: %q\n%s", s.header.Get("Retry-After"), s.body)
	}
}

// Requirement: account-passkeys, recover-one-sentence
func TestOfTwoAtOnceOneRemovesAndOneRecovers(t *testing.T) {
	h := newAccountHouse(t)
	g := h.guest(t, "ada")
	h.addKey(t, g)
	path := "/account/passkeys/" + string(h.keys(t, g)[1].ID) + "/remove"
	codes := codesIn(t, g.send(t, "/account/recovery-codes"))
	both := func(act func() seen) (statuses []int) {
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				s := act()
				mu.Lock()
				defer mu.Unlock()
				statuses = append(statuses, s.status)
			})
		}
		wg.Wait()
		slices.Sort(statuses)
		return statuses
	}
	if got := both(func() seen { return g.send(t, path) }); !slices.Equal(got, []int{303, 404}) {
		t.Errorf("two removals: %v", got)
	}
	if got := both(func() seen { return g.send(t, "/recover", "username", "ada", "code", codes[0]) }); !slices.Equal(got, []int{303, 403}) {
		t.Errorf("two uses of one code: %v", got)
	}
}
