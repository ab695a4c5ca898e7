package manage

import (
	"strconv"
	"strings"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/realm"
)

// What examples in the document are of.
const (
	exampleTenant = "ten_01kagxw5yye2w8s1zk1d5fx0p3"
	exampleRealm  = "rlm_01kagxw5yzf0bvvq3jr0d0gckm"
	exampleTime   = "2026-11-20T12:00:00.000Z"
)

// instant is RFC 3339 with milliseconds, or nothing for never.
func instant(m model.Millis) string {
	if m == 0 {
		return ""
	}
	return m.Time().UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// etag is a strong validator (RFC 9110, Section 8.8.3).
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// versionOf reads If-Match (RFC 9110, Section 13.1.1); 0: any. A version that
// cannot be one of ours is realm.ErrChanged: it is not the one that is there.
func versionOf(header string) (int64, error) {
	if header == "" || header == "*" {
		return 0, nil
	}
	text, quoted := strings.CutPrefix(header, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	version, err := strconv.ParseInt(text, 10, 64)
	if !quoted || !closed || err != nil || version < 1 {
		return 0, realm.ErrChanged
	}
	return version, nil
}

// IfMatch is the input of what changes or deletes a version of something.
type IfMatch struct {
	Header string `header:"If-Match" maxLength:"64" doc:"ETag that it must still have; left out: any." example:"\"3\""`
}

func (m IfMatch) version() (int64, error) { return versionOf(m.Header) }

// begins reports whether a name begins with a text, ignoring case.
func begins(name, with string) bool {
	return strings.HasPrefix(model.FoldName(name), model.FoldName(with))
}

// A shown is a version of a resource, as an answer.
type shown[T any] struct {
	ETag string `header:"ETag" doc:"Its version, for If-Match."`
	Body T
}

// A created is a new resource, as an answer.
type created[T any] struct {
	Location string `header:"Location" doc:"Where it is."`
	ETag     string `header:"ETag" doc:"Its version, for If-Match."`
	Body     T
}

// location is where a resource of a realm is, under the issuer that was called.
func location(c call, parts ...string) string {
	return c.here.Path + "/v1/tenants/" + string(c.site.Realm.TenantID) + "/realms/" + string(c.site.Realm.ID) + "/" + strings.Join(parts, "/")
}
