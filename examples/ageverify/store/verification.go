package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// The results of a verification.
const (
	Pass = "pass"
	Fail = "fail"
)

// A Transaction is one verification of an age.
type Transaction struct {
	ID          string
	Result      string // Pass or Fail
	Reason      string // why it failed, or ""
	RequiredAge int    // in years
	ClientID    string // who asked
	DeviceID    string // or "", as the two below
	LocationID  string
	EmployeeID  string
	CreatedAt   time.Time
	seq         int64
}

const transactionColumns = `id, result, reason, required_age, client_id, device_id, location_id, employee_id, created_at, seq`

const recordTransaction = `
INSERT INTO verification (location_id, device_id, employee_id, id, result, reason, required_age, client_id, created_at)
SELECT coalesce(?1, ''), coalesce(?2, ''), coalesce(?3, ''), ?4, ?5, ?6, ?7, ?8, ?9 WHERE ` + open + `
  AND (?2 IS NULL OR EXISTS (SELECT 1 FROM entry WHERE kind = 'device' AND id = ?2))
  AND (?3 IS NULL OR EXISTS (SELECT 1 FROM entry WHERE kind = 'employee' AND id = ?3))
RETURNING ` + transactionColumns

// Record writes a transaction. Its errors are [ErrNoLocation], [ErrNoDevice] and
// [ErrNoEmployee]: then nothing was written.
func (s *Store) Record(ctx context.Context, t Transaction, now time.Time) (Transaction, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	row := s.record.QueryRowContext(ctx, optional(t.LocationID), optional(t.DeviceID), optional(t.EmployeeID),
		newID("txn_"), t.Result, t.Reason, t.RequiredAge, t.ClientID, now.UnixMilli())
	recorded, err := scanTransaction(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Transaction{}, s.missing(ctx, t)
	}
	if err != nil {
		return Transaction{}, fmt.Errorf("record a transaction: %w", err)
	}
	return recorded, nil
}

// missing says which of the three is not there.
func (s *Store) missing(ctx context.Context, t Transaction) error {
	for _, each := range []struct {
		kind Kind
		id   string
		err  error
	}{{Device, t.DeviceID, ErrNoDevice}, {Employee, t.EmployeeID, ErrNoEmployee}} {
		if each.id == "" {
			continue
		}
		if _, err := s.Get(ctx, each.kind, each.id); errors.Is(err, ErrNotFound) {
			return each.err
		} else if err != nil {
			return err
		}
	}
	return ErrNoLocation
}

func scanTransaction(scan func(...any) error) (Transaction, error) {
	var t Transaction
	var created sql.NullInt64
	err := scan(&t.ID, &t.Result, &t.Reason, &t.RequiredAge, &t.ClientID, &t.DeviceID, &t.LocationID, &t.EmployeeID, &created, &t.seq)
	t.CreatedAt = instant(created)
	return t, err
}

// Transaction reads one, or [ErrNotFound].
func (s *Store) Transaction(ctx context.Context, id string) (Transaction, error) {
	row := s.db.QueryRowContext(ctx, `SELECT `+transactionColumns+` FROM verification WHERE id = ?`, id)
	t, err := scanTransaction(row.Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return Transaction{}, ErrNotFound
	}
	if err != nil {
		return Transaction{}, fmt.Errorf("read transaction %s: %w", id, err)
	}
	return t, nil
}

const listTransactions = `SELECT ` + transactionColumns + ` FROM verification WHERE seq > ? ORDER BY seq LIMIT ?`

// Transactions reads a page in the order in which they were recorded. after is
// where the next page begins; 0: there is none.
func (s *Store) Transactions(ctx context.Context, p Page) (list []Transaction, after int64, err error) {
	rows, err := s.db.QueryContext(ctx, listTransactions, p.After, p.Size+1)
	if err != nil {
		return nil, 0, fmt.Errorf("list transactions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		t, err := scanTransaction(rows.Scan)
		if err != nil {
			return nil, 0, fmt.Errorf("list transactions: %w", err)
		}
		list = append(list, t)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, fmt.Errorf("list transactions: %w", err)
	}
	list, after = next(list, p.Size, func(t Transaction) int64 { return t.seq })
	return list, after, nil
}
