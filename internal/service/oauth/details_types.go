package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"github.com/assent-id/assent/internal/format/schema"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
)

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
