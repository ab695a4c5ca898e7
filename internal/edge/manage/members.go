package manage

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/assent-id/assent/internal/edge/httpx"
)

// A shape is what the document says of the body that an operation takes.
type shape struct {
	schemas huma.Registry
	body    *huma.Schema // nil: it takes none
}

func (a *API) shape(op *huma.Operation) shape {
	s := shape{schemas: a.huma.OpenAPI().Components.Schemas}
	if op.RequestBody != nil {
		s.body = op.RequestBody.Content["application/json"].Schema
	}
	return s
}

// at follows a location as far as the document knows the way: what comes after that
// was sent, and is not for repeating. members are those that an object may have
// there; none where anything goes, or nothing is known.
func (s shape) at(location string) (known string, members []string) {
	parts := strings.Split(location, ".")
	if s.body == nil || parts[0] != "body" {
		return location, nil
	}
	at, n := s.resolved(s.body), 1
	for ; n < len(parts); n++ {
		name, index, _ := strings.Cut(parts[n], "[")
		next := at.Properties[name]
		if next == nil {
			break
		}
		if at = s.resolved(next); index != "" && at.Items != nil {
			at = s.resolved(at.Items)
		}
	}
	return strings.Join(parts[:n], "."), slices.Sorted(maps.Keys(at.Properties))
}

func (s shape) resolved(of *huma.Schema) *huma.Schema {
	if of.Ref != "" {
		return s.schemas.SchemaFromRef(of.Ref)
	}
	return of
}

// fieldError keeps of a finding what the document says anyway: where in the body, and
// what is wanted there.
func (s shape) fieldError(e *huma.ErrorDetail) FieldError {
	f := FieldError{Message: "is not what it must be"}
	var members []string
	f.Location, members = s.at(e.Location)
	message, _, _ := strings.Cut(e.Message, ":") // what follows quotes the value
	switch {
	case message == "unexpected property":
		f.Message = "has a member that means nothing here"
		if len(members) > 0 {
			f.Message += "; it may have " + strings.Join(members, ", ")
		}
	case strings.HasPrefix(message, "expected "), strings.HasPrefix(message, "required "):
		f.Message = message
	}
	return f
}

// filtersKnown refuses a query with anything in it that the operation does not take,
// or that is empty or there twice: a filter that goes unheard answers everybody.
func filtersKnown(r *http.Request, parameters []*huma.Param) error {
	if r.URL.RawQuery == "" {
		return nil
	}
	var allowed []string
	for _, p := range parameters {
		if p.In == "query" {
			allowed = append(allowed, p.Name)
		}
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	for name, values := range query {
		empty := len(values) == 1 && values[0] == "" && name != "page_token" // there, empty is the first page
		if !slices.Contains(allowed, name) || len(values) > 1 || empty {
			return strangeQuery(allowed)
		}
	}
	if err != nil {
		return strangeQuery(allowed)
	}
	return nil
}

func strangeQuery(allowed []string) error {
	detail := "This operation takes no query parameters."
	if len(allowed) > 0 {
		detail = "A query parameter means nothing here, is empty, or is there twice. There may be " + strings.Join(allowed, ", ") + "."
	}
	return &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: codes[http.StatusUnprocessableEntity], Detail: detail}
}
