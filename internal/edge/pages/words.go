package pages

import (
	"embed"
	"html/template"
	"net/http"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/message"
	"github.com/assent-id/assent/internal/service/oauth"
)

// The texts of the pages, by language. templates/README.md says how they are used.
//
//go:embed messages/*.json
var embeddedTexts embed.FS

// Texts are the texts of the pages that come with the server.
func Texts() (*message.Catalogue, error) { return message.Load(embeddedTexts, "messages") }

// printer writes in the language that the browser asks for.
func (p *Pages) printer(r *http.Request) *message.Printer {
	return p.texts.Pick(r.Header.Get("Accept-Language"))
}

// T is a text of the catalogue with values in it: names, each followed by its
// value. html/template escapes it like any other text.
func (v view) T(key string, args ...any) string { return v.words.Text(key, args...) }

// H is like T, for a text with marks: what is marked, and each value, stand in
// elements of their own, and everything in it is escaped.
func (v view) H(key string, args ...any) template.HTML { return v.words.HTML(key, args...) }

// Say is what another part of the server has to say, in the language of the page.
func (v view) Say(s oauth.Said) string { return s.Text(v.words) }

// An item is one thing that an application would have, in words.
type item struct {
	Title, Text template.HTML // Text may be empty
	Lines       []oauth.Line
	New         bool
}

func (v view) items(list []oauth.ConsentItem) []item {
	items := make([]item, len(list))
	for i, one := range list {
		items[i] = item{Title: one.Title.HTML(v.words), Lines: one.Lines, New: one.New}
		if !one.Text.None() {
			items[i].Text = one.Text.HTML(v.words)
		}
	}
	return items
}

// Lang is the language of the page.
func (v view) Lang() string { return v.words.Lang() }

// ScriptTexts are the texts that scripts show: those whose key begins with
// "script.", without that. What the script fills in stays a name in braces.
func (v view) ScriptTexts() map[string]string {
	texts := map[string]string{}
	for _, key := range v.scriptKeys {
		texts[strings.TrimPrefix(key, scriptPrefix)] = v.words.Text(key, "reference", "{reference}")
	}
	return texts
}

const scriptPrefix = "script."

// scriptKeys are the keys of the texts for scripts.
func scriptKeys(c *message.Catalogue) []string {
	var keys []string
	for _, key := range c.Keys() {
		if strings.HasPrefix(key, scriptPrefix) {
			keys = append(keys, key)
		}
	}
	return keys
}

// A refusal is how something that cannot be done looks to a person and to the
// page's script.
type refusal struct {
	status int
	code   string // stable; see httpx.Problem
	key    string // of the sentence about it
}

var (
	crossOrigin = refusal{http.StatusForbidden, "cross_origin", "problem.cross_origin"}
	notAForm    = refusal{http.StatusUnsupportedMediaType, "unsupported_media_type", "problem.not_a_form"}
	tooLong     = refusal{http.StatusRequestEntityTooLarge, "body_too_large", "problem.too_long"}
	malformed   = refusal{http.StatusBadRequest, "malformed_body", "problem.malformed"}
	nothingHere = refusal{http.StatusNotFound, "not_found", "problem.nothing"}
	tooOften    = refusal{http.StatusTooManyRequests, "too_many_requests", "problem.too_often"}
)

// problem is a refusal in the person's language. The cause is for the log alone.
func (p *Pages) problem(r *http.Request, f refusal, cause error) *httpx.Problem {
	detail := p.printer(r).Text(f.key, "realm", p.realmOf(r).Name)
	return &httpx.Problem{Status: f.status, Code: f.code, Detail: detail, Cause: cause}
}

// foreignWords are the texts for refusals that are made below the pages.
var foreignWords = map[string]string{
	"unavailable":  "error.unavailable",
	"cross_origin": "problem.cross_origin",
}
