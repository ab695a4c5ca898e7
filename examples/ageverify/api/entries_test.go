package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/examples/ageverify/api"
	"github.com/assent-id/assent/internal/server/servertest"
)

// kinds are what is created, read, changed and removed alike.
var kinds = []struct{ path, detail, prefix string }{
	{"devices", "serialNumber", "dev_"}, {"locations", "address", "loc_"}, {"employees", "staffNumber", "emp_"},
}

// Requirement: age-entries
func TestEntriesAreCreatedReadChangedAndRemoved(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "devices:read", "devices:write", "locations:read", "locations:write", "employees:read", "employees:write")
	for _, k := range kinds {
		id := s.made(t, token, "/"+k.path, `{"name":"Erstes","`+k.detail+`":"17 ä"}`)
		at := "/" + k.path + "/" + id
		got := s.call(t, token, http.MethodGet, at, "")
		wants(t, "read", got, http.StatusOK, "")
		if !strings.HasPrefix(id, k.prefix) || got.Text("name") != "Erstes" || got.Text(k.detail) != "17 ä" || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s", k.path, got.Body)
		}
		if at, err := time.Parse(time.RFC3339, got.Text("createdAt")); err != nil || time.Since(at) > time.Minute {
			t.Errorf("%s: createdAt %q", k.path, got.Text("createdAt"))
		}
		changed := s.call(t, token, http.MethodPatch, at, `{"name":"Anderes"}`)
		wants(t, "change", changed, http.StatusOK, "")
		if changed.Text("name") != "Anderes" || changed.Text(k.detail) != "17 ä" {
			t.Errorf("%s: %s", k.path, changed.Body)
		}
		cleared := s.call(t, token, http.MethodPatch, at, `{"`+k.detail+`":null}`)
		if _, there := cleared.JSON[k.detail]; cleared.Status != http.StatusOK || there {
			t.Errorf("%s: %s", k.path, cleared.Body)
		}
		wants(t, "remove with a body", s.call(t, token, http.MethodDelete, at, `{}`), http.StatusBadRequest, "malformed_request")
		wants(t, "remove", s.call(t, token, http.MethodDelete, at, ""), http.StatusNoContent, "")
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			wants(t, "gone", s.call(t, token, method, at, ""), http.StatusNotFound, "not_found")
		}
		wants(t, "gone", s.call(t, token, http.MethodPatch, at, `{"name":"x"}`), http.StatusNotFound, "not_found")
	}
}

// Requirement: age-entries
func TestDevicesAndEmployeesAreAtLocations(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "devices:read", "devices:write", "locations:write", "employees:write")
	location := s.made(t, token, "/locations", `{"name":"Shop"}`)
	device := s.made(t, token, "/devices", `{"name":"Till","locationId":"`+location+`"}`)
	s.made(t, token, "/employees", `{"name":"Ada","locationId":null}`)
	wants(t, "a location with a location", s.call(t, token, http.MethodPost, "/locations", `{"name":"x","locationId":"`+location+`"}`), http.StatusBadRequest, "unknown_member")
	for _, id := range []string{"loc_x", device} {
		wants(t, "nowhere", s.call(t, token, http.MethodPost, "/devices", `{"name":"x","locationId":"`+id+`"}`), http.StatusBadRequest, "unknown_location")
	}
	wants(t, "in use", s.call(t, token, http.MethodDelete, "/locations/"+location, ""), http.StatusConflict, "location_in_use")
	if got := s.call(t, token, http.MethodGet, "/devices/"+device, ""); got.Text("locationId") != location {
		t.Errorf("%s", got.Body)
	}
	if got := s.call(t, token, http.MethodPatch, "/devices/"+device, `{"locationId":null}`); got.Status != 200 || got.Text("locationId") != "" {
		t.Errorf("%s", got.Body)
	}
	wants(t, "empty now", s.call(t, token, http.MethodDelete, "/locations/"+location, ""), http.StatusNoContent, "")
}

// Requirement: age-paging
func TestListsArePagedFromFirstToLast(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "devices:read", "devices:write", "locations:read", "employees:read", "transactions:read", "transactions:write")
	var want, got []string
	text := question(t, strings.Repeat("x", 64), 18, nil)
	for i := range 7 {
		want = append(want, s.made(t, token, "/devices", fmt.Sprintf(`{"name":"Till %d"}`, i)))
		wants(t, "verify", s.call(t, token, http.MethodPost, "/verification/pass", text), http.StatusOK, "")
	}
	for _, tt := range []struct {
		list, size   string
		items, pages int
	}{{"devices", "3", 7, 3}, {"devices", "7", 7, 1}, {"devices", "200", 7, 1}, {"devices", "1", 7, 7}, {"locations", "5", 0, 1}, {"transactions", "4", 7, 2}} {
		items, pages := s.all(t, token, tt.list, tt.size)
		if len(items) != tt.items || pages != tt.pages {
			t.Errorf("%s by %s: %d on %d pages", tt.list, tt.size, len(items), pages)
		}
	}
	items, _ := s.all(t, token, "devices", "2")
	for _, item := range items {
		got = append(got, item["id"].(string))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if empty := s.call(t, token, http.MethodGet, "/employees", ""); string(empty.Body) != "{\"employees\":[]}\n" {
		t.Errorf("an empty list is %s", empty.Body)
	}
	cursor := s.call(t, token, http.MethodGet, "/devices?page_size=2", "").Text("nextCursor")
	for _, query := range []string{"page_size=0", "page_size=201", "page_size=-1", "page_size=x", "page_size=", "page_size=1&page_size=2", "cursor=", "cursor=x",
		"cursor=" + cursor + "A", "cursor=" + cursor[:len(cursor)-1], "cursor=" + strings.Repeat("A", len(cursor)), "limit=5", "%zz", "page_size=1;cursor=x"} {
		wants(t, query, s.call(t, token, http.MethodGet, "/devices?"+query, ""), http.StatusBadRequest, "malformed_request")
	}
	wants(t, "another list's", s.call(t, token, http.MethodGet, "/transactions?cursor="+cursor, ""), http.StatusBadRequest, "malformed_request")
}

// A page that was read stays what it was: what comes later is on later pages.
//
// Requirement: age-paging
func TestNothingIsSkippedOrSeenTwiceWhileAListChanges(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "devices:read", "devices:write")
	first := s.made(t, token, "/devices", `{"name":"1"}`)
	s.made(t, token, "/devices", `{"name":"2"}`)
	s.made(t, token, "/devices", `{"name":"3"}`)
	page := s.call(t, token, http.MethodGet, "/devices?page_size=2", "")
	wants(t, "remove", s.call(t, token, http.MethodDelete, "/devices/"+first, ""), http.StatusNoContent, "")
	s.made(t, token, "/devices", `{"name":"4"}`)
	rest := s.call(t, token, http.MethodGet, "/devices?page_size=9&cursor="+page.Text("nextCursor"), "")
	var names []any
	for _, item := range append(page.JSON["devices"].([]any), rest.JSON["devices"].([]any)...) {
		names = append(names, item.(map[string]any)["name"])
	}
	if diff := cmp.Diff([]any{"1", "2", "3", "4"}, names); diff != "" {
		t.Error(diff)
	}
}

// Requirement: age-bodies
func TestBodiesThatMeanNothingAreRefused(t *testing.T) {
	s := open(t, nil)
	token := s.token(t, s.client, "devices:read", "devices:write")
	id := s.made(t, token, "/devices", `{"name":"Till"}`)
	long := strings.Repeat("ä", 200)
	s.made(t, token, "/devices", `{"name":"`+long+`"}`)
	for _, tt := range []struct {
		body   string
		status int
		code   string
	}{
		{`{}`, 400, "malformed_request"}, {`[]`, 400, "malformed_request"}, {`"x"`, 400, "malformed_request"}, {`null`, 400, "malformed_request"}, {`{`, 400, "malformed_request"},
		{`{"name":"x"} {}`, 400, "malformed_request"}, {`{"name":"x"}x`, 400, "malformed_request"}, {`{"name":""}`, 400, "malformed_request"}, {`{"name":" "}`, 400, "malformed_request"},
		{`{"name":null}`, 400, "malformed_request"}, {`{"name":1}`, 400, "malformed_request"}, {`{"name":["x"]}`, 400, "malformed_request"}, {`{"name":{}}`, 400, "malformed_request"},
		{`{"name":"x","name":"y"}`, 400, "malformed_request"}, {`{"NAME":"x"}`, 400, "unknown_member"}, {`{"name":"x","id":"dev_1"}`, 400, "unknown_member"},
		{`{"name":"x","color":"red"}`, 400, "unknown_member"}, {`{"name":"a\u0000b"}`, 400, "malformed_request"}, {`{"name":"a\nb"}`, 400, "malformed_request"},
		{`{"name":"\ud800"}`, 400, "malformed_request"}, {"{\"name\":\"\xff\"}", 400, "malformed_request"}, {`{"name":"` + long + `x"}`, 400, "malformed_request"},
		{`{"name":"x","locationId":""}`, 400, "malformed_request"}, {`{"name":"x","serialNumber":5}`, 400, "malformed_request"},
		{strings.Repeat("[", 8000), 400, "malformed_request"}, {`{"name":` + strings.Repeat("[", 4000) + strings.Repeat("]", 4000) + `}`, 400, "malformed_request"},
		{`{"name":"` + strings.Repeat("x", 20000) + `"}`, 413, "too_large"}, {strings.Repeat(" ", 20000) + `{"name":"x"}`, 413, "too_large"},
	} {
		for method, path := range map[string]string{http.MethodPost: "/devices", http.MethodPatch: "/devices/" + id} {
			if tt.body == `{}` && method == http.MethodPatch {
				continue // changes nothing
			}
			wants(t, method+" "+tt.body[:min(len(tt.body), 40)], s.call(t, token, method, path, tt.body), tt.status, tt.code)
		}
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json/x", "application/problem+json"} {
		wants(t, "as "+kind, s.call(t, token, http.MethodPost, "/devices", `{"name":"x"}`, "Content-Type", kind), http.StatusUnsupportedMediaType, "unsupported_media_type")
	}
	if items, _ := s.all(t, token, "devices", "200"); len(items) != 2 || items[0]["name"] != "Till" {
		t.Errorf("something was written: %v", items)
	}
}

// Requirement: age-http
func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	s := open(t, nil)
	for _, path := range []string{"", "/", "/device", "/devices/", "/devices/x/y", "/verification"} {
		wants(t, path, s.call(t, "", http.MethodGet, path, ""), http.StatusNotFound, "not_found")
	}
	for path, allow := range map[string]string{"/devices": "GET, POST", "/devices/x": "DELETE, GET, PATCH", "/transactions": "GET", "/transactions/x": "GET",
		"/verification/pass": "POST", "/locations/x/close": "POST"} {
		a := s.call(t, "", http.MethodPut, path, `{}`)
		if wants(t, path, a, http.StatusMethodNotAllowed, "method_not_allowed"); a.Header.Get("Allow") != allow {
			t.Errorf("%s allows %q", path, a.Header.Get("Allow"))
		}
	}
}

// Requirement: age-rate-limit
func TestEachClientHasItsOwnQuotaAndIsTold(t *testing.T) {
	s := open(t, func(c *api.Config) { c.Limit = api.Limit{Requests: 3, Window: time.Hour} })
	one, two := s.token(t, s.client, "devices:read"), s.token(t, s.newClient(t), "devices:read")
	for i, want := range []string{"r=2", "r=1", "r=0", ""} {
		a := s.call(t, one, http.MethodGet, "/devices", "")
		if a.Header.Get("RateLimit-Policy") != `"client";q=3;w=3600` {
			t.Errorf("policy %q", a.Header.Get("RateLimit-Policy"))
		}
		if want != "" && (a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("RateLimit"), `"client";`+want+`;t=3`)) {
			t.Errorf("request %d: %d %q", i, a.Status, a.Header.Get("RateLimit"))
		}
		if want != "" {
			continue
		}
		wants(t, "the fourth", a, http.StatusTooManyRequests, "too_many_requests")
		if wait, err := time.ParseDuration(a.Header.Get("Retry-After") + "s"); err != nil || wait < 50*time.Minute || wait > time.Hour {
			t.Errorf("Retry-After %q", a.Header.Get("Retry-After"))
		}
	}
	wants(t, "another token of the same client", s.call(t, s.token(t, s.client, "devices:read"), http.MethodGet, "/devices", ""), http.StatusTooManyRequests, "too_many_requests")
	wants(t, "another client", s.call(t, two, http.MethodGet, "/devices", ""), http.StatusOK, "")
}

// Requirement: age-rate-limit
func TestAQuotaIsWholeAgainAfterItsWindow(t *testing.T) {
	var clock servertest.Clock
	s := open(t, func(c *api.Config) {
		c.Limit = api.Limit{Requests: 1, Window: time.Minute}
		c.Now = clock.Now
	})
	token := s.token(t, s.client, "devices:read")
	for i, status := range []int{http.StatusOK, http.StatusTooManyRequests, http.StatusOK, http.StatusTooManyRequests} {
		if i == 2 {
			clock.Turn(time.Minute)
		}
		if a := s.call(t, token, http.MethodGet, "/devices", ""); a.Status != status {
			t.Errorf("request %d: %d, want %d", i, a.Status, status)
		}
	}
}
