package manage_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/authenticator"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/notify/smtp"
	"github.com/assent-id/assent/internal/service/notify/smtptest"
)

// person is somebody of the default realm without a passkey; with no address where
// that is empty.
func (w *world) person(t *testing.T, name, address string) model.Identity {
	t.Helper()
	i, err := w.Server.Directory.CreateIdentity(t.Context(), w.Site, directory.NewIdentity{
		Traits: model.Traits{Username: name, PrimaryEmailAddress: address}})
	servertest.Check(t, err)
	return i
}

func (w *world) jobsOf(i model.Identity) string {
	return w.base + "/identities/" + string(i.ID) + "/credential-binding-jobs"
}

func job(a servertest.Answer) map[string]any {
	j, _ := a.JSON["credential_binding_job"].(map[string]any)
	return j
}

// Requirement: binding-return
func TestABindingJobIsAnsweredWithItsTimesStateAndLink(t *testing.T) {
	w := start(t)
	ada := w.person(t, "ada", "")
	config, err := w.Server.Authenticators.Create(t.Context(), w.Site, authenticator.Draft{Name: "Shop", Settings: model.AuthenticatorSettings{
		Type: model.AuthenticatorHosted, TrustedOrigins: []string{"https://shop.example"}}})
	servertest.Check(t, err)
	token := w.token(t, manage.BindingJobsCreate, manage.BindingJobsRead, manage.BindingJobsDelete)
	made := w.call(t, token, http.MethodPost, w.jobsOf(ada), fmt.Sprintf(
		`{"job":{"delivery_method":"RETURN","authenticator_config_id":"%s","post_binding_redirect_uri":"https://shop.example/callback","lifetime":3600}}`, config.ID))
	wants(t, "create", made, http.StatusCreated, "")
	got := job(made)
	created, err := time.Parse(time.RFC3339, fmt.Sprint(got["create_time"]))
	servertest.Check(t, err)
	want := map[string]any{"id": got["id"], "realm_id": string(w.Site.Realm.ID), "tenant_id": string(w.Site.Realm.TenantID), "identity_id": string(ada.ID),
		"delivery_method": "RETURN", "state": "LINK_SENT", "post_binding_redirect_uri": "https://shop.example/callback",
		"authenticator_config_id": string(config.ID), "created_by": got["created_by"],
		"expire_time": created.Add(time.Hour).Format("2006-01-02T15:04:05.000Z07:00"), "create_time": got["create_time"], "update_time": got["create_time"]}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("job (-want +got):\n%s", diff)
	}
	link := made.Text("credential_binding_link")
	if !strings.HasPrefix(link, w.URL+"/bind?token=") || !ids.Valid("bnd", fmt.Sprint(got["id"])) || !strings.HasSuffix(made.Header.Get("Location"), w.jobsOf(ada)[len(w.URL):]+"/"+fmt.Sprint(got["id"])) {
		t.Errorf("link %q, location %q", link, made.Header.Get("Location"))
	}
	one := w.jobsOf(ada) + "/" + fmt.Sprint(got["id"])
	read := w.call(t, token, http.MethodGet, one, "")
	if diff := cmp.Diff(want, job(read)); diff != "" || read.Text("credential_binding_link") != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	if page := servertest.Do(t, http.MethodGet, link, nil); page.Status != http.StatusOK {
		t.Errorf("the link opens with %d", page.Status)
	}
	if state := job(w.call(t, token, http.MethodGet, one, ""))["state"]; state != "LINK_OPENED" {
		t.Errorf("opened, it is %v", state)
	}
	wants(t, "revoke", w.call(t, token, http.MethodDelete, one, ""), http.StatusNoContent, "")
	wants(t, "revoke again", w.call(t, token, http.MethodDelete, one, ""), http.StatusConflict, "already_ended")
	if page := servertest.Do(t, http.MethodGet, link, nil); page.Status != http.StatusNotFound {
		t.Errorf("a revoked link opens with %d", page.Status)
	}
	bob := w.person(t, "bob", "")
	wants(t, "of another person", w.call(t, token, http.MethodGet, w.jobsOf(bob)+"/"+fmt.Sprint(got["id"]), ""), http.StatusNotFound, "not_found")
	wants(t, "of nobody", w.call(t, token, http.MethodPost, w.base+"/identities/"+ids.New("idn")+"/credential-binding-jobs", `{"job":{"delivery_method":"RETURN"}}`), http.StatusNotFound, "not_found")
}

func TestAJobThatCannotBeIsRefusedByMember(t *testing.T) {
	w := start(t)
	ada := w.person(t, "ada", "")
	token := w.token(t, manage.BindingJobsCreate)
	soon := time.Now().Add(31 * 24 * time.Hour).UTC().Format(time.RFC3339)
	for body, want := range map[string]string{
		`{"delivery_method":"RETURN","authenticator_config_id":"acf_x"}`:                   "body.job.authenticator_config_id",
		`{"delivery_method":"RETURN","authenticator_config_id":"` + ids.New("acf") + `"}`:  "body.job.authenticator_config_id",
		`{"delivery_method":"RETURN","post_binding_redirect_uri":"https://evil.example/"}`: "body.job.post_binding_redirect_uri",
		`{"delivery_method":"RETURN","lifetime":59}`:                                       "body.job.lifetime",
		`{"delivery_method":"RETURN","expire_time":"` + soon + `"}`:                        "body.job.expire_time",
		`{"delivery_method":"RETURN","expire_time":"2020-01-01T00:00:00Z"}`:                "body.job.expire_time",
		`{"delivery_method":"RETURN","expire_time":"9999-12-31T23:59:59Z"}`:                "body.job.expire_time",
		`{"delivery_method":"RETURN","expire_time":"soon"}`:                                "body.job.expire_time",
		`{"delivery_method":"RETURN","expire_time":"2030-01-01T00:00:00Z","lifetime":600}`: "body.job.lifetime",
		`{"delivery_method":"PIGEON"}`:                                                     "body.job.delivery_method",
		`{"delivery_method":"SELF"}`:                                                       "body.job.delivery_method",
		`{"delivery_method":"RETURN","surprise":true}`:                                     "body.job",
		`{}`: "body.job",
	} {
		a := w.call(t, token, http.MethodPost, w.jobsOf(ada), `{"job":`+body+`}`)
		wants(t, body, a, http.StatusUnprocessableEntity, "invalid_request")
		errs, _ := a.JSON["errors"].([]any)
		if len(errs) != 1 || errs[0].(map[string]any)["location"] != want {
			t.Errorf("%s: errors %v, want %s", body, errs, want)
		}
	}
	wants(t, "no address", w.call(t, token, http.MethodPost, w.jobsOf(ada), `{"job":{"delivery_method":"EMAIL"}}`), http.StatusConflict, "no_address")
	recovery := `{"job":{"delivery_method":"RETURN","recovery":true}}`
	wants(t, "recovery", w.call(t, token, http.MethodPost, w.jobsOf(ada), recovery), http.StatusForbidden, "insufficient_scope")
	able := w.token(t, manage.BindingJobsCreate, manage.RecoveryCreate)
	if a := w.call(t, able, http.MethodPost, w.jobsOf(ada), recovery); a.Status != http.StatusCreated || job(a)["recovery"] != true {
		t.Errorf("recovery: %d %s", a.Status, a.Body)
	}
}

func TestBindingJobsAreListedInPagesAndByState(t *testing.T) {
	w := start(t)
	ada, bob := w.person(t, "ada", ""), w.person(t, "bob", "")
	token := w.token(t, manage.BindingJobsCreate, manage.BindingJobsRead, manage.BindingJobsDelete)
	var made []string
	for i := range 5 {
		who := ada
		if i == 4 {
			who = bob
		}
		a := w.call(t, token, http.MethodPost, w.jobsOf(who), `{"job":{"delivery_method":"RETURN"}}`)
		made = append([]string{fmt.Sprint(job(a)["id"])}, made...)
	}
	wants(t, "revoke", w.call(t, token, http.MethodDelete, w.jobsOf(bob)+"/"+made[0], ""), http.StatusNoContent, "")
	all := func(query string) (list []string) {
		for next := ""; ; {
			a := w.call(t, token, http.MethodGet, w.base+"/credential-binding-jobs?page_size=2&"+query+"&page_token="+next, "")
			jobs, _ := a.JSON["credential_binding_jobs"].([]any)
			for _, j := range jobs {
				list = append(list, fmt.Sprint(j.(map[string]any)["id"]))
			}
			if next = a.Text("next_page_token"); next == "" {
				return list
			}
		}
	}
	for query, want := range map[string][]string{
		"":                              made,
		"state=REVOKED":                 made[:1],
		"state=LINK_SENT":               made[1:],
		"state=COMPLETE":                nil,
		"delivery_method=RETURN":        made,
		"delivery_method=EMAIL":         nil,
		"identity_id=" + string(ada.ID): made[1:],
		"identity_id=idn_%00":           nil,
	} {
		if diff := cmp.Diff(want, all(query)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	mine := w.call(t, token, http.MethodGet, w.jobsOf(bob), "")
	if jobs, _ := mine.JSON["credential_binding_jobs"].([]any); len(jobs) != 1 {
		t.Errorf("bob's: %s", mine.Body)
	}
	wants(t, "an odd page", w.call(t, token, http.MethodGet, w.base+"/credential-binding-jobs?page_token=AA", ""), http.StatusUnprocessableEntity, "invalid_page_token")
}

// Requirement: binding-batch
func TestABatchIsAnsweredJobByJobAndMadeOnceUnderItsKey(t *testing.T) {
	w := start(t)
	ada, mute := w.person(t, "ada", "ada@example.com"), w.person(t, "mute", "")
	token := w.token(t, manage.BindingJobsCreate, manage.BindingJobsRead)
	entry := func(id model.IdentityID, rest string) string {
		return `{"identity_id":"` + string(id) + `","delivery_method":` + rest + `}`
	}
	entries := []string{entry(ada.ID, `"EMAIL"`), entry(mute.ID, `"EMAIL"`), entry(mute.ID, `"RETURN"`), entry(ada.ID, `"RETURN"`), entry("nobody", `"RETURN"`),
		entry(model.IdentityID(ids.New("idn")), `"RETURN"`), entry(ada.ID, `"PIGEON"`), entry(ada.ID, `"RETURN","lifetime":1.5`),
		entry(ada.ID, `"RETURN","expire_time":"soon"`), entry(ada.ID, `"RETURN","recovery":true`), entry(ada.ID, `"RETURN","post_binding_redirect_uri":"//x"`)}
	url, body := w.base+"/credential-binding-jobs/batch", `{"jobs":[`+strings.Join(entries, ",")+`]}`
	first := w.call(t, token, http.MethodPost, url, body, "Idempotency-Key", "k1")
	wants(t, "batch", first, http.StatusOK, "")
	var got []string
	results, _ := first.JSON["results"].([]any)
	for _, r := range results {
		got = append(got, batchOutcome(r.(map[string]any)))
	}
	want := []string{"EMAIL", "no_address", "RETURN", "duplicate", "not_found", "not_found", "delivery_method", "lifetime", "expire_time",
		"insufficient_scope", "duplicate"}
	if diff := cmp.Diff(want, got); diff != "" || first.JSON["created"] != 2.0 || first.JSON["failed"] != 9.0 {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	again := w.call(t, token, http.MethodPost, url, body, "Idempotency-Key", "k1")
	if again.Header.Get("Idempotent-Replayed") != "true" || string(again.Body) != string(first.Body) {
		t.Errorf("again: %s %s", again.Header, again.Body)
	}
	if list := w.call(t, token, http.MethodGet, w.base+"/credential-binding-jobs", ""); strings.Count(string(list.Body), `"bnd_`) != 2 {
		t.Errorf("made: %s", list.Body)
	}
	wants(t, "nothing", w.call(t, token, http.MethodPost, url, `{"jobs":[]}`), http.StatusUnprocessableEntity, "invalid_request")
	wants(t, "too many", w.call(t, token, http.MethodPost, url, `{"jobs":[`+strings.Repeat(entries[0]+",", 1000)+entries[0]+`]}`), http.StatusUnprocessableEntity, "invalid_request")
	wants(t, "too large", w.call(t, token, http.MethodPost, url, `{"jobs":["`+strings.Repeat("x", 4<<20)+`"]}`), http.StatusRequestEntityTooLarge, "body_too_large")
	thousand := w.call(t, token, http.MethodPost, url, `{"jobs":[`+strings.Repeat(entry(mute.ID, `"RETURN","post_binding_redirect_uri":"/`+strings.Repeat("x", 500)+`"`)+",", 999)+entries[0]+`]}`)
	if thousand.Status != http.StatusOK || thousand.JSON["created"] != 2.0 {
		t.Errorf("a thousand: %d, created %v", thousand.Status, thousand.JSON["created"])
	}
}

// batchOutcome is what one result says: how it is delivered, or what is wrong.
func batchOutcome(r map[string]any) string {
	fault, _ := r["error"].(map[string]any)
	if fault == nil {
		return fmt.Sprint(r["credential_binding_job"].(map[string]any)["delivery_method"])
	}
	if errs, _ := fault["errors"].([]any); len(errs) > 0 {
		return fmt.Sprint(errs[0].(map[string]any)["location"])
	}
	return fmt.Sprint(fault["code"])
}

func TestRecoveryCodesAreCountedAndTakenAwayAndNeverShown(t *testing.T) {
	w := start(t)
	ada := w.person(t, "ada", "")
	token, url := w.token(t, manage.RecoveryRead, manage.RecoveryDelete), w.base+"/identities/"+string(ada.ID)+"/recovery-codes"
	codes, err := w.Server.Directory.NewRecoveryCodes(t.Context(), w.Site, ada.ID, string(ada.ID))
	servertest.Check(t, err)
	_, err = w.Server.Directory.Recover(t.Context(), w.Site, directory.RecoveryAnswer{Login: "ada", Code: codes[0]})
	servertest.Check(t, err)
	read := w.call(t, token, http.MethodGet, url, "")
	shown, _ := read.JSON["recovery_codes"].(map[string]any)
	if shown["left"] != 9.0 || shown["total"] != 10.0 || strings.Contains(string(read.Body), codes[1]) {
		t.Errorf("read: %s", read.Body)
	}
	wants(t, "take away", w.call(t, token, http.MethodDelete, url, ""), http.StatusNoContent, "")
	wants(t, "take away again", w.call(t, token, http.MethodDelete, url, ""), http.StatusNotFound, "not_found")
	if _, err := w.Server.Directory.Recover(t.Context(), w.Site, directory.RecoveryAnswer{Login: "ada", Code: codes[1]}); err == nil {
		t.Error("a code that was taken away works")
	}
}

// production is a server for more than development, with or without a mail server.
func production(t *testing.T, mail *smtptest.Server) *world {
	t.Helper()
	ring, err := seal.NewKeyring(seal.GenerateKey())
	servertest.Check(t, err)
	w := servertest.Start(t, func(c *server.Config) {
		c.Keyring, c.Development, c.BehindProxy = ring, false, true
		if mail != nil {
			c.SMTP = smtp.Config{Host: "127.0.0.1", Port: mail.Port, From: "login@acme.example", RootCAs: mail.Roots}
		}
	})
	return &world{World: w, base: baseOf(w.URL, w.Site)}
}

// Requirement: binding-email
func TestALinkGoesByEMailAndAFailureIsSeen(t *testing.T) {
	mail := smtptest.Start(t, nil)
	w := production(t, mail)
	token := w.token(t, manage.BindingJobsCreate, manage.BindingJobsRead)
	ada := w.person(t, "ada", "ada@example.com")
	made := w.call(t, token, http.MethodPost, w.jobsOf(ada), `{"job":{"delivery_method":"EMAIL"}}`)
	wants(t, "create", made, http.StatusCreated, "")
	if made.Text("credential_binding_link") != "" || strings.Contains(string(made.Body), "token=") {
		t.Errorf("the answer holds the link: %s", made.Body)
	}
	eventually(t, func() bool { return len(mail.Taken()) == 1 })
	got := mail.Taken()[0]
	text := strings.ReplaceAll(strings.ReplaceAll(got.Data, "=\r\n", ""), "=3D", "=")
	link := regexp.MustCompile(regexp.QuoteMeta(w.URL) + `/bind\?token=([A-Za-z0-9_-]{43})`).FindStringSubmatch(text)
	if got.To != "ada@example.com" || link == nil {
		t.Fatalf("arrived: %s", text)
	}
	opened, err := w.Server.Directory.OpenLink(t.Context(), w.Site, link[1])
	if err != nil || opened.Identity.ID != ada.ID {
		t.Errorf("the link in the message: %v", err)
	}
	refusing := smtptest.Start(t, func(s *smtptest.Server) { s.Answers["RCPT"] = "550 5.1.1 no such mailbox" })
	w = production(t, refusing)
	token = w.token(t, manage.BindingJobsCreate, manage.BindingJobsRead)
	ada = w.person(t, "ada", "ada@example.com")
	made = w.call(t, token, http.MethodPost, w.jobsOf(ada), `{"job":{"delivery_method":"EMAIL"}}`)
	one := w.jobsOf(ada) + "/" + fmt.Sprint(job(made)["id"])
	eventually(t, func() bool {
		return job(w.call(t, token, http.MethodGet, one, ""))["state"] == "FAILED_TO_SEND"
	})
	if failed := job(w.call(t, token, http.MethodGet, one, "")); !strings.Contains(fmt.Sprint(failed["failure"]), "no such mailbox") {
		t.Errorf("failed: %v", failed)
	}
}

func TestWithoutAMailServerNobodyIsInvitedByEMail(t *testing.T) {
	w := production(t, nil)
	token := w.token(t, manage.BindingJobsCreate)
	ada := w.person(t, "ada", "ada@example.com")
	wants(t, "by e-mail", w.call(t, token, http.MethodPost, w.jobsOf(ada), `{"job":{"delivery_method":"EMAIL"}}`), http.StatusConflict, "no_mail")
	batch := w.call(t, token, http.MethodPost, w.base+"/credential-binding-jobs/batch", `{"jobs":[{"identity_id":"`+string(ada.ID)+`","delivery_method":"EMAIL"}]}`)
	if !strings.Contains(string(batch.Body), `"no_mail"`) {
		t.Errorf("in a batch: %s", batch.Body)
	}
	made := w.call(t, token, http.MethodPost, w.jobsOf(ada), `{"job":{"delivery_method":"RETURN"}}`)
	if u, err := url.Parse(made.Text("credential_binding_link")); err != nil || u.Path != "/bind" {
		t.Errorf("returned: %s", made.Body)
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not so within 20 s")
		}
	}
}

// Requirement: mail-quota
func TestTooManyLinksByEMailHaveToWait(t *testing.T) {
	w := start(t)
	ada, ben := w.person(t, "ada", "ada@example.com"), w.person(t, "ben", "ben@example.com")
	token := w.token(t, manage.BindingJobsCreate)
	for range 10 {
		wants(t, "a link", w.call(t, token, http.MethodPost, w.jobsOf(ada), `{"job":{"delivery_method":"EMAIL"}}`), http.StatusCreated, "")
	}
	over := w.call(t, token, http.MethodPost, w.jobsOf(ada), `{"job":{"delivery_method":"EMAIL"}}`)
	wants(t, "one more", over, http.StatusTooManyRequests, "too_many_mails")
	if wait, err := strconv.Atoi(over.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 360 {
		t.Errorf("Retry-After %q", over.Header.Get("Retry-After"))
	}
	batch := w.call(t, token, http.MethodPost, w.base+"/credential-binding-jobs/batch", fmt.Sprintf(
		`{"jobs":[{"identity_id":"%s","delivery_method":"EMAIL"},{"identity_id":"%s","delivery_method":"EMAIL"}]}`, ada.ID, ben.ID))
	results, _ := batch.JSON["results"].([]any)
	var got []string
	for _, r := range results {
		got = append(got, batchOutcome(r.(map[string]any)))
	}
	if diff := cmp.Diff([]string{"too_many_mails", "EMAIL"}, got); diff != "" {
		t.Errorf("in a batch (-want +got):\n%s", diff)
	}
}
