package notify_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/notify"
)

// kinds are all letters that there are.
var kinds = []string{directory.NoticeBindingLink, "recovery_mail", directory.NoticeRecoveryLink, directory.NoticePasskeyAdded, directory.NoticePasskeyGone,
	directory.NoticeCodesMade, directory.NoticeRecoveryUsed, directory.NoticeEmailChanged, "waiting"}

func write(t *testing.T, site *model.Site, l notify.Letter) notify.Message {
	t.Helper()
	letters, err := notify.NewLetters()
	check(t, err)
	m, err := letters.Write(site, l, time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC))
	check(t, err)
	return m
}

func acme(theme model.Theme) *model.Site {
	return &model.Site{Issuer: "https://id.example.com", Realm: model.Realm{Name: "acme", DisplayName: "Acme & Co", Theme: theme}}
}

var ada = model.Identity{DisplayName: "Ada <Lovelace>", Traits: model.Traits{PrimaryEmailAddress: "ada@example.com", Zoneinfo: "Europe/Paris"}}

const theLink = "https://id.example.com/bind?token=Hc0u1mIXnXeBOZxEhlJ1bG4TnUWgFVQGnk0yqTXgM3s"

// Requirement: mail-letters
func TestEachLetterSaysTheSameInTextAndInHTMLAndFetchesNothing(t *testing.T) {
	fetched := regexp.MustCompile(`(?i)<(img|script|link|iframe|object|svg|form|input)|url\(|@import|background=|src=`)
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			m := write(t, acme(model.Theme{}), notify.Letter{ID: "out_1", Kind: kind, Identity: ada, Link: theLink, Passkey: "Ada's <phone>",
				At: model.MillisOf(time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC)), Until: model.MillisOf(time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))})
			if m.To != "ada@example.com" || m.ID != "out_1" || m.Lang != "en" || m.From != "Acme & Co" || m.Subject == "" {
				t.Errorf("message %+v", m)
			}
			if found := fetched.FindString(m.HTML); found != "" {
				t.Errorf("it fetches or runs something: %s", found)
			}
			if n := strings.Count(m.HTML, `href="`); n != 2 || strings.Count(m.HTML, `href="`+theLink+`"`) != 2 {
				t.Errorf("%d links in %s", n, m.HTML)
			}
			if strings.Contains(m.HTML, "<Lovelace>") || !strings.Contains(m.HTML, "Ada &lt;Lovelace&gt;") || strings.Contains(m.HTML, "<phone>") {
				t.Errorf("a name became markup: %s", m.HTML)
			}
			if !strings.Contains(m.Text, theLink) || !strings.Contains(m.Text, "Hello Ada <Lovelace>,") {
				t.Errorf("text %s", m.Text)
			}
			if said := m.Subject + m.Text + m.HTML; strings.ContainsAny(said, "⟦⟧") {
				t.Errorf("something is missing: %s", said)
			}
		})
	}
}

func TestEveryTextOfLettersIsUsedAndThereForEachLetter(t *testing.T) {
	texts, err := notify.Texts()
	check(t, err)
	want := []string{"mail.foot", "mail.hello", "mail.hello_somebody", "mail.link", "mail.no_name", "mail.unnamed"}
	for _, kind := range kinds {
		for _, part := range []string{"subject", "heading", "lead", "button", "note"} {
			want = append(want, kind+"."+part)
		}
	}
	slices.Sort(want)
	if got := texts.Keys(); !slices.Equal(got, want) {
		t.Errorf("texts %v, want %v", got, want)
	}
}

func TestTimesAreThoseOfThePersonAndColoursThoseOfTheRealm(t *testing.T) {
	at := model.MillisOf(time.Date(2026, 11, 20, 11, 0, 0, 0, time.UTC))
	m := write(t, acme(model.Theme{Accent: "#ffe600", AccentDark: "#123456"}), notify.Letter{Kind: "recovery_used", Identity: ada, At: at, Link: theLink})
	for _, want := range []string{"2026-11-20 12:00 CET", "background-color: #ffe600", "color: #000000", "background-color: #123456 !important", "prefers-color-scheme: dark"} {
		if !strings.Contains(m.HTML, want) {
			t.Errorf("no %q in %s", want, m.HTML)
		}
	}
	lost := ada
	lost.Traits.Zoneinfo = "../../etc/passwd"
	if m := write(t, acme(model.Theme{}), notify.Letter{Kind: "recovery_used", Identity: lost, At: at}); !strings.Contains(m.Text, "2026-11-20 11:00 UTC") {
		t.Errorf("text %s", m.Text)
	}
	odd := write(t, acme(model.Theme{Accent: `red;} </style><script>`}), notify.Letter{Kind: "waiting", Identity: ada})
	if strings.Contains(odd.HTML, "<script>") || !strings.Contains(odd.HTML, "#0a6549") {
		t.Errorf("an odd colour: %s", odd.HTML)
	}
}

// Whoever chooses a name must not put a link of theirs into our letters.
//
// Requirement: mail-names
func TestANameThatLooksLikeALinkIsNotShownInLetters(t *testing.T) {
	for name, shown := range map[string]bool{"Ada Lovelace": true, "Dr. J. R. R. Tolkien": true, "ada@home": true, "Søren A.": true,
		"https://evil.example/x": false, "Win! WWW.evil": false, "evil.example": false, "see ftp://x": false, "прize.рф": false} {
		who := ada
		who.DisplayName = name
		for _, m := range []notify.Message{write(t, acme(model.Theme{}), notify.Letter{Kind: "binding_link", Identity: who, Link: theLink}),
			write(t, acme(model.Theme{}), notify.Letter{Kind: "passkey_added", Identity: ada, Passkey: name, Link: theLink})} {
			if got := strings.Contains(m.Text, name); got != shown || strings.Contains(m.HTML, name) != shown {
				t.Errorf("%q is shown: %t, in %s", name, got, m.Text)
			}
			if !strings.Contains(m.Text, "Hello") || strings.ContainsAny(m.Text, "⟦⟧") {
				t.Errorf("text %s", m.Text)
			}
		}
	}
}
