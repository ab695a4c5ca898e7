package notify

import (
	"cmp"
	"embed"
	"fmt"
	"html/template"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/message"
	"github.com/assent-id/assent/internal/model"
)

// The texts of e-mails by language, and the frame that all have.
//
//go:embed mails
var mails embed.FS

// Texts are the texts of e-mails that come with the server. Each kind of letter has
// a subject, heading, lead, button and note.
func Texts() (*message.Catalogue, error) { return message.Load(mails, "mails") }

// A Letter is what an e-mail says, before it has words.
type Letter struct {
	ID       string // of the message; empty: a new one
	Kind     string // of the texts
	Identity model.Identity
	Link     string       // where its one button leads
	At       model.Millis // when what it tells of happened
	Until    model.Millis // until when it matters; 0: for good
	Passkey  string       // name of the passkey that it is about
}

// Letters writes e-mails.
type Letters struct {
	texts *message.Catalogue
	frame *template.Template
}

// NewLetters reads the texts.
func NewLetters() (*Letters, error) {
	texts, err := Texts()
	if err != nil {
		return nil, err
	}
	frame, err := template.ParseFS(mails, "mails/frame.html")
	if err != nil {
		return nil, fmt.Errorf("parse the frame of e-mails: %w", err)
	}
	return &Letters{texts: texts, frame: frame}, nil
}

// A sheet is a letter in the words of one language.
type sheet struct {
	Lang, Realm, Subject, Heading, Button, LinkHint, Link string
	First                                                 []words // paragraphs before the button
	Last, Foot                                            words
	Light, Dark                                           shade
}

// words are a text as it is and as HTML, where each value stands by itself.
type words struct {
	Plain string
	HTML  template.HTML
}

// A shade is how the button looks.
type shade struct{ Ground, Text template.CSS }

// Write writes a letter in the person's language, in the realm's name and colour.
func (l *Letters) Write(site *model.Site, letter Letter, at time.Time) (Message, error) {
	p := l.texts.Pick(letter.Identity.Traits.Locale)
	s := l.sheet(site, letter, p)
	var body strings.Builder
	if err := l.frame.Execute(&body, s); err != nil {
		return Message{}, fmt.Errorf("write %s: %w", letter.Kind, err)
	}
	return Message{ID: cmp.Or(letter.ID, ids.New("out")), From: s.Realm, To: letter.Identity.Traits.PrimaryEmailAddress,
		Lang: s.Lang, Subject: s.Subject, Text: s.text(), HTML: body.String(), At: at}, nil
}

func (l *Letters) sheet(site *model.Site, letter Letter, p *message.Printer) sheet {
	realm := cmp.Or(site.Realm.DisplayName, site.Realm.Name)
	hello, passkey := "mail.hello", letter.Passkey
	if likeLink(letter.Identity.DisplayName) {
		hello = "mail.hello_somebody"
	}
	switch {
	case passkey == "":
		passkey = p.Text("mail.unnamed")
	case likeLink(passkey):
		passkey = p.Text("mail.no_name")
	}
	values := []any{"person", letter.Identity.DisplayName, "realm", realm, "passkey", passkey,
		"at", when(letter.At, letter.Identity), "until", when(letter.Until, letter.Identity)}
	text := func(key string) string { return p.Text(key, values...) }
	both := func(key string) words { return words{text(key), p.HTML(key, values...)} }
	light, dark := shades(site.Realm.Theme)
	return sheet{Lang: p.Lang(), Realm: realm, Subject: text(letter.Kind + ".subject"), Heading: text(letter.Kind + ".heading"),
		Button: text(letter.Kind + ".button"), LinkHint: text("mail.link"), Link: letter.Link, First: []words{both(hello), both(letter.Kind + ".lead")},
		Last: both(letter.Kind + ".note"), Foot: both("mail.foot"), Light: light, Dark: dark}
}

// addressLike is what mail programs make a link of, with a scheme or without one.
var addressLike = regexp.MustCompile(`(?i)://|www\.|[\pL\pN]\.\pL{2,}`)

// likeLink reports whether a name would be one in a message: whoever chooses a name
// must not put a link of theirs into a letter of ours.
func likeLink(name string) bool { return addressLike.MatchString(name) }

// text is the same for those who read plain text.
func (s sheet) text() string {
	var parts []string
	for _, w := range s.First {
		parts = append(parts, w.Plain)
	}
	parts = append(parts, s.Button+":\n"+s.Link, s.Last.Plain, "-- \n"+s.Foot.Plain)
	return strings.Join(parts, "\n\n") + "\n"
}

// when is an instant where the person is, as far as that is known.
func when(at model.Millis, person model.Identity) string {
	zone, err := time.LoadLocation(person.Traits.Zoneinfo) // "" is UTC
	if err != nil {
		zone = time.UTC
	}
	return at.Time().In(zone).Format("2006-01-02 15:04 MST")
}

// The colour of our own buttons.
const (
	ownAccent     = "#0a6549"
	ownAccentDark = "#5fd0a5"
)

var hexColour = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// shades are the button on light and on dark screens.
func shades(t model.Theme) (light, dark shade) {
	light, dark = shadeOf(ownAccent), shadeOf(ownAccentDark)
	if hexColour.MatchString(t.Accent) {
		light, dark = shadeOf(t.Accent), shadeOf(t.Accent)
	}
	if hexColour.MatchString(t.AccentDark) {
		dark = shadeOf(t.AccentDark)
	}
	return light, dark
}

// shadeOf is a button of a colour with the text that can be read on it.
func shadeOf(colour string) shade {
	n, _ := strconv.ParseUint(colour[1:], 16, 32) // six hexadecimal digits
	text := template.CSS("#ffffff")
	if luminance(n) > 0.179 { // from there on black has the higher contrast (WCAG 2.2, Section 1.4.3)
		text = "#000000"
	}
	return shade{Ground: template.CSS(colour), Text: text} //nolint:gosec // G203: six hexadecimal digits
}

// luminance is the relative luminance of a colour (WCAG 2.2).
func luminance(rgb uint64) float64 {
	sum := 0.0
	for _, c := range []struct {
		shift  uint
		weight float64
	}{{16, 0.2126}, {8, 0.7152}, {0, 0.0722}} {
		v := float64(rgb>>c.shift&0xff) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += c.weight * v
	}
	return sum
}
