package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A Kind is what an [Entry] is of.
type Kind string

// The kinds.
const (
	Device   Kind = "device"
	Location Kind = "location"
	Employee Kind = "employee"
)

// prefixes of ids.
var prefixes = map[Kind]string{Device: "dev_", Location: "loc_", Employee: "emp_"}

// An Entry is a device, a location or an employee.
type Entry struct {
	Kind       Kind
	ID         string
	Name       string
	Detail     string    // the serial number, the address, the staff number; or ""
	LocationID string    // where a device or an employee is; or ""
	ClosedAt   time.Time // of a location that was closed
	CreatedAt  time.Time
	UpdatedAt  time.Time
	seq        int64
}

// A Change is what is to be different; nil: nothing.
type Change struct{ Name, Detail, LocationID *string }

const entryColumns = `kind, id, name, detail, location_id, closed_at, created_at, updated_at, seq`

func scanEntry(scan func(...any) error) (Entry, error) {
	var e Entry
	var location sql.NullString
	var closed, created, updated sql.NullInt64
	err := scan(&e.Kind, &e.ID, &e.Name, &e.Detail, &location, &closed, &created, &updated, &e.seq)
	e.LocationID, e.ClosedAt, e.CreatedAt, e.UpdatedAt = location.String, instant(closed), instant(created), instant(updated)
	return e, err
}

// open holds where a location may be named: ?1 is its id, or NULL.
const open = `(?1 IS NULL OR EXISTS (SELECT 1 FROM entry WHERE kind = 'location' AND id = ?1 AND closed_at IS NULL))`

const createEntry = `
INSERT INTO entry (location_id, kind, id, name, detail, created_at, updated_at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?6 WHERE ` + open + `
RETURNING ` + entryColumns

// Create adds an entry. Its error is [ErrNoLocation].
func (s *Store) Create(ctx context.Context, e Entry, now time.Time) (Entry, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	row := s.db.QueryRowContext(ctx, createEntry,
		optional(e.LocationID), e.Kind, newID(prefixes[e.Kind]), e.Name, e.Detail, now.UnixMilli())
	created, err := scanEntry(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Entry{}, ErrNoLocation
	}
	if err != nil {
		return Entry{}, fmt.Errorf("create a %s: %w", e.Kind, err)
	}
	return created, nil
}

// Get reads an entry, or [ErrNotFound].
func (s *Store) Get(ctx context.Context, kind Kind, id string) (Entry, error) {
	row := s.db.QueryRowContext(ctx, `SELECT `+entryColumns+` FROM entry WHERE kind = ? AND id = ?`, kind, id)
	e, err := scanEntry(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Entry{}, ErrNotFound
	}
	if err != nil {
		return Entry{}, fmt.Errorf("read %s %s: %w", kind, id, err)
	}
	return e, nil
}

const listEntries = `SELECT ` + entryColumns + ` FROM entry WHERE kind = ? AND seq > ? ORDER BY seq LIMIT ?`

// List reads a page of entries in the order of their creation. after is where the
// next page begins; 0: there is none.
func (s *Store) List(ctx context.Context, kind Kind, p Page) (list []Entry, after int64, err error) {
	rows, err := s.db.QueryContext(ctx, listEntries, kind, p.After, p.Size+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list %ss: %w", kind, err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanEntry(rows.Scan)
		if err != nil {
			return nil, 0, fmt.Errorf("list %ss: %w", kind, err)
		}
		list = append(list, e)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, fmt.Errorf("list %ss: %w", kind, err)
	}
	list, after = next(list, p.Size, func(e Entry) int64 { return e.seq })
	return list, after, nil
}

// A location that is "" is taken away, and one that is NULL stays; so does one
// that was closed since.
const updateEntry = `
UPDATE entry SET name = coalesce(?4, name), detail = coalesce(?5, detail),
  location_id = CASE WHEN ?7 THEN ?1 ELSE location_id END, updated_at = max(?6, updated_at)
WHERE kind = ?2 AND id = ?3 AND ` + open + `
RETURNING ` + entryColumns

// Update changes an entry. Its errors are [ErrNotFound] and [ErrNoLocation].
func (s *Store) Update(ctx context.Context, kind Kind, id string, c Change, now time.Time) (Entry, error) {
	var location sql.NullString
	if c.LocationID != nil {
		location = optional(*c.LocationID)
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	row := s.db.QueryRowContext(ctx, updateEntry, location, kind, id, c.Name, c.Detail, now.UnixMilli(), c.LocationID != nil)
	updated, err := scanEntry(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Entry{}, s.why(ctx, kind, id, ErrNoLocation)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("update %s %s: %w", kind, id, err)
	}
	return updated, nil
}

// why says why a write to an entry found nothing: it is not there, or otherwise.
func (s *Store) why(ctx context.Context, kind Kind, id string, otherwise error) error {
	if _, err := s.Get(ctx, kind, id); err != nil {
		return err
	}
	return otherwise
}

const deleteEntry = `
DELETE FROM entry WHERE kind = ?1 AND id = ?2 AND NOT EXISTS (SELECT 1 FROM entry AS other WHERE other.location_id = ?2)`

// Delete removes an entry. Its errors are [ErrNotFound] and, for a location,
// [ErrInUse].
func (s *Store) Delete(ctx context.Context, kind Kind, id string) error {
	return s.write(ctx, statement{kind: kind, id: id, text: deleteEntry, otherwise: ErrInUse})
}

const closeLocation = `
UPDATE entry SET closed_at = coalesce(closed_at, ?4), updated_at = max(?4, updated_at)
WHERE kind = ?1 AND id = ?2 AND name = ?3`

// CloseLocation ends a location of that name for good: nothing is verified there any
// more. Closing it again changes nothing. Its errors are [ErrNotFound] and
// [ErrRenamed].
func (s *Store) CloseLocation(ctx context.Context, id, name string, now time.Time) (Entry, error) {
	err := s.write(ctx, statement{kind: Location, id: id, text: closeLocation, more: []any{name, now.UnixMilli()}, otherwise: ErrRenamed})
	if err != nil {
		return Entry{}, err
	}
	return s.Get(ctx, Location, id)
}

// A statement writes to one entry.
type statement struct {
	kind      Kind   // ?1 of text
	id        string // ?2
	text      string
	more      []any // ?3 and so on
	otherwise error // if the entry is there, and it does not find it
}

// write runs a statement that must find its entry.
func (s *Store) write(ctx context.Context, w statement) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	done, err := s.db.ExecContext(ctx, w.text, append([]any{w.kind, w.id}, w.more...)...)
	if err != nil {
		return fmt.Errorf("write %s %s: %w", w.kind, w.id, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, s.why(ctx, w.kind, w.id, w.otherwise))
	}
	return nil
}
