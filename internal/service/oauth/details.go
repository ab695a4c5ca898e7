package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/assent-id/assent/internal/format/schema"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/sdk/evidence"
)

// Limits on authorization_details.
const (
	maxDetailsBytes   = 16 << 10
	maxDetailsObjects = 10
)

func badDetails(description string, cause error) error {
	return &Error{Code: InvalidAuthorizationDetails, Description: description, Cause: cause}
}

// checkDetails reads authorization_details (RFC 9396, Section 2): an array of
// objects of registered types. At the token endpoint they choose among what was
// granted, so there narrowDetails decides.
func (e *Engine) checkDetails(ctx context.Context, x *exchange) error {
	raw := x.Params.Get("authorization_details")
	if raw == "" {
		return nil
	}
	if len(raw) > maxDetailsBytes {
		return badDetails("authorization_details are larger than 16 kB", nil)
	}
	canonical, err := evidence.Canonical([]byte(raw))
	if err != nil {
		return badDetails("authorization_details are not JSON", err)
	}
	var details []json.RawMessage
	if err := json.Unmarshal(canonical, &details); err != nil {
		return badDetails("authorization_details must be an array of objects", err)
	}
	if len(details) == 0 || len(details) > maxDetailsObjects {
		return badDetails("authorization_details must hold 1 to 10 objects", nil)
	}
	x.details = details
	if x.at == token {
		return nil
	}
	for i, d := range details {
		if err := e.checkDetail(ctx, x, d); err != nil {
			return fmt.Errorf("authorization_details[%d]: %w", i, err)
		}
	}
	return nil
}

// checkDetail holds one object against its type (RFC 9396, Section 5). What it
// says must also be such that a person can be shown it.
func (e *Engine) checkDetail(ctx context.Context, x *exchange, raw json.RawMessage) error {
	kind, err := typeOfDetail(raw)
	if err != nil {
		return badDetails("each of authorization_details must be an object with a type", err)
	}
	if may := x.client.Settings.DetailsTypes; len(may) > 0 && !slices.Contains(may, kind) {
		return badDetails("this client may not use a type of authorization_details that it asked for", nil)
	}
	if !slices.Contains(approval.DetailsTypes(), kind) {
		if err := e.checkSchema(ctx, x.Site, kind, raw); err != nil {
			return err
		}
	}
	if _, err := approval.Describe(raw); err != nil {
		return askRefused(err)
	}
	return nil
}

func typeOfDetail(raw json.RawMessage) (string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return "", err
	}
	var kind string
	if err := json.Unmarshal(members["type"], &kind); err != nil {
		return "", err
	}
	if kind == "" {
		return "", errors.New("type is empty")
	}
	return kind, nil
}

// checkSchema: RFC 9396, Section 5, for the types that the realm has registered.
func (e *Engine) checkSchema(ctx context.Context, site *model.Site, kind string, raw json.RawMessage) error {
	s := e.details.of(ctx, e.cfg.Log, site)[kind]
	if s == nil {
		return badDetails("a type of authorization_details is not known here", nil)
	}
	err := s.Check(raw)
	if f, ok := errors.AsType[*schema.Fault](err); ok {
		return badDetails("authorization_details are not as their type wants them"+plainly(f), err)
	}
	return err
}

// plainly says where the fault is, if that can be said in a description (RFC
// 6749, Section 5.2): names of members are the client's own.
func plainly(f *schema.Fault) string {
	odd := func(r rune) bool { return r < 0x20 || r > 0x7e || r == '"' || r == '\\' }
	if len(f.At) > 200 || strings.ContainsFunc(f.At, odd) {
		return ""
	}
	if f.At == "" {
		return ": " + f.Rule
	}
	return " at " + f.At + ": " + f.Rule
}

// detailsSchemas are the compiled schemas of the realms. The zero value is ready.
type detailsSchemas struct {
	mu     sync.Mutex
	realms map[model.RealmID]realmSchemas
}

type realmSchemas struct {
	version int64
	byType  map[string]*schema.Schema
}

// maxSchemaRealms bounds the realms whose schemas are kept.
const maxSchemaRealms = 1000

// of compiles the schemas of a realm once for each of its versions. A schema
// that cannot be compiled is as good as none: its type is unknown.
func (d *detailsSchemas) of(ctx context.Context, log *slog.Logger, site *model.Site) map[string]*schema.Schema {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.realms[site.Realm.ID]; ok && known.version == site.Realm.Version {
		return known.byType
	}
	compiled := make(map[string]*schema.Schema, len(site.Realm.Policy.DetailsTypes))
	for kind, text := range site.Realm.Policy.DetailsTypes {
		s, err := schema.Compile(text)
		if err != nil {
			log.ErrorContext(ctx, "schema of an authorization details type", "realm", string(site.Realm.ID), "type", kind, "error", err)
			continue
		}
		compiled[kind] = s
	}
	if d.realms == nil || len(d.realms) >= maxSchemaRealms {
		d.realms = map[model.RealmID]realmSchemas{}
	}
	d.realms[site.Realm.ID] = realmSchemas{site.Realm.Version, compiled}
	return compiled
}

// CheckDetailsTypes says what is wrong with the details types of a realm's
// policy: a name that is taken or empty, or a schema that is none.
func CheckDetailsTypes(types map[string]json.RawMessage) error {
	for kind, text := range types {
		if kind == "" || slices.Contains(approval.DetailsTypes(), kind) {
			return fmt.Errorf("the name of the details type %q is empty or taken", kind)
		}
		if _, err := schema.Compile(text); err != nil {
			return fmt.Errorf("details type %q: %w", kind, err)
		}
	}
	return nil
}

// DetailsTypes are the types that a realm takes, for metadata (RFC 9396, Section
// 10).
func DetailsTypes(site *model.Site) []string {
	types := approval.DetailsTypes()
	for kind := range site.Realm.Policy.DetailsTypes {
		if !slices.Contains(types, kind) {
			types = append(types, kind)
		}
	}
	slices.Sort(types)
	return types
}

// narrowDetails answers what a token request asks for of what was granted (RFC
// 9396, Section 6.1): all of it, or some of its objects as they are.
func narrowDetails(granted, asked []json.RawMessage) ([]json.RawMessage, error) {
	if len(asked) == 0 {
		return granted, nil
	}
	var out []json.RawMessage
	for _, a := range asked {
		i := slices.IndexFunc(granted, func(g json.RawMessage) bool { return sameJSON(a, g) })
		if i < 0 {
			return nil, badDetails("authorization_details hold what was not granted", nil)
		}
		if !slices.ContainsFunc(out, func(o json.RawMessage) bool { return bytes.Equal(o, granted[i]) }) {
			out = append(out, granted[i])
		}
	}
	return out, nil
}

// sameJSON reports whether two texts mean the same (RFC 8785).
func sameJSON(a, b json.RawMessage) bool {
	one, err1 := evidence.Canonical(a)
	two, err2 := evidence.Canonical(b)
	return err1 == nil && err2 == nil && bytes.Equal(one, two)
}

// A Line is what a person is shown of authorization details.
type Line struct{ Label, Value string }

// describeDetail says an object in words for a page of ours. Characters that
// cannot be seen are written as what they are.
func describeDetail(raw json.RawMessage) []Line {
	said, err := approval.Describe(raw)
	if err != nil { // it was checked when it came; whatever it is, it is shown
		return []Line{{"details", visible(string(raw))}}
	}
	lines := make([]Line, len(said))
	for i, l := range said {
		lines[i] = Line{visible(l.Label), visible(l.Value)}
	}
	return lines
}

// visible writes the characters that show nothing, or turn the text around, as
// their code points.
func visible(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if hidden(r) {
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// hidden: what is not printed, and what is printed as nothing (Unicode's
// Default_Ignorable_Code_Point among letters, marks and symbols).
func hidden(r rune) bool {
	switch {
	case !unicode.IsPrint(r):
		return true
	case r == 0x034f, r == 0x115f, r == 0x1160, r == 0x17b4, r == 0x17b5, r == 0x3164, r == 0xffa0, r == 0x2800:
		return true
	default:
		return unicode.Is(unicode.Variation_Selector, r)
	}
}
