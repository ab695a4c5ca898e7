package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/service/oauth"
)

// A reason says why somebody who is signed in has to do something all the same.
type reason int

const (
	reasonNone    reason = iota // nothing: they can go on
	reasonAgain                 // an application asks them to sign in again
	reasonChoose                // an application lets them choose an account
	reasonOther                 // an application asks for somebody else
	reasonHint                  // an application names somebody who may be somebody else
	reasonPasskey               // a password opened the session, and it takes a passkey
	reasonStepUp                // a page of ours is about to change how they sign in
)

// A need is what the place that one wants to go to asks of who signs in.
type need struct {
	oauth.SignInNeed
	reason reason
	why    string // the key of what is said to somebody who is not signed in; may be empty
	cancel string // where to go without signing in; empty: nowhere
	stay   string // where to go as who is signed in
}

// needOf says what a path of the realm asks of who goes there. who is nil where
// nobody is signed in.
func (p *Pages) needOf(r *http.Request, to string, who *oauth.SignedIn) need {
	base := httpx.Site(r).Path
	path, query, _ := strings.Cut(to, "?")
	values, _ := url.ParseQuery(query) // what cannot be read asks for nothing
	n := need{stay: to}
	switch path {
	case base + "/bind":
		n.why, n.Passkey = "signin.why_bind", true
	case base + "/device":
		n.why, n.Passkey = "signin.why_device", values.Has("passkey") // the device's application takes no less
	case base + "/oauth/authorize/resume":
		n.ofApplication(r, p.apps, values.Get("transaction"), who)
	}
	// A request that was just answered with a password asks for more only by its acr,
	// which is told apart here: whoever has to use a passkey must read so.
	if who != nil && who.Session.PasskeyID == "" && n.Passkey && (n.reason == reasonNone || n.reason == reasonAgain) {
		n.reason = reasonPasskey
	}
	return n
}

// ofApplication reads the request that waits for somebody to sign in.
func (n *need) ofApplication(r *http.Request, apps Transactions, transaction string, who *oauth.SignedIn) {
	if apps == nil || transaction == "" {
		return
	}
	site := httpx.Site(r)
	n.SignInNeed = apps.SignInNeed(r.Context(), site, transaction)
	if n.Party.ID == "" {
		return
	}
	n.cancel = site.Path + "/oauth/authorize/cancel?transaction=" + url.QueryEscape(transaction)
	if who == nil {
		return
	}
	n.reason = reasons[apps.SignInReason(r.Context(), site, transaction, who)]
	if n.reason == reasonHint {
		n.stay += "&" + url.Values{"stay": {string(who.Identity.ID)}}.Encode()
	}
}

var reasons = map[oauth.SignInReason]reason{
	oauth.SignInAgain: reasonAgain, oauth.SignInChoose: reasonChoose, oauth.SignInOther: reasonOther, oauth.SignInHint: reasonHint,
}

// A signInView is what the sign-in page says and offers.
type signInView struct {
	Heading, Lead, More any // text, or HTML of the catalogue; More may be empty
	Button              string
	// Stay leads on as who is signed in and Other to the page for somebody else,
	// in the place of a ceremony; empty: neither is offered.
	Stay, StayText, Other string
	Offers                bool // the browser may offer its passkeys in a field
	Help                  bool // for people without a passkey here
}

// signInWords chooses what the page says. The person in v is who is signed in.
func (v view) signInWords(n need) *signInView {
	switch n.reason {
	case reasonStepUp:
		return &signInView{Heading: v.T("signin.again_title"), Lead: v.H("signin.again_lead", "person", v.Person),
			More: v.T("signin.again_why"), Button: v.T("signin.again_button")}
	case reasonPasskey:
		return &signInView{Heading: v.T("signin.again_title"), Lead: v.H("signin.passkey_lead", "person", v.Person),
			Button: v.T("signin.again_button")}
	case reasonAgain:
		return &signInView{Heading: v.T("signin.again_title"), Lead: v.H("signin.again_lead_app", "person", v.Person, "app", v.Party.Name),
			Button: v.T("signin.again_button")}
	case reasonChoose:
		return &signInView{Heading: v.T("signin.choose_title"), Lead: v.H("signin.choose_lead", "person", v.Person, "app", v.Party.Name),
			Button: v.T("signin.choose_button"), Help: true}
	case reasonOther:
		return v.otherAccount(n)
	}
	return v.firstWords()
}

func (v view) otherAccount(n need) *signInView {
	s := &signInView{Heading: v.T("signin.other_title"), Lead: v.H("signin.other_lead", "person", v.Person, "app", v.Party.Name),
		Button: v.T("signin.other_button"), Help: true}
	if n.Hint != "" {
		s.More = v.H("signin.other_named", "hint", n.Hint)
	}
	return s
}

// firstWords are for somebody who is not signed in.
func (v view) firstWords() *signInView {
	key := "signin.lead"
	switch {
	case v.Party.ID != "" && v.Password != nil:
		key = "signin.lead_app_password"
	case v.Party.ID != "":
		key = "signin.lead_app"
	case v.Password != nil:
		key = "signin.lead_password"
	}
	return &signInView{Heading: v.T("signin.title"), Lead: v.H(key, "realm", v.Realm.Name, "app", v.Party.Name),
		Button: v.T("signin.button"), Offers: v.Password == nil, Help: true}
}

// stayWords are for somebody who is signed in and can go on, or go on as somebody
// else.
func (v view) stayWords(n need, other string) *signInView {
	s := &signInView{Heading: v.T("signin.on_title"), Lead: v.H("signin.on_lead", "realm", v.Realm.Name, "person", v.Person),
		Stay: n.stay, StayText: v.T("signin.on_button", "person", cut(v.Person, maxName)), Other: other}
	switch {
	case n.reason == reasonHint:
		s.Heading = v.T("signin.hint_title")
		s.Lead = v.H("signin.hint_lead", "app", v.Party.Name, "hint", cut(n.Hint, maxHint), "person", v.Person)
	case v.Party.ID != "":
		s.Lead = v.H("signin.on_lead_app", "realm", v.Realm.Name, "person", v.Person, "app", v.Party.Name)
	}
	return s
}

// How much of a person's name stands on a button, and of an application's hint
// anywhere, in bytes.
const (
	maxName = 40
	maxHint = 80
)

// nameOf is how a person is called on a page.
func nameOf(who *oauth.SignedIn) string {
	if who == nil {
		return ""
	}
	return cmp.Or(who.Identity.DisplayName, who.Identity.Traits.Username, string(who.Identity.ID))
}
