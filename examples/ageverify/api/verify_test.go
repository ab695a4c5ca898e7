package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/examples/ageverify/api"
	"github.com/assent-id/assent/examples/ageverify/pass"
	"github.com/assent-id/assent/examples/ageverify/store"
	"github.com/assent-id/assent/internal/server/servertest"
)

// Requirement: age-verify, age-verify-recorded, age-pass-text
func TestAVerificationIsAnsweredAndRecorded(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "transactions:read", "transactions:write")
	good, old := s.pass(t, 18, time.Hour), s.pass(t, 18, -time.Minute)
	forged, foreign, other := good, good, good
	forged[40] ^= 1
	foreign[2] = 9
	other[0] = 2
	for _, tt := range []struct {
		name           string
		data           string
		age            any
		result, reason string
	}{
		{"old enough", pass.Base64(good), 18, "pass", ""},
		{"the legacy form", pass.Latin1(good), 18, "pass", ""},
		{"URL-safe, no padding", strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(pass.Base64(good)), 18, "pass", ""},
		{"no age at all", pass.Base64(good), 0, "pass", ""},
		{"too young", pass.Base64(good), 19, "fail", "too_young"},
		{"much too young", pass.Base64(good), 150, "fail", "too_young"},
		{"expired", pass.Base64(old), 18, "fail", "expired"},
		{"forged", pass.Base64(forged), 18, "fail", "forged"},
		{"forged, legacy", pass.Latin1(forged), 18, "fail", "forged"},
		{"of an unknown key", pass.Base64(foreign), 18, "fail", "unknown_key"},
		{"of another version", pass.Base64(other), 18, "fail", "unknown_version"},
		{"64 letters", strings.Repeat("A", 64), 18, "fail", "unknown_version"},
	} {
		a := s.call(t, token, http.MethodPost, "/verification/pass", question(t, tt.data, tt.age, nil))
		wants(t, tt.name, a, http.StatusOK, "")
		if a.Text("result") != tt.result || len(a.JSON) != 2 {
			t.Errorf("%s: %s", tt.name, a.Body)
		}
		got := s.call(t, token, http.MethodGet, "/transactions/"+a.Text("transactionId"), "")
		wants(t, tt.name, got, http.StatusOK, "")
		delete(got.JSON, "createdAt")
		want := map[string]any{"id": a.Text("transactionId"), "result": tt.result, "requiredAge": float64(tt.age.(int)), "clientId": s.client.ID}
		if tt.reason != "" {
			want["reason"] = tt.reason
		}
		if diff := cmp.Diff(want, got.JSON); diff != "" {
			t.Error(tt.name, diff)
		}
	}
	wants(t, "no such transaction", s.call(t, token, http.MethodGet, "/transactions/txn_x", ""), http.StatusNotFound, "not_found")
}

// Requirement: age-verify-malformed
func TestAMalformedVerificationLeavesNoTrace(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "transactions:read", "transactions:write")
	b := s.pass(t, 18, time.Hour)
	good := pass.Base64(b)
	quoted := `"passData":"` + good + `"`
	for _, tt := range []struct {
		body   string
		status int
		code   string
	}{
		{question(t, good[:87], 18, nil), 400, "malformed_request"}, {question(t, good+"=", 18, nil), 400, "malformed_request"}, {question(t, "", 18, nil), 400, "malformed_request"},
		{question(t, good[:44]+"\n"+good[44:], 18, nil), 400, "malformed_request"}, {question(t, strings.Repeat("Ā", 64), 18, nil), 400, "malformed_request"},
		{question(t, strings.Repeat("x", 63), 18, nil), 400, "malformed_request"}, {question(t, strings.Repeat("x", 65), 18, nil), 400, "malformed_request"},
		{`{` + quoted + `}`, 400, "malformed_request"}, {`{"requiredAge":18}`, 400, "malformed_request"}, {`{` + quoted + `,"requiredAge":null}`, 400, "malformed_request"},
		{`{"passData":null,"requiredAge":18}`, 400, "malformed_request"}, {`{"passData":64,"requiredAge":18}`, 400, "malformed_request"},
		{question(t, good, -1, nil), 400, "malformed_request"}, {question(t, good, 151, nil), 400, "malformed_request"}, {question(t, good, 18.5, nil), 400, "malformed_request"},
		{question(t, good, "18", nil), 400, "malformed_request"}, {question(t, good, true, nil), 400, "malformed_request"}, {question(t, good, []int{18}, nil), 400, "malformed_request"},
		{`{` + quoted + `,"requiredAge":1e1}`, 400, "malformed_request"}, {`{` + quoted + `,"requiredAge":18.0}`, 400, "malformed_request"}, {`{` + quoted + `,"requiredAge":-0}`, 400, "malformed_request"},
		{`{` + quoted + `,"requiredAge":018}`, 400, "malformed_request"}, {`{` + quoted + `,"requiredAge":99999999999999999999}`, 400, "malformed_request"},
		{`{` + quoted + `,"requiredAge":18,"requiredAge":0}`, 400, "malformed_request"}, {`{` + quoted + `,"RequiredAge":18}`, 400, "unknown_member"},
		{question(t, good, 18, map[string]any{"name": "Ada"}), 400, "unknown_member"}, {question(t, good, 18, map[string]any{"deviceId": "dev_x"}), 400, "unknown_device"},
		{question(t, good, 18, map[string]any{"employeeId": "emp_x"}), 400, "unknown_employee"}, {question(t, good, 18, map[string]any{"locationId": "loc_x"}), 400, "unknown_location"},
		{question(t, good, 18, map[string]any{"deviceId": ""}), 400, "malformed_request"}, {question(t, good, 18, map[string]any{"deviceId": 5}), 400, "malformed_request"},
		{`{"passData":"` + strings.Repeat("A", 17000) + `","requiredAge":18}`, 413, "too_large"}, {"{\"passData\":\"" + strings.Repeat("\xe9", 64) + "\",\"requiredAge\":18}", 400, "malformed_request"},
		{`{"passData":"` + strings.Repeat(`\udc80`, 64) + `","requiredAge":18}`, 400, "malformed_request"}, {`passData=x&requiredAge=18`, 400, "malformed_request"},
	} {
		a := s.call(t, token, http.MethodPost, "/verification/pass", tt.body)
		wants(t, tt.body[:min(len(tt.body), 120)], a, tt.status, tt.code)
		if strings.Contains(string(a.Body), good[:20]) {
			t.Errorf("the pass is told back: %s", a.Body)
		}
	}
	wants(t, "as a form", s.call(t, token, http.MethodPost, "/verification/pass", question(t, good, 18, nil), "Content-Type", "application/x-www-form-urlencoded"), http.StatusUnsupportedMediaType, "unsupported_media_type")
	if items, _ := s.all(t, token, "transactions", "200"); len(items) != 0 {
		t.Errorf("recorded: %v", items)
	}
}

// Requirement: age-verify-recorded
func TestATransactionSaysWhereItWas(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "transactions:read", "transactions:write", "devices:write", "locations:write", "employees:write")
	at := map[string]any{"locationId": s.made(t, token, "/locations", `{"name":"Shop"}`), "deviceId": s.made(t, token, "/devices", `{"name":"Till"}`),
		"employeeId": s.made(t, token, "/employees", `{"name":"Ada"}`)}
	b := s.pass(t, 20, time.Hour)
	done := s.call(t, token, http.MethodPost, "/verification/pass", question(t, pass.Base64(b), 20, at))
	wants(t, "verify", done, http.StatusOK, "")
	got := s.call(t, token, http.MethodGet, "/transactions/"+done.Text("transactionId"), "")
	for name, id := range at {
		if got.Text(name) != id {
			t.Errorf("%s is %q, want %q", name, got.Text(name), id)
		}
	}
}

// Nobody writes transactions but the verification, and nobody changes them.
//
// Requirement: age-append-only
func TestTransactionsCannotBeWrittenByTheAPI(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "transactions:read", "transactions:write")
	done := s.call(t, token, http.MethodPost, "/verification/pass", question(t, strings.Repeat("x", 64), 18, nil))
	for _, path := range []string{"/transactions", "/transactions/" + done.Text("transactionId")} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			wants(t, method, s.call(t, token, method, path, `{"result":"pass"}`), http.StatusMethodNotAllowed, "method_not_allowed")
		}
	}
	if items, _ := s.all(t, token, "transactions", "9"); len(items) != 1 || items[0]["result"] != "fail" {
		t.Errorf("%v", items)
	}
}

// Requirement: age-concurrency
func TestManyVerificationsAtOnceAreEachRecordedOnce(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "transactions:read", "transactions:write")
	b := s.pass(t, 18, time.Hour)
	var mu sync.Mutex
	var told []string
	var group sync.WaitGroup
	for i := range 16 {
		body, want := question(t, pass.Base64(b), 15+i%6, nil), "pass"
		if 15+i%6 > 18 {
			want = "fail"
		}
		group.Go(func() {
			for range 10 {
				a := s.call(t, token, http.MethodPost, "/verification/pass", body)
				if a.Status != http.StatusOK || a.Text("result") != want {
					t.Errorf("%d %s, want %s", a.Status, a.Body, want)
				}
				mu.Lock()
				told = append(told, a.Text("transactionId")+a.Text("result"))
				mu.Unlock()
			}
		})
	}
	group.Wait()
	items, _ := s.all(t, token, "transactions", "200")
	var recorded []string
	for _, item := range items {
		recorded = append(recorded, fmt.Sprint(item["id"], item["result"]))
	}
	slices.Sort(told)
	slices.Sort(recorded)
	if diff := cmp.Diff(told, recorded); diff != "" || len(told) != 160 {
		t.Error(len(told), diff)
	}
}

// Requirement: age-restart
func TestAnAPIThatStartsAgainKnowsWhatItRecorded(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "transactions:read", "transactions:write")
	for range 3 {
		wants(t, "verify", s.call(t, token, http.MethodPost, "/verification/pass", question(t, strings.Repeat("x", 64), 18, nil)), http.StatusOK, "")
	}
	before, _ := s.all(t, token, "transactions", "2")
	servertest.Check(t, s.config.Store.Close())
	if a := s.call(t, token, http.MethodGet, "/transactions", ""); a.Status != http.StatusInternalServerError || strings.Contains(string(a.Body), "sql") {
		t.Errorf("without its database: %d %s", a.Status, a.Body)
	}
	db, err := store.Open(t.Context(), s.file)
	servertest.Check(t, err)
	t.Cleanup(func() { _ = db.Close() })
	again := s.config
	again.Store = db
	next := serve(t, api.New(again))
	s.base = next + "/api"
	after, _ := s.all(t, token, "transactions", "2")
	if diff := cmp.Diff(before, after); diff != "" || len(after) != 3 {
		t.Error(len(after), diff)
	}
}
