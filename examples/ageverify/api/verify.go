package api

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/assent-id/assent/examples/ageverify/pass"
	"github.com/assent-id/assent/examples/ageverify/store"
)

const maxAge = 150 // years

// reasons are what transactions say of passes that failed.
var reasons = []struct {
	err    error
	reason string
}{
	{pass.ErrVersion, "unknown_version"}, {pass.ErrKey, "unknown_key"}, {pass.ErrForged, "forged"},
	{pass.ErrExpired, "expired"}, {pass.ErrTooYoung, "too_young"},
}

// A question is the body of a verification.
type question struct {
	pass                       [pass.Size]byte
	years                      int
	device, location, employee string // "": not named
}

func readQuestion(w http.ResponseWriter, r *http.Request) (q question, err error) {
	o, err := readObject(w, r, "passData", "requiredAge", "deviceId", "locationId", "employeeId")
	if err != nil {
		return q, err
	}
	text, err := o.raw("passData")
	if err != nil {
		return q, err
	}
	if q.pass, err = pass.Parse(value(text)); err != nil {
		return q, malformed("passData must be the base64 of 64 bytes, or 64 characters of Latin-1")
	}
	if q.years, err = o.years("requiredAge"); err != nil {
		return q, err
	}
	if q.device, err = o.id("deviceId"); err != nil {
		return q, err
	}
	if q.location, err = o.id("locationId"); err != nil {
		return q, err
	}
	q.employee, err = o.id("employeeId")
	return q, err
}

// years reads an age: a JSON number that is written as an integer.
func (o object) years(name string) (int, error) {
	n, err := strconv.ParseUint(string(o[name]), 10, 8)
	if err != nil || n > maxAge {
		return 0, malformed(name + " must be an integer between 0 and 150")
	}
	return int(n), nil
}

// verifyPass checks a pass against an age. What is 64 bytes is answered with 200
// and recorded, whatever it is; everything else is refused and leaves no trace.
func (a *api) verifyPass(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuestion(w, r)
	if err != nil {
		return err
	}
	now := a.Now()
	t := store.Transaction{RequiredAge: q.years, ClientID: who(r), DeviceID: q.device, LocationID: q.location, EmployeeID: q.employee}
	_, err = a.Keys.Check(q.pass, q.years, now)
	if t.Result, t.Reason = outcome(err); t.Result == "" {
		return err
	}
	if t, err = a.Store.Record(r.Context(), t, now); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, map[string]string{"result": t.Result, "transactionId": t.ID})
	return nil
}

// outcome is what a transaction says of a check; "", "": the check itself failed.
func outcome(err error) (result, reason string) {
	if err == nil {
		return store.Pass, ""
	}
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return store.Fail, r.reason
		}
	}
	return "", ""
}

func showTransaction(t store.Transaction) map[string]any {
	m := map[string]any{"id": t.ID, "result": t.Result, "requiredAge": t.RequiredAge, "clientId": t.ClientID, "createdAt": stamp(t.CreatedAt)}
	for name, text := range map[string]string{"reason": t.Reason, "deviceId": t.DeviceID, "locationId": t.LocationID, "employeeId": t.EmployeeID} {
		if text != "" {
			m[name] = text
		}
	}
	return m
}

func (a *api) listTransactions(w http.ResponseWriter, r *http.Request) error {
	page, err := readPage(r, "transactions")
	if err != nil {
		return err
	}
	list, after, err := a.Store.Transactions(r.Context(), page)
	if err != nil {
		return err
	}
	writePage(w, "transactions", list, after, showTransaction)
	return nil
}

func (a *api) getTransaction(w http.ResponseWriter, r *http.Request) error {
	t, err := a.Store.Transaction(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, showTransaction(t))
	return nil
}
