package manage

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"unicode/utf8"

	"github.com/assent-id/assent/internal/edge/httpx"
)

// readable refuses text that not every database takes, wherever a request has some,
// before anything is done with it: bytes that are no UTF-8, and NUL. What comes back
// has the body to be read once more.
func readable(w http.ResponseWriter, r *http.Request, op *operation) (*http.Request, error) {
	if !plainText(r.URL.Path) {
		return nil, notFound(nil)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, notPlain("query")
	}
	for name, values := range query {
		for _, v := range append(values, name) {
			if !plainText(v) {
				return nil, notPlain("query")
			}
		}
	}
	if op.takes == nil {
		return r, nil
	}
	body, err := wholeBody(w, r, op.most())
	if err != nil {
		return nil, err
	}
	if !plainJSON(body) {
		return nil, notPlain("body")
	}
	r = r.WithContext(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r, nil
}

func notPlain(part string) error {
	return &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_request",
		Detail: "A text in the " + part + " is no UTF-8, or holds a NUL character."}
}

// plainJSON reports whether all text of a JSON document is plain, however it is
// written. Where a NUL is not within a string, it is no JSON at all.
func plainJSON(doc []byte) bool {
	if !utf8.Valid(doc) {
		return false
	}
	for i := 0; i < len(doc); i++ {
		if doc[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(doc[i+1:], []byte("u0000")) {
			return false
		}
		i++ // RFC 8259, Section 7: what follows belongs to it, also another backslash
	}
	return true
}
