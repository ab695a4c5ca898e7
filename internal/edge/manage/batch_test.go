package manage_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/format/ids"
)

// ten are the jobs of a batch, over and over, and what becomes of each. Each takes
// the id of a person of its own, but the last: it takes that of the first.
var ten = []struct{ rest, outcome string }{
	{`"RETURN"`, "RETURN"}, {`"EMAIL"`, "no_address"}, {`"RETURN","lifetime":3600`, "RETURN"}, {`"PIGEON"`, "delivery_method"},
	{`"RETURN","post_binding_redirect_uri":"/welcome"`, "RETURN"}, {`"RETURN","expire_time":"soon"`, "expire_time"}, {`"RETURN"`, "not_found"},
	{`"RETURN","post_binding_redirect_uri":"https://evil.example/"`, "post_binding_redirect_uri"}, {`"RETURN","recovery":true`, "insufficient_scope"}, {`"RETURN"`, "duplicate"},
}

func TestAThousandJobsOfABatchEachSucceedOrFailByThemselves(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.BindingJobsCreate, manage.BindingJobsRead)
	var entries, want []string
	created := 0.0
	first := ""
	for i := range 1000 {
		of := ten[i%len(ten)]
		id := first
		switch {
		case of.outcome == "not_found":
			id = ids.New("idn")
		case of.outcome != "duplicate":
			id = string(w.person(t, fmt.Sprintf("p%d", i), "").ID)
		}
		if i%len(ten) == 0 {
			first = id
		}
		if of.outcome == "RETURN" {
			created++
		}
		entries, want = append(entries, `{"identity_id":"`+id+`","delivery_method":`+of.rest+`}`), append(want, of.outcome)
	}
	got := w.call(t, token, http.MethodPost, w.base+"/credential-binding-jobs/batch", `{"jobs":[`+strings.Join(entries, ",")+`]}`)
	wants(t, "batch", got, http.StatusOK, "")
	results, _ := got.JSON["results"].([]any)
	codes := string(read(t, w).Components.Schemas["BatchFault"].Properties["code"])
	links := map[any]bool{}
	var outcomes []string
	for _, r := range results {
		one := r.(map[string]any)
		outcomes = append(outcomes, batchOutcome(one))
		if fault, _ := one["error"].(map[string]any); fault != nil && !strings.Contains(codes, `"`+fmt.Sprint(fault["code"])+`"`) {
			t.Errorf("the document does not declare %v", fault)
		}
		if link := one["credential_binding_link"]; link != nil {
			links[link] = true
		}
	}
	if diff := cmp.Diff(want, outcomes); diff != "" || got.JSON["created"] != created || got.JSON["failed"] != 1000-created || len(links) != int(created) {
		t.Errorf("%v created, %v failed, %d links (-want +got):\n%s", got.JSON["created"], got.JSON["failed"], len(links), diff)
	}
	jobs, next := 0, ""
	for range 5 {
		page := w.call(t, token, http.MethodGet, w.base+"/credential-binding-jobs?page_size=200&page_token="+next, "")
		jobs += strings.Count(string(page.Body), `"id":"bnd_`)
		if next = page.Text("next_page_token"); next == "" {
			break
		}
	}
	if jobs != int(created) {
		t.Errorf("%d jobs are there", jobs)
	}
}
