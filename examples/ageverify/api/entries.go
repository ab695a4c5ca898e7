package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/assent-id/assent/examples/ageverify/store"
)

// A shape is how a kind of entry looks to clients.
type shape struct {
	kind   store.Kind
	path   string // below /api/, and the member of lists
	detail string // what the entry's detail is called
	placed bool   // it may be at a location
}

var (
	devices   = shape{store.Device, "devices", "serialNumber", true}
	locations = shape{store.Location, "locations", "address", false}
	employees = shape{store.Employee, "employees", "staffNumber", true}
)

func (s shape) members() []string {
	if s.placed {
		return []string{"name", s.detail, "locationId"}
	}
	return []string{"name", s.detail}
}

// show is an entry as JSON.
func (s shape) show(e store.Entry) map[string]any {
	m := map[string]any{"id": e.ID, "name": e.Name, "createdAt": stamp(e.CreatedAt), "updatedAt": stamp(e.UpdatedAt)}
	if e.Detail != "" {
		m[s.detail] = e.Detail
	}
	switch {
	case s.placed && e.LocationID != "":
		m["locationId"] = e.LocationID
	case s.kind == store.Location && e.ClosedAt.IsZero():
		m["status"] = "open"
	case s.kind == store.Location:
		m["status"], m["closedAt"] = "closed", stamp(e.ClosedAt)
	}
	return m
}

// stamp is an instant in UTC with milliseconds (RFC 3339).
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// read reads what a body says about an entry.
func (s shape) read(w http.ResponseWriter, r *http.Request) (store.Change, error) {
	o, err := readObject(w, r, s.members()...)
	if err != nil {
		return store.Change{}, err
	}
	name, err := o.text("name")
	if _, there := o["name"]; err == nil && there && (name == nil || strings.TrimSpace(*name) == "") {
		err = malformed("name must not be empty")
	}
	if err != nil {
		return store.Change{}, err
	}
	detail, err := o.cleared(s.detail)
	if err != nil {
		return store.Change{}, err
	}
	location, err := o.id("locationId")
	if err != nil {
		return store.Change{}, err
	}
	c := store.Change{Name: name, Detail: detail}
	if _, there := o["locationId"]; there {
		c.LocationID = &location
	}
	return c, nil
}

// cleared reads text that null takes away.
func (o object) cleared(name string) (*string, error) {
	s, err := o.text(name)
	if _, there := o[name]; err == nil && there && s == nil {
		return new(string), nil
	}
	return s, err
}

func (a *api) list(s shape) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		page, err := readPage(r, s.path)
		if err != nil {
			return err
		}
		list, after, err := a.Store.List(r.Context(), s.kind, page)
		if err != nil {
			return err
		}
		writePage(w, s.path, list, after, s.show)
		return nil
	}
}

func (a *api) get(s shape) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		e, err := a.Store.Get(r.Context(), s.kind, r.PathValue("id"))
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, s.show(e))
		return nil
	}
}

func (a *api) create(s shape) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := s.read(w, r)
		if err != nil {
			return err
		}
		if c.Name == nil {
			return malformed("name is missing")
		}
		e, err := a.Store.Create(r.Context(),
			store.Entry{Kind: s.kind, Name: *c.Name, Detail: value(c.Detail), LocationID: value(c.LocationID)}, a.Now())
		if err != nil {
			return err
		}
		w.Header().Set("Location", "/api/"+s.path+"/"+e.ID)
		writeJSON(w, http.StatusCreated, s.show(e))
		return nil
	}
}

func (a *api) update(s shape) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := s.read(w, r)
		if err != nil {
			return err
		}
		e, err := a.Store.Update(r.Context(), s.kind, r.PathValue("id"), c, a.Now())
		if err != nil {
			return err
		}
		writeJSON(w, http.StatusOK, s.show(e))
		return nil
	}
}

func (a *api) remove(s shape) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := noBody(r); err != nil {
			return err
		}
		if err := a.Store.Delete(r.Context(), s.kind, r.PathValue("id")); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
