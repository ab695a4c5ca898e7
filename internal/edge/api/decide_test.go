package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/evidence"
)

// answer is the body of a good answer to an approval.
func (w *world) answer(t *testing.T, id, answer string) softperson.Answer {
	t.Helper()
	raw, err := w.alex.Statement(t.Context(), id)
	servertest.Check(t, err)
	done, err := softperson.NewDecision(raw, answer)
	servertest.Check(t, err)
	signed, err := w.alex.Sign(done.Decision)
	servertest.Check(t, err)
	return signed
}

func (w *world) send(t *testing.T, id, body string, headers ...string) servertest.Answer {
	t.Helper()
	return servertest.Do(t, http.MethodPost, w.URL+at(id)+"/decision", strings.NewReader(body),
		append([]string{"Content-Type", "application/json", "Cookie", cookie(t, w.alex)}, headers...)...)
}

func (w *world) state(t *testing.T, id string) string {
	t.Helper()
	return w.Get(t, at(id), "Cookie", cookie(t, w.alex)).Text("state")
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	servertest.Check(t, err)
	return string(raw)
}

func TestADecisionAnswersWithWhereItsEvidenceIs(t *testing.T) {
	w := newWorld(t)
	keys := w.Get(t, "/v1/evidence/keys").Body
	for answer, outcome := range map[string]string{evidence.Approve: "approved", evidence.Deny: "denied"} {
		id := w.ask(t).Text("approval_id")
		body := w.answer(t, id, answer)
		if answer == evidence.Deny {
			body.Assertion = json.RawMessage("null") // saying no must be easy
		}
		got := w.send(t, id, jsonOf(t, body))
		if got.Status != 200 || got.Text("state") != outcome || got.Text("id") != id {
			t.Fatalf("%s: %d %s", answer, got.Status, got.Body)
		}
		doc := servertest.Do(t, http.MethodGet, got.Text("evidence_url"), nil, "Cookie", cookie(t, w.alex))
		if v, err := evidence.Verify(doc.Body, keys, evidence.Options{Issuer: w.URL}); err != nil || v.Outcome != outcome {
			t.Errorf("%s: evidence: %v, %s", answer, err, doc.Body)
		}
		if d := doc.Header.Get("Content-Disposition"); !strings.Contains(d, id+".evidence.json") {
			t.Errorf("Content-Disposition = %q", d)
		}
		again := w.send(t, id, jsonOf(t, body))
		if again.Status != 409 || problem(t, again) != "already_ended" || again.Text("state") != outcome {
			t.Errorf("%s again: %d %s", answer, again.Status, again.Body)
		}
	}
}

func TestRefusedDecisionsSayWhatIsWrongAndNotWhatWasSent(t *testing.T) {
	w := newWorld(t)
	const canary = "canary-7f3a"
	a := w.ask(t)
	id := a.Text("approval_id")
	good := w.answer(t, id, evidence.Approve)
	swap := func(old, with string) string {
		body := jsonOf(t, good)
		if !strings.Contains(body, old) {
			t.Fatalf("%s is not in %s", old, body)
		}
		return strings.Replace(body, old, with, 1)
	}
	tests := []struct {
		name, body string
		headers    []string
		status     int
		code       string
	}{
		{"no JSON", canary, nil, 400, "malformed_body"},
		{"nothing", "", nil, 400, "malformed_body"},
		{"a list", `["` + canary + `"]`, nil, 400, "malformed_body"},
		{"an unknown member", swap(`{"decision"`, `{"`+canary+`":1,"decision"`), nil, 400, "malformed_body"},
		{"more behind", jsonOf(t, good) + canary, nil, 400, "malformed_body"},
		{"another type", jsonOf(t, good), []string{"Content-Type", "text/plain; x=" + canary}, 415, "unsupported_media_type"},
		{"a form", "decision=" + canary, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"},
		{"far too much", swap(`"decision"`, `"decision":"`+strings.Repeat(canary, 20_000)+`","x"`), nil, 413, "body_too_large"},
		{"no decision", `{}`, nil, 422, "decision_invalid"},
		{"null", `{"decision":null}`, nil, 422, "decision_invalid"},
		{"another answer", swap(`"approve"`, `"`+canary+`"`), nil, 422, "decision_invalid"},
		{"an unknown member inside", swap(`"answer"`, `"`+canary+`":1,"answer"`), nil, 422, "decision_invalid"},
		{"a scope of one's own", swap(`"binding_message"`, `"scope":"`+canary+`","binding_message"`), nil, 422, "decision_invalid"},
		{"a resource of one's own", swap(`"binding_message"`, `"resource":["https://`+canary+`"],"binding_message"`), nil, 422, "decision_invalid"},
		{"no passkey", fmt.Sprintf(`{"decision":%s}`, good.Decision), nil, 422, "passkey_invalid"},
		{"garbage for a passkey", fmt.Sprintf(`{"decision":%s,"assertion":{"id":"%s"}}`, good.Decision, canary), nil, 422, "passkey_invalid"},
		{"another site's request", jsonOf(t, good), []string{"Sec-Fetch-Site", "cross-site"}, 403, "cross_origin"},
		{"another site of the same domain", jsonOf(t, good), []string{"Sec-Fetch-Site", "same-site"}, 403, "cross_origin"},
		{"another origin", jsonOf(t, good), []string{"Origin", "https://" + canary + ".example"}, 403, "cross_origin"},
		{"no origin", jsonOf(t, good), []string{"Origin", "null"}, 403, "cross_origin"},
		{"signed out", jsonOf(t, good), []string{"Cookie", "assent=" + canary}, 401, "signed_out"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := w.send(t, id, tt.body, tt.headers...)
			if c := problem(t, got); got.Status != tt.status || c != tt.code {
				t.Errorf("got %d %s", got.Status, got.Body)
			}
			if strings.Contains(string(got.Body), canary) {
				t.Errorf("the refusal echoes what was sent: %s", got.Body)
			}
			if s := w.state(t, id); s != "pending" {
				t.Errorf("the approval is %s", s)
			}
		})
	}
	if got := w.send(t, id, jsonOf(t, good), "Sec-Fetch-Site", "same-origin", "Origin", w.URL); got.Status != 200 {
		t.Errorf("from our own page: %d %s", got.Status, got.Body)
	}
}

func TestADecisionThatComesTooLateIsGone(t *testing.T) {
	w := newWorld(t)
	id := w.ask(t, "requested_expiry", "1").Text("approval_id")
	late := w.answer(t, id, evidence.Approve)
	for w.state(t, id) == "pending" { // at most a second
		continue
	}
	got := w.send(t, id, jsonOf(t, late))
	if got.Status != 410 || problem(t, got) != "expired" || got.Text("state") != "expired" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

func TestADecisionOnAWithdrawnRequestSaysSo(t *testing.T) {
	w := newWorld(t)
	a := w.ask(t)
	answer := w.answer(t, a.Text("approval_id"), evidence.Approve)
	w.Post(t, "/oauth/revoke", w.app.Form("token", a.Text("auth_req_id")))
	got := w.send(t, a.Text("approval_id"), jsonOf(t, answer))
	if got.Status != 409 || problem(t, got) != "already_ended" || got.Text("state") != "withdrawn" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}

// Pages of a list neither repeat nor lose anything when the list grows.
func TestListsArePagedNewestFirst(t *testing.T) {
	w := newWorld(t)
	var want []string
	for i := range 7 {
		app := w.App(t, application.NewApplication{Name: fmt.Sprint("App ", i)})
		want = append([]string{w.askAs(t, app).Text("approval_id")}, want...)
	}
	read := func(state string, grow bool) []string {
		var got []string
		token := ""
		for range 10 {
			page := w.Get(t, "/v1/approvals?page_size=3&state="+state+"&page_token="+token, "Cookie", cookie(t, w.alex))
			rows, _ := page.JSON["approvals"].([]any)
			for _, r := range rows {
				row, _ := r.(map[string]any)
				got = append(got, row["id"].(string))
				if row["title"] != "Deploy" || row["client_name"] == "" || row["comparison"] == "" || row["first_time"] != true {
					t.Errorf("row = %v", row)
				}
			}
			if token = page.Text("next_page_token"); token == "" {
				return got
			}
			if grow {
				w.ask(t)
				grow = false
			}
		}
		t.Error("the list does not end")
		return got
	}
	if got := read("pending", true); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for _, id := range want[1:6] {
		_, err := w.alex.Decide(t.Context(), id, evidence.Deny)
		servertest.Check(t, err)
	}
	if got := read("ended", false); strings.Join(got, " ") != strings.Join(want[1:6], " ") {
		t.Errorf("ended: got  %v\nwant %v", got, want[1:6])
	}
	for query, code := range map[string]string{"state=old": "invalid_parameter", "page_size=0": "invalid_parameter", "page_size=201": "invalid_parameter",
		"page_size=x": "invalid_parameter", "page_token=x": "invalid_parameter", "page_size=200": "", "state=": ""} {
		if got := problem(t, w.Get(t, "/v1/approvals?"+query, "Cookie", cookie(t, w.alex))); got != code {
			t.Errorf("%s: %q, want %q", query, got, code)
		}
	}
}
