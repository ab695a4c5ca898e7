package pages

import (
	"encoding/base64"
	"time"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/format/useragent"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/oauth"
)

// An accountView is what a person's own pages show beyond what all show.
type accountView struct {
	Done, Fault     string // after an action, in words; may be empty
	Username, Email string
	Passkeys        []passkeyRow
	Sessions        []sessionRow
	Apps            []appRow
	Codes           codesView
	Signals         *signals
	Removal         *removalView
	NewCodes        []string // shown once
	Today           string
}

// A moment is an instant for people and, in RFC 3339, for programs.
type moment struct{ Words, ISO string }

type passkeyRow struct {
	ID          string
	Name        string
	Kind        string // of authenticator; may be empty
	Place       string // where it is, in words
	Added, Used moment
	Here        bool // it opened this session
}

type sessionRow struct {
	ID            string
	Device        string
	Phone         bool
	Since, Seen   moment
	Here          bool
	WithPassword  bool
	ShowsLastSeen bool // it says more than Since
}

type appRow struct {
	Party       oauth.Party
	FirstParty  bool
	Items       []item
	Reach       string
	Since, Used moment // Used.Words is empty where it is not known
}

type codesView struct {
	Left, Total int
	Made        moment
	Few         bool
}

type removalView struct {
	Passkey            passkeyRow
	Last, Confirm, Own bool
	Codes              int
}

// signals are what the page's script tells the browser's passkey managers
// (WebAuthn Level 3, Section 5.1.10).
type signals struct {
	RPID        string   `json:"rpId"`
	UserID      string   `json:"userId"` // base64url
	Accepted    []string `json:"allAcceptedCredentialIds"`
	Name        string   `json:"name"`
	DisplayName string   `json:"displayName"`
}

// signalsOf names the passkeys of the realm's own relying party: those of others are
// none of the browser's business here.
func signalsOf(m *member, keys []model.Passkey) *signals {
	b64 := base64.RawURLEncoding.EncodeToString
	s := &signals{RPID: m.site.RPID, UserID: b64([]byte(m.identity.ID)), Accepted: []string{},
		Name: m.identity.Traits.Username, DisplayName: m.identity.DisplayName}
	for _, k := range keys {
		if opens(m.site, k) {
			s.Accepted = append(s.Accepted, b64(k.CredentialID))
		}
	}
	return s
}

// A speaker says things to a person in their language.
type speaker struct {
	view
	m *member
}

func (s speaker) passkey(k model.Passkey) passkeyRow {
	row := passkeyRow{ID: string(k.ID), Name: k.Name, Kind: passkey.AuthenticatorName(k.AAGUID),
		Added: s.moment("account.added", k.CreatedAt), Here: s.m.session.PasskeyID == k.ID}
	if row.Name == "" {
		row.Name = s.T("account.passkey")
	}
	switch {
	case k.Software():
		row.Kind, row.Place = "", s.T("account.software")
	case k.BackupState:
		row.Place = s.T("account.synced")
	default:
		row.Place = s.T("account.one_device")
	}
	if k.LastUsedAt != 0 {
		row.Used = s.moment("account.used", k.LastUsedAt)
	}
	return row
}

func (s speaker) session(one model.Session) sessionRow {
	row := sessionRow{ID: string(one.ID), Since: s.moment("account.since", one.AuthTime), Seen: s.moment("account.seen", one.LastSeenAt),
		Here: one.ID == s.m.session.ID, WithPassword: one.PasskeyID == ""}
	row.ShowsLastSeen = !row.Here && one.LastSeenAt > one.AuthTime
	browser, system := useragent.Browser(one.UserAgent), useragent.System(one.UserAgent)
	row.Phone = system == "iPhone" || system == "Android"
	switch {
	case browser != "" && system != "":
		row.Device = s.T("account.browser_on", "browser", browser, "system", system)
	case browser != "" || system != "":
		row.Device = browser + system
	default:
		row.Device = s.T("account.browser_unknown")
	}
	return row
}

func (s speaker) app(a oauth.AllowedApplication) appRow {
	row := appRow{Party: a.Party, FirstParty: a.FirstParty, Items: s.items(a.Items), Reach: s.Say(a.Party.Reach), Since: s.moment("account.app_since", a.Since)}
	if a.LastUsed != 0 {
		row.Used = s.moment("account.app_used", a.LastUsed)
	}
	return row
}

// fewCodes are so few that it is time for new ones.
const fewCodes = 2

func (s speaker) codes(c directory.RecoveryState) codesView {
	v := codesView{Left: c.Left, Total: c.Total, Few: c.Left <= fewCodes}
	if c.CreatedAt != 0 {
		v.Made = s.moment("account.codes_made", c.CreatedAt)
	}
	return v
}

// moment says when something was, in the text of a key.
func (s speaker) moment(key string, at model.Millis) moment {
	return moment{Words: s.T(key, "when", s.ago(at.Time())), ISO: at.Time().UTC().Format("2006-01-02T15:04:05Z")}
}

// recently is how long ago people count in days. Where the browser is in the world
// is not known here, so no hour is named.
const recently = 14 * 24 * time.Hour

func (s speaker) ago(at time.Time) string {
	switch d := s.m.now.Sub(at); {
	case d < time.Minute:
		return s.T("account.ago_now")
	case d < time.Hour:
		return s.T("account.ago_minutes", "count", int(d/time.Minute))
	case d < 24*time.Hour:
		return s.T("account.ago_hours", "count", int(d/time.Hour))
	case d < recently:
		return s.T("account.ago_days", "count", int(d/(24*time.Hour)))
	default:
		return s.date(at)
	}
}

// monthKeys are the names of months as they stand in a date.
var monthKeys = [...]string{"account.month_1", "account.month_2", "account.month_3", "account.month_4", "account.month_5", "account.month_6",
	"account.month_7", "account.month_8", "account.month_9", "account.month_10", "account.month_11", "account.month_12"}

func (s speaker) date(at time.Time) string {
	at = at.UTC()
	return s.T("account.date", "day", at.Day(), "month", s.T(monthKeys[at.Month()-1]), "year", at.Year())
}
