package store_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/assent-id/assent/examples/ageverify/store"
)

var now = time.Date(2026, 11, 20, 12, 0, 0, int(5*time.Millisecond), time.UTC)

func open(t testing.TB, file string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), file)
	check(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, s *store.Store, kind store.Kind, location string) store.Entry {
	t.Helper()
	e, err := s.Create(t.Context(), store.Entry{Kind: kind, Name: "One", Detail: "1", LocationID: location}, now)
	check(t, err)
	return e
}

func record(t testing.TB, s *store.Store, to store.Transaction) store.Transaction {
	t.Helper()
	if to.Result == "" {
		to.Result = store.Pass
	}
	to.RequiredAge, to.ClientID = 18, "svc_1"
	done, err := s.Record(t.Context(), to, now)
	check(t, err)
	return done
}

// Requirement: age-append-only
func TestTransactionsAreAppendOnlyInTheDatabaseItself(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a b?.db")
	s := open(t, file)
	want := record(t, s, store.Transaction{})
	record(t, s, store.Transaction{Result: store.Fail, Reason: "expired"})
	// As somebody with the file and nothing of this package.
	db, err := sql.Open("sqlite", "file:"+strings.ReplaceAll(file, "?", "%3f"))
	check(t, err)
	defer db.Close()
	const same = ` INTO verification SELECT seq, id, 'fail', 'forged', required_age, client_id, device_id, location_id, employee_id, created_at FROM verification LIMIT 1`
	for _, statement := range []string{
		`DELETE FROM verification`, `UPDATE verification SET result = 'fail', reason = 'forged'`, `UPDATE verification SET seq = seq + 100`,
		`INSERT OR REPLACE` + same, `REPLACE` + same, `INSERT OR REPLACE INTO verification SELECT NULL, ` + strings.TrimPrefix(same, ` INTO verification SELECT seq, `),
		`INSERT INTO verification SELECT * FROM verification WHERE true ON CONFLICT DO UPDATE SET result = 'fail', reason = 'forged'`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	for _, statement := range []string{ // what means nothing is not written either
		`INSERT INTO verification VALUES (NULL, 'a', 'maybe', '', 18, '', '', '', '', 0)`, `INSERT INTO verification VALUES (NULL, 'a', 'pass', 'expired', 18, '', '', '', '', 0)`,
		`INSERT INTO verification VALUES (NULL, 'a', 'fail', '', 18, '', '', '', '', 0)`, `INSERT INTO verification VALUES (NULL, 'a', 'pass', '', 151, '', '', '', '', 0)`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s is written", statement)
		}
	}
	got, err := s.Transaction(t.Context(), want.ID)
	check(t, err)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(store.Transaction{})); diff != "" || !got.CreatedAt.Equal(now) {
		t.Error(diff)
	}
	if list, _, err := s.Transactions(t.Context(), store.Page{Size: 10}); err != nil || len(list) != 2 {
		t.Error(list, err)
	}
}

// Requirement: age-restart
func TestWhatWasRecordedIsThereAfterARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "age.db")
	s := open(t, file)
	location := create(t, s, store.Location, "")
	device := create(t, s, store.Device, location.ID)
	done := record(t, s, store.Transaction{DeviceID: device.ID, LocationID: location.ID})
	check(t, s.Close())
	s = open(t, file)
	for _, e := range []store.Entry{location, device} {
		got, err := s.Get(t.Context(), e.Kind, e.ID)
		if diff := cmp.Diff(e, got, cmpopts.IgnoreUnexported(store.Entry{})); err != nil || diff != "" {
			t.Error(err, diff)
		}
	}
	if got, err := s.Transaction(t.Context(), done.ID); err != nil || got.DeviceID != device.ID || got.LocationID != location.ID {
		t.Errorf("%+v, %v", got, err)
	}
}

// Requirement: age-verify-recorded
func TestATransactionNamesWhatIsThereOrIsNotWritten(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "age.db"))
	location, closed := create(t, s, store.Location, ""), create(t, s, store.Location, "")
	device, employee := create(t, s, store.Device, ""), create(t, s, store.Employee, location.ID)
	if e, err := s.CloseLocation(t.Context(), closed.ID, closed.Name, now); err != nil || !e.ClosedAt.Equal(now) {
		t.Fatal(e, err)
	}
	for name, tt := range map[string]struct {
		to   store.Transaction
		want error
	}{
		"all three":              {store.Transaction{DeviceID: device.ID, LocationID: location.ID, EmployeeID: employee.ID}, nil},
		"none":                   {store.Transaction{}, nil},
		"a device that is none":  {store.Transaction{DeviceID: employee.ID}, store.ErrNoDevice},
		"an employee of nobody":  {store.Transaction{DeviceID: device.ID, EmployeeID: "emp_x"}, store.ErrNoEmployee},
		"a location of nowhere":  {store.Transaction{LocationID: "loc_x"}, store.ErrNoLocation},
		"a location that closed": {store.Transaction{LocationID: closed.ID}, store.ErrNoLocation},
	} {
		before := count(t, s)
		tt.to.Result, tt.to.RequiredAge = store.Pass, 18
		done, err := s.Record(t.Context(), tt.to, now)
		if wrote := count(t, s) - before; !errors.Is(err, tt.want) || (wrote == 1) != (tt.want == nil) || (done.ID == "") != (tt.want != nil) {
			t.Errorf("%s: %+v, %v, wrote %d", name, done, err, wrote)
		}
	}
	// A transaction outlives what it names.
	done := record(t, s, store.Transaction{DeviceID: device.ID})
	check(t, s.Delete(t.Context(), store.Device, device.ID))
	if got, err := s.Transaction(t.Context(), done.ID); err != nil || got.DeviceID != device.ID {
		t.Errorf("%+v, %v", got, err)
	}
}

func count(t testing.TB, s *store.Store) int {
	t.Helper()
	n, page := 0, store.Page{Size: 1000}
	for {
		list, after, err := s.Transactions(t.Context(), page)
		check(t, err)
		if n += len(list); after == 0 {
			return n
		}
		page.After = after
	}
}

// Requirement: age-entries
func TestEntriesAreChangedAndRemovedByThemselves(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "age.db"))
	ctx, later := t.Context(), now.Add(time.Minute)
	location, device := create(t, s, store.Location, ""), create(t, s, store.Device, "")
	name, empty := "Two", ""
	got, err := s.Update(ctx, store.Device, device.ID, store.Change{Name: &name, LocationID: &location.ID}, later)
	if err != nil || got.Name != "Two" || got.Detail != "1" || got.LocationID != location.ID || !got.UpdatedAt.Equal(later) || !got.CreatedAt.Equal(now) {
		t.Errorf("%+v, %v", got, err)
	}
	if err := s.Delete(ctx, store.Location, location.ID); !errors.Is(err, store.ErrInUse) {
		t.Errorf("a location in use: %v", err)
	}
	if got, err := s.Update(ctx, store.Device, device.ID, store.Change{Detail: &empty}, later); err != nil || got.LocationID != location.ID || got.Detail != "" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.CloseLocation(ctx, location.ID, location.Name+" (main)", later); !errors.Is(err, store.ErrRenamed) {
		t.Errorf("closed by a name that it does not have: %v", err)
	}
	if got, err := s.Get(ctx, store.Location, location.ID); err != nil || !got.ClosedAt.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.CloseLocation(ctx, location.ID, location.Name, later); err != nil {
		t.Error(err)
	}
	if again, err := s.CloseLocation(ctx, location.ID, location.Name, later.Add(time.Hour)); err != nil || !again.ClosedAt.Equal(later) {
		t.Errorf("%+v, %v", again, err)
	}
	if _, err := s.Update(ctx, store.Device, device.ID, store.Change{LocationID: &location.ID}, later); !errors.Is(err, store.ErrNoLocation) {
		t.Errorf("into a closed location: %v", err)
	}
	if got, err := s.Update(ctx, store.Device, device.ID, store.Change{LocationID: &empty}, later); err != nil || got.LocationID != "" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, kind := range []store.Kind{store.Location, store.Employee} {
		_, read := s.Get(ctx, kind, device.ID)
		_, changed := s.Update(ctx, kind, device.ID, store.Change{Name: &name}, later)
		if gone := s.Delete(ctx, kind, device.ID); !errors.Is(read, store.ErrNotFound) || !errors.Is(changed, store.ErrNotFound) || !errors.Is(gone, store.ErrNotFound) {
			t.Errorf("a device as a %s: %v, %v, %v", kind, read, changed, gone)
		}
	}
	if _, err := s.CloseLocation(ctx, device.ID, device.Name, later); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a device is closed: %v", err)
	}
	check(t, s.Delete(ctx, store.Location, location.ID))
	check(t, s.Delete(ctx, store.Device, device.ID))
}

// Requirement: age-concurrency
func TestManyAtOnceInTwoProcessesWriteEachOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "age.db")
	stores := []*store.Store{open(t, file), open(t, file)}
	const each = 40
	var group sync.WaitGroup
	failed := make(chan error, 8*each)
	for i := range 8 {
		group.Go(func() {
			for range each {
				if _, err := stores[i%2].Record(t.Context(), store.Transaction{Result: store.Pass, RequiredAge: 18}, now); err != nil {
					failed <- err
				}
			}
		})
	}
	group.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	if n := count(t, stores[1]); n != 8*each {
		t.Errorf("%d transactions, want %d", n, 8*each)
	}
}
