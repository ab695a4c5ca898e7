package manage

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/assent-id/assent/internal/edge/httpx"
)

// A Patch is a JSON merge patch (RFC 7396) on what a T says: the members that it
// has come in place of those that there are, null takes one away, and the others
// stay. Members that a T does not have are refused. It is a member of a body; T
// is what a resource is created from.
type Patch[T any] struct{ members json.RawMessage }

// UnmarshalJSON keeps the members as they came.
func (p *Patch[T]) UnmarshalJSON(text []byte) error {
	p.members = bytes.Clone(text)
	return nil
}

// Schema is for huma: that of T, with nothing in it that must be there.
func (Patch[T]) Schema(r huma.Registry) *huma.Schema {
	return loosened(r, r.Schema(reflect.TypeFor[T](), true, ""), false)
}

// patchName ends the names of schemas of patches.
const patchName = "Patch"

// loosened is a schema for changes of what the schema describes: an object of its
// own beside it, in which each member may be left out, or null.
func loosened(r huma.Registry, s *huma.Schema, nullable bool) *huma.Schema {
	if s.Ref != "" {
		whole := r.SchemaFromRef(s.Ref)
		if whole.Type != huma.TypeObject || len(whole.Properties) == 0 {
			return s
		}
		name := s.Ref[strings.LastIndexByte(s.Ref, '/')+1:] + patchName
		if r.Map()[name] == nil {
			r.Map()[name] = &huma.Schema{} // schemas may hold themselves
			*r.Map()[name] = *loosenedObject(r, whole, nullable)
		}
		return &huma.Schema{Ref: s.Ref + patchName, Description: s.Description}
	}
	own := *s
	own.Nullable = nullable && own.Type != ""
	own.PrecomputeMessages()
	return &own
}

func loosenedObject(r huma.Registry, whole *huma.Schema, nullable bool) *huma.Schema {
	own := *whole
	own.Required, own.Nullable, own.Properties = nil, nullable, maps.Clone(whole.Properties)
	for name, member := range own.Properties {
		own.Properties[name] = loosened(r, member, true)
	}
	own.PrecomputeMessages()
	return &own
}

// patch is what there is with the patch put into it. The outcome is held against
// the schema of T as a whole, like what is created. at is the name of the wrapper.
func patch[T any](a *API, c call, at string, is T, p Patch[T]) (T, error) {
	var next T
	old, err := json.Marshal(is)
	if err != nil {
		return next, fmt.Errorf("encode %s as it is: %w", at, err)
	}
	text, err := merge(old, p.members)
	if err != nil {
		return next, malformed(err)
	}
	var all any
	if err := json.Unmarshal(text, &all); err != nil {
		return next, malformed(err)
	}
	schemas, found, path := a.huma.OpenAPI().Components.Schemas, &huma.ValidateResult{}, huma.NewPathBuffer([]byte{}, 0)
	path.Push("body")
	path.Push(at)
	huma.Validate(schemas, schemas.Schema(reflect.TypeFor[T](), true, ""), path, huma.ModeWriteToServer, all, found)
	if len(found.Errors) > 0 {
		return next, newProblem(c, http.StatusUnprocessableEntity, "", found.Errors)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&next); err != nil {
		return next, malformed(err)
	}
	return next, nil
}

func malformed(err error) *httpx.Problem {
	return &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_request",
		Detail: "A member has a value of the wrong type.", Cause: fmt.Errorf("merge: %T", err)} // its words quote what was sent
}

// merge is RFC 7396, Section 2.
func merge(target, with json.RawMessage) (json.RawMessage, error) {
	if !strings.HasPrefix(string(bytes.TrimSpace(with)), "{") {
		return with, nil
	}
	var changes map[string]json.RawMessage
	if err := json.Unmarshal(with, &changes); err != nil {
		return nil, err
	}
	members := map[string]json.RawMessage{}
	if strings.HasPrefix(string(bytes.TrimSpace(target)), "{") {
		if err := json.Unmarshal(target, &members); err != nil {
			return nil, err
		}
	}
	for name, change := range changes {
		if string(bytes.TrimSpace(change)) == "null" {
			delete(members, name)
			continue
		}
		merged, err := merge(members[name], change)
		if err != nil {
			return nil, err
		}
		members[name] = merged
	}
	return json.Marshal(members)
}
