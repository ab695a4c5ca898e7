package manage_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/audit"
)

var peopleScopes = []manage.Scope{manage.IdentitiesCreate, manage.IdentitiesRead, manage.IdentitiesUpdate, manage.IdentitiesDelete}

// member walks into an answer: "identity.traits.username".
func member(a servertest.Answer, path string) any {
	var at any = a.JSON
	for name := range strings.SplitSeq(path, ".") {
		of, _ := at.(map[string]any)
		at = of[name]
	}
	return at
}

// field is where the first part is that a refusal names.
func field(a servertest.Answer) string {
	list, _ := a.JSON["errors"].([]any)
	if len(list) == 0 {
		return ""
	}
	of, _ := list[0].(map[string]any)
	return fmt.Sprint(of["location"])
}

// newIdentity creates somebody by API.
func (w *world) newIdentity(t *testing.T, token, username, more string) string {
	t.Helper()
	got := w.call(t, token, http.MethodPost, w.base+"/identities", `{"identity":{"traits":{"type":"traits_v0","username":"`+username+`"`+more+`}}}`)
	if got.Status != http.StatusCreated {
		t.Fatalf("create %s: %d %s", username, got.Status, got.Body)
	}
	return member(got, "identity.id").(string)
}

// Requirement: people-create
func TestAPersonIsCreatedWithTheirTraits(t *testing.T) {
	w := start(t)
	token := w.token(t, peopleScopes...)
	const body = `{"identity":{"display_name":"Alice Johnson","traits": {"type": "traits_v0","username": "alice",
"primary_email_address":"alice@example.com"}}}`
	made := w.call(t, token, http.MethodPost, w.base+"/identities", body)
	wants(t, "create", made, http.StatusCreated, "")
	id, _ := member(made, "identity.id").(string)
	if where := made.Header.Get("Location"); !strings.HasSuffix(w.base, where[:strings.Index(where, "/identities")]) || !strings.HasSuffix(where, "/identities/"+id) {
		t.Errorf("Location is %q", where)
	}
	read := w.call(t, token, http.MethodGet, w.base+"/identities/"+id, "")
	wants(t, "read", read, http.StatusOK, "")
	if string(read.Body) != string(made.Body) || read.Header.Get("ETag") != `"1"` || made.Header.Get("ETag") != `"1"` {
		t.Errorf("got %s %s, want what was created: %s", read.Header.Get("ETag"), read.Body, made.Body)
	}
	for path, want := range map[string]any{"identity.tenant_id": string(w.Site.Realm.TenantID), "identity.realm_id": string(w.Site.Realm.ID),
		"identity.display_name": "Alice Johnson", "identity.status": "active", "identity.traits.type": "traits_v0", "identity.traits.username": "alice",
		"identity.traits.primary_email_address": "alice@example.com", "identity.admin": false, "identity.version": 1.0} {
		if got := member(read, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	again := w.call(t, token, http.MethodPost, w.base+"/identities", strings.Replace(body, `"username": "alice"`, `"username": "ALICE"`, 1))
	wants(t, "the same username", again, http.StatusConflict, "username_taken")
}

// Requirement: people-validate
func TestAPersonThatCannotBeIsRefusedAtTheMemberThatIsWrong(t *testing.T) {
	w := start(t)
	token := w.token(t, peopleScopes...)
	id := w.newIdentity(t, token, "bob", "")
	traits := func(more string) string {
		return `{"identity":{"traits":{"type":"traits_v0","username":"carol"` + more + `}}}`
	}
	for _, tt := range []struct{ name, body, at string }{
		{"no e-mail address", traits(`,"primary_email_address":"carol"`), "body.identity.traits.primary_email_address"},
		{"a picture that is a program", traits(`,"picture":"javascript:alert(1)"`), "body.identity.traits.picture"},
		{"a name that cannot be seen", traits(`,"nickname":"a\u202eb"`), "body.identity.traits.nickname"},
		{"another shape", `{"identity":{"traits":{"type":"traits_v9","username":"carol"}}}`, "body.identity.traits.type"},
		{"no username", `{"identity":{"traits":{"type":"traits_v0"}}}`, "body.identity.traits"},
		{"an odd display name", `{"identity":{"display_name":" x","traits":{"type":"traits_v0","username":"carol"}}}`, "body.identity.display_name"},
		{"a status that is none", `{"identity":{"status":"gone","traits":{"type":"traits_v0","username":"carol"}}}`, "body.identity.status"},
		{"a member that means nothing", `{"identity":{"admin":true,"traits":{"type":"traits_v0","username":"carol"}}}`, "body.identity"},
		{"no wrapper", `{"display_name":"x"}`, "body"},
	} {
		got := w.call(t, token, http.MethodPost, w.base+"/identities", tt.body)
		wants(t, tt.name, got, http.StatusUnprocessableEntity, "invalid_request")
		if at := field(got); at != tt.at {
			t.Errorf("%s: refused at %q, want %q: %s", tt.name, at, tt.at, got.Body)
		}
	}
	got := w.call(t, token, http.MethodPatch, w.base+"/identities/"+id, `{"identity":{"traits":{"website":"ftp://x.example"}}}`)
	wants(t, "change", got, http.StatusUnprocessableEntity, "invalid_request")
	if at := field(got); at != "body.identity.traits.website" {
		t.Errorf("change: refused at %q", at)
	}
}

// Requirement: people-list, people-scim
func TestPeopleAreFoundByEachFilterAndPagesStayInPlace(t *testing.T) {
	w := start(t)
	token := w.token(t, append(peopleScopes, manage.GroupsCreate, manage.GroupsUpdate)...)
	list := func(query string) (names []string, next string) {
		t.Helper()
		got := w.call(t, token, http.MethodGet, w.base+"/identities?"+query, "")
		wants(t, query, got, http.StatusOK, "")
		all, _ := got.JSON["identities"].([]any)
		for _, one := range all {
			traits, _ := one.(map[string]any)["traits"].(map[string]any)
			names = append(names, traits["username"].(string))
		}
		return names, got.Text("next_page_token")
	}
	for i := range 5 {
		w.newIdentity(t, token, fmt.Sprint("p", i), "")
	}
	first, next := list("page_size=2")
	w.newIdentity(t, token, "late", `,"external_id":"hr-1","primary_email_address":"Late@example.com"`)
	second, after := list("page_size=2&page_token=" + next)
	third, end := list("page_size=200&page_token=" + after)
	if all := slices.Concat(first, second, third); !slices.Equal(all, []string{"p0", "p1", "p2", "p3", "p4", "late"}) || end != "" {
		t.Errorf("pages hold %v and end with %q", all, end)
	}
	suspended := w.newIdentity(t, token, "stopped", "")
	wants(t, "suspend", w.call(t, token, http.MethodPatch, w.base+"/identities/"+suspended, `{"identity":{"status":"suspended","display_name":"Påls vän"}}`), http.StatusOK, "")
	group := member(w.call(t, token, http.MethodPost, w.base+"/groups", `{"group":{"name":"Staff"}}`), "group.id").(string)
	wants(t, "join", w.call(t, token, http.MethodPut, w.base+"/groups/"+group+"/members/"+suspended, ""), http.StatusNoContent, "")
	for query, want := range map[string]string{
		"username=LATE": "late", "email=late%40EXAMPLE.com": "late", "external_id=hr-1": "late", "external_id=HR-1": "", "status=suspended": "stopped",
		"display_name=" + url.QueryEscape("PÅL"): "stopped", "display_name=lat": "late", "group_id=" + group: "stopped",
		"group_id=" + group + "&status=active": "", "username=late&email=other%40example.com": "",
	} {
		if names, _ := list(query); strings.Join(names, " ") != want {
			t.Errorf("%s found %v, want %q", query, names, want)
		}
	}
	wants(t, "a token of nobody", w.call(t, token, http.MethodGet, w.base+"/identities?page_token=c2hvcA", ""), http.StatusUnprocessableEntity, "invalid_page_token")
	wants(t, "too large a page", w.call(t, token, http.MethodGet, w.base+"/identities?page_size=201", ""), http.StatusUnprocessableEntity, "invalid_request")
}

// Requirement: people-update
func TestAChangeOfAPersonMergesAndNeedsTheVersionThatWasRead(t *testing.T) {
	w := start(t)
	token := w.token(t, peopleScopes...)
	w.newIdentity(t, token, "taken", "")
	one := w.base + "/identities/" + w.newIdentity(t, token, "bob",
		`,"primary_email_address":"bob@example.com","primary_email_verified":true,"primary_phone":"+15555550100","primary_phone_verified":true,"given_name":"Bob"`)
	change := func(body string, headers ...string) servertest.Answer {
		t.Helper()
		return w.call(t, token, http.MethodPatch, one, `{"identity":`+body+`}`, headers...)
	}
	got := change(`{"display_name":"Bob B","traits":{"family_name":"B","given_name":null}}`, "If-Match", `"1"`)
	wants(t, "change", got, http.StatusOK, "")
	if member(got, "identity.traits.given_name") != nil || member(got, "identity.traits.family_name") != "B" || member(got, "identity.traits.primary_email_verified") != true ||
		got.Header.Get("ETag") != `"2"` {
		t.Errorf("got %s %s", got.Header.Get("ETag"), got.Body)
	}
	wants(t, "a version that is past", change(`{"display_name":"Other"}`, "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	wants(t, "a version of others", change(`{"display_name":"Other"}`, "If-Match", `"x"`), http.StatusPreconditionFailed, "changed")
	wants(t, "a username that is taken", change(`{"traits":{"username":"Taken"}}`), http.StatusConflict, "username_taken")
	wants(t, "a member that means nothing", change(`{"admin":true}`), http.StatusUnprocessableEntity, "invalid_request")
	same := change(`{"display_name":"Bob B"}`)
	if wants(t, "nothing new", same, http.StatusOK, ""); same.Header.Get("ETag") != `"2"` {
		t.Errorf("nothing new has the version %s", same.Header.Get("ETag"))
	}
	// Nobody has seen yet that the new address is the person's, unless the change says so.
	got = change(`{"traits":{"primary_email_address":"b@example.com","primary_phone":"+15555550101","primary_phone_verified":true}}`)
	if wants(t, "another address", got, http.StatusOK, ""); member(got, "identity.traits.primary_email_verified") != nil || member(got, "identity.traits.primary_phone_verified") != true {
		t.Errorf("got %s", got.Body)
	}
	// A display name that is taken away is the username again.
	if got = change(`{"display_name":null}`); member(got, "identity.display_name") != "bob" {
		t.Errorf("got %s", got.Body)
	}
	wants(t, "delete what was changed", w.call(t, token, http.MethodDelete, one, "", "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	events := []string{}
	list, err := w.Server.Audit.List(t.Context(), w.Site, audit.Query{Target: one[strings.LastIndex(one, "/")+1:], Limit: 50})
	servertest.Check(t, err)
	for _, e := range list.Events {
		events = append(events, e.Type)
		if strings.Contains(string(e.Data), "example.com") {
			t.Errorf("the audit trail holds an address: %s", e.Data)
		}
	}
	if want := []string{"identity.updated", "identity.updated", "identity.updated", "identity.created"}; !slices.Equal(events, want) {
		t.Errorf("audited %v, want %v", events, want)
	}
}

// Requirement: people-suspend
func TestSuspendingAPersonByAPIEndsSessionsAndTokensForGood(t *testing.T) {
	w := start(t)
	token := w.token(t, peopleScopes...)
	f := w.Flow(t, application.NewApplication{})
	tokens := f.Tokens(t, "scope", "openid offline_access")
	one := w.base + "/identities/" + string(f.Identity.ID)
	for _, status := range []model.IdentityStatus{model.IdentitySuspended, model.IdentityActive} {
		wants(t, string(status), w.call(t, token, http.MethodPatch, one, `{"identity":{"status":"`+string(status)+`"}}`), http.StatusOK, "")
		if got := f.Refresh(t, tokens.Text("refresh_token")); got.Text("error") != "invalid_grant" {
			t.Errorf("%s: refresh: %d %s", status, got.Status, got.Body)
		}
		if got := w.Get(t, "/userinfo", "Authorization", "Bearer "+tokens.Text("access_token")); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: userinfo: %d %s", status, got.Status, got.Body)
		}
	}
	f.Code(t) // the person may sign in again
}
