package pages

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/assent-id/assent/internal/edge/assets"
)

// An inline is the style and the script of the pages as one page carries them in
// itself, so that nothing has to be fetched before it can be used. The policy of
// that page allows exactly these texts, by their digests.
type inline struct {
	Style  template.CSS
	Script template.JS // empty: not built
}

// newInline takes them from the files that other pages name.
func newInline(static, scripts *assets.Set) *inline {
	style := squeeze(string(static.Body("tokens.css")) + string(static.Body("pages.css")))
	script := strings.TrimSpace(string(scripts.Body("pages.js")))
	return &inline{Style: template.CSS(style), Script: template.JS(script)} //nolint:gosec // G203: our own files
}

var (
	comments = regexp.MustCompile(`(?s)/\*.*?\*/`)
	gaps     = regexp.MustCompile(`\s*\n\s*`)
)

// squeeze takes the comments and the indentation out of a style sheet of ours.
func squeeze(css string) string {
	return gaps.ReplaceAllString(comments.ReplaceAllString(css, ""), "\n")
}

// allow is a policy with what this view carries in itself (CSP Level 3, Section
// 2.3.1, hash-source).
func (v view) allow(policy string) string {
	var styles, scripts []string
	if v.Inline != nil {
		styles = append(styles, digest(string(v.Inline.Style)))
		if v.Inline.Script != "" {
			scripts = append(scripts, digest(string(v.Inline.Script)))
		}
	}
	if v.Theme.Style != "" {
		styles = append(styles, digest(string(v.Theme.Style)))
	}
	policy = source(policy, "style-src", styles)
	return source(policy, "script-src", scripts)
}

// source adds sources to a directive that allows 'self'.
func source(policy, directive string, more []string) string {
	if len(more) == 0 {
		return policy
	}
	own := directive + " 'self'"
	return strings.Replace(policy, own, own+" "+strings.Join(more, " "), 1)
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// pack compresses a page that carries its style and script, so that it fits into
// the first flight of a new connection (RFC 6928: 10 segments). Pages that name a
// person stay as they are: how well a secret and a stranger's text compress
// together tells of the secret.
func (v view) pack(h http.Header, page []byte) []byte {
	if v.Inline == nil || v.Person != "" {
		return page
	}
	h.Add("Vary", "Accept-Encoding")
	if !v.packs {
		return page
	}
	h.Set("Content-Encoding", "gzip")
	var packed bytes.Buffer
	z := packers.Get().(*gzip.Writer)
	defer packers.Put(z)
	z.Reset(&packed)
	_, _ = z.Write(page) // a buffer takes everything
	_ = z.Close()
	return packed.Bytes()
}

// packers are kept, as each takes much memory.
var packers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}
