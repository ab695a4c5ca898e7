package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/softperson"
)

// A walk goes through the pages of a whole server in the pseudo language.
type walk struct {
	*accountHouse
	t *testing.T
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	h := newAccountHouse(t, func(c *server.Config) {
		c.Texts, c.DefaultRealmTitle = pseudo(t), "Acme"
		c.DefaultPolicy.Resources = []model.ResourcePolicy{{Resource: "https://ledger.example", Name: "Ledger",
			Scopes: []string{"read", "write"}, ScopeTexts: map[string]string{"read": "Ledger"}}}
	})
	return &walk{h, t}
}

// sees opens a page as this person, or sends a form to it, and reads every word.
func (w *walk) sees(g *guest, what, path string, status int, form ...string) seen {
	w.t.Helper()
	s := g.in(w.t, "qps-ploc", path, form...)
	w.t.Run(what, func(t *testing.T) {
		if s.status != status {
			t.Errorf("got %d to %q, want %d\n%s", s.status, s.to, status, s.body)
		}
		inPseudo(t, s.header, neutral.ReplaceAllString(s.body, ""))
	})
	return s
}

// in opens a page in a language, or sends a form to it.
func (g *guest) in(t *testing.T, language, path string, form ...string) seen {
	t.Helper()
	if len(form) == 0 {
		return g.do(t, "GET", path, nil, "Accept-Language", language)
	}
	values := url.Values{}
	for i := 0; i < len(form); i += 2 {
		values.Set(form[i], form[i+1])
	}
	return g.do(t, "POST", path, values, "Accept-Language", language)
}

// neutral is what stands for itself: who people are, what they use, where and when.
var neutral = regexp.MustCompile(`http://[\w.:]+|\bada\w*(@example\.com)?|\bAda\w*|[\w.]+@example\.com|Software passkey|iPhone|` +
	`\b[0-9A-Z]{4}(-[0-9A-Z]{4}){3}\b|\b(127\.0\.0\.1|[a-z]+\.example)\b|/recover`)

func (w *walk) link(who model.IdentityID) string {
	w.t.Helper()
	b, err := w.Server.Directory.CreateBindingJob(w.t.Context(), w.Site, directory.NewBinding{IdentityID: who})
	servertest.Check(w.t, err)
	return b.Link[len(w.Site.Issuer):]
}

// Requirement: pages-texts
func TestALanguageReachesEveryWordOfPeoplesOwnPages(t *testing.T) {
	w := newWalk(t)
	f := w.Flow(t, application.NewApplication{Name: "Ledger"})
	f.Tokens(t, "scope", "openid profile email offline_access read write")
	g := &guest{f.Person, f.Identity.ID}
	w.sees(g, "account", "/account", http.StatusOK)
	w.sees(g, "add", "/account/passkeys/new", http.StatusOK)
	key := "/account/passkeys/" + string(w.keys(t, g)[0].ID)
	w.sees(g, "a bad name", key+"/name", http.StatusUnprocessableEntity, "name", "")
	w.sees(g, "remove the last", key+"/remove", http.StatusOK)
	w.sees(g, "remove without a tick", key+"/remove", http.StatusUnprocessableEntity, "x", "")
	w.sees(g, "codes", "/account/recovery-codes", http.StatusOK)
	made := w.sees(g, "new codes", "/account/recovery-codes", http.StatusOK, "x", "")
	codes := shownCode.FindAllStringSubmatch(made.body, -1)
	for _, code := range codes[:8] {
		goesToBinding(t, g.send(t, "/recover", "username", f.Identity.Traits.Username, "code", code[1]))
	}
	w.sees(g, "account with few codes", "/account", http.StatusOK)
	w.sees(g, "remove with codes", key+"/remove", http.StatusOK)
	another := g.send(t, "/account/passkeys").to
	w.sees(g, "add another", another, http.StatusOK)
	for what := range map[string]bool{"added": true, "renamed": true, "removed": true, "ended": true, "taken": true} {
		w.sees(g, what, "/account?done="+what, http.StatusOK)
	}
	lost := w.guest(t, "ada2")
	lost.HTTP.Jar = nil
	w.sees(lost, "recover", "/recover", http.StatusOK)
	w.sees(lost, "recover, wrong", "/recover", http.StatusForbidden, "username", "ada", "code", "x")
	to := lost.send(t, "/recover", "username", f.Identity.Traits.Username, "code", codes[8][1]).to
	w.sees(lost, "recovery link", to, http.StatusOK)
	for i := range 40 {
		if lost.send(t, "/recover", "username", "ada3", "code", fmt.Sprint(i)).status == http.StatusTooManyRequests {
			break
		}
	}
	w.sees(lost, "recover, too many", "/recover", http.StatusTooManyRequests, "username", "ada3", "code", "x")
	w.sees(g, "sign out everywhere", "/account/sessions/end", http.StatusOK, "x", "")
}

// Requirement: pages-texts
func TestALanguageReachesEveryWordAboutLinksAndOfTheMailbox(t *testing.T) {
	w := newWalk(t)
	stranger := w.guest(t, "ada")
	stranger.HTTP.Jar = nil
	w.sees(stranger, "no letters", "/dev/mailbox", http.StatusOK)
	fresh, err := w.Server.Directory.CreateIdentity(t.Context(), w.Site, directory.NewIdentity{DisplayName: "Alice", Traits: model.Traits{Username: "alice"}})
	servertest.Check(t, err)
	link := w.link(fresh.ID)
	w.sees(stranger, "first passkey", link, http.StatusOK)
	lost := w.guest(t, "ada6")
	servertest.Check(t, w.Server.Directory.RevokePasskey(t.Context(), w.Site, directory.PasskeyRef{IdentityID: lost.id, PasskeyID: w.keys(t, lost)[0].ID}))
	w.sees(stranger, "passkeys removed", w.link(lost.id), http.StatusForbidden)
	w.sees(stranger, "unknown", "/bind?token=nothing", http.StatusNotFound)
	w.sees(w.guest(t, "ada4"), "another account", link, http.StatusConflict)
	_, err = w.Server.Directory.Suspend(t.Context(), w.Site, fresh.ID, "")
	servertest.Check(t, err)
	w.sees(stranger, "stopped", link, http.StatusForbidden)
	_, err = w.Server.Directory.Activate(t.Context(), w.Site, fresh.ID, "")
	servertest.Check(t, err)
	used := w.link(fresh.ID)
	alice, err := softperson.New(w.Site.Issuer)
	servertest.Check(t, err)
	servertest.Check(t, alice.Bind(t.Context(), w.Site.Issuer+used))
	w.sees(stranger, "used", used, http.StatusGone)
	w.clock.Turn(90 * 24 * time.Hour)
	w.sees(stranger, "expired", link, http.StatusGone)
}
