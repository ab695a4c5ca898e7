package api

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"net/url"
	"strconv"

	"github.com/assent-id/assent/examples/ageverify/store"
)

const (
	defaultPage = 50
	maxPage     = 200
)

// readPage reads page_size and cursor of a list; there are no other parameters.
func readPage(r *http.Request, list string) (store.Page, error) {
	page := store.Page{Size: defaultPage}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return page, malformed("the query is none")
	}
	for name, values := range query {
		switch {
		case len(values) != 1:
			return page, malformed("a parameter is there twice")
		case name == "page_size":
			page.Size, err = strconv.Atoi(values[0])
			if err != nil || page.Size < 1 || page.Size > maxPage {
				return page, malformed("page_size must be between 1 and 200")
			}
		case name == "cursor":
			if page.After, err = readCursor(list, values[0]); err != nil {
				return page, err
			}
		default:
			return page, malformed("a list has page_size and cursor")
		}
	}
	return page, nil
}

// A cursor names its list, so that one of another list is none.
func writeCursor(list string, after int64) string {
	if after == 0 {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint64([]byte(list), uint64(after)))
}

func readCursor(list, text string) (int64, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != len(list)+8 || string(b[:len(list)]) != list {
		return 0, malformed("the cursor is not one of this list")
	}
	after := int64(binary.BigEndian.Uint64(b[len(list):]))
	if after <= 0 {
		return 0, malformed("the cursor is not one of this list")
	}
	return after, nil
}

// writePage sends a page: its list under the list's name, and nextCursor unless
// it is the last.
func writePage[T, J any](w http.ResponseWriter, name string, list []T, after int64, show func(T) J) {
	shown := make([]J, 0, len(list))
	for _, each := range list {
		shown = append(shown, show(each))
	}
	body := map[string]any{name: shown}
	if after != 0 {
		body["nextCursor"] = writeCursor(name, after)
	}
	writeJSON(w, http.StatusOK, body)
}
