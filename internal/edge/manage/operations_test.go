package manage_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/sdk/evidence"
)

// states are the keys of an algorithm by their state.
func states(a servertest.Answer, alg string) map[string]string {
	found := map[string]string{}
	list, _ := a.JSON["signing_keys"].([]any)
	for _, one := range list {
		if k, _ := one.(map[string]any); k["alg"] == alg {
			found[k["state"].(string)] = k["kid"].(string)
		}
	}
	return found
}

// Requirement: keys-rotate-now
func TestSigningKeysAreRotatedAtOnceAndTheOldStayPublished(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.SigningKeysRead, manage.SigningKeysUpdate)
	before := states(w.call(t, token, http.MethodGet, w.base+"/signing-keys", ""), "ES256")
	got := w.call(t, token, http.MethodPost, w.base+"/signing-keys/rotate", `{"algorithms":["ES256"]}`)
	wants(t, "rotate", got, http.StatusOK, "")
	after := states(got, "ES256")
	if before["active"] == "" || after["retired"] != before["active"] || after["active"] == before["active"] {
		t.Errorf("before %v, after %v", before, after)
	}
	if strings.Contains(string(got.Body), `"d":`) || states(got, "EdDSA")["retired"] != "" {
		t.Errorf("answer %s", got.Body)
	}
	jwks := string(w.Get(t, "/oauth/jwks").Body)
	if !strings.Contains(jwks, after["active"]) || !strings.Contains(jwks, after["retired"]) {
		t.Errorf("the JWKS lacks a key: %s", jwks)
	}
	events, err := w.Server.Audit.Page(t.Context(), w.Site, "", 100)
	servertest.Check(t, err)
	if i := slices.IndexFunc(events, func(e model.Event) bool { return e.Type == "signing_key.activated" }); i < 0 || !strings.HasPrefix(events[i].Actor, "svc_") {
		t.Errorf("the trail does not name the application that asked: %+v", events)
	}
	// The token, signed by the key before, is good; without a body all keys turn.
	wants(t, "rotate all", w.call(t, token, http.MethodPost, w.base+"/signing-keys/rotate", ""), http.StatusOK, "")
	wants(t, "no algorithm", w.call(t, token, http.MethodPost, w.base+"/signing-keys/rotate", `{"algorithms":["none"]}`), http.StatusUnprocessableEntity, "invalid_request")
}

func TestThePolicyIsReadAndChangedMemberByMember(t *testing.T) {
	w := start(t)
	token, url := w.token(t, manage.RealmsRead, manage.RealmsUpdate), w.base+"/policy"
	read := w.call(t, token, http.MethodGet, url, "")
	tag := read.Header.Get("ETag")
	if read.Status != http.StatusOK || inside(read, "policy")["passwords"] != true || tag == "" {
		t.Fatalf("policy: %d %s, ETag %s", read.Status, read.Body, tag)
	}
	patch := `{"policy":{"registration":{"mode":"token"},"resources":[{"resource":"https://api.example/","scopes":["read"]}],"authorization_details_types":{"pay":{"type":"object"}}}}`
	changed := w.call(t, token, http.MethodPatch, url, patch, "If-Match", tag)
	if changed.Status != http.StatusOK || inside(changed, "policy")["passwords"] != true || changed.Header.Get("ETag") == tag {
		t.Fatalf("patch: %d %s", changed.Status, changed.Body)
	}
	wants(t, "an old version", w.call(t, token, http.MethodPatch, url, `{"policy":{"passwords":false}}`, "If-Match", tag), http.StatusPreconditionFailed, "changed")
	wants(t, "no version", w.call(t, token, http.MethodPatch, url, `{"policy":{"passwords":false}}`, "If-Match", "x"), http.StatusPreconditionFailed, "changed")
	shorter := w.call(t, token, http.MethodPatch, url, `{"policy":{"resources":[{"resource":"https://b.example/"}],"authorization_details_types":null}}`)
	list, _ := inside(shorter, "policy")["resources"].([]any)
	if len(list) != 1 || strings.Contains(string(shorter.Body), "read") || strings.Contains(string(shorter.Body), "pay") {
		t.Errorf("a list is not replaced as a whole, or a member is not taken away: %s", shorter.Body)
	}
	site, err := w.Server.Realms.ByID(t.Context(), w.Site.Realm.ID)
	servertest.Check(t, err)
	if p := site.Realm.Policy; p.Registration.Mode != model.RegistrationToken || p.Resources[0].Resource != "https://b.example/" {
		t.Errorf("the server works with %+v", p)
	}
	for body, code := range map[string]string{
		`{"pasword":true}`: "invalid_request", `{"Passwords":true}`: "invalid_request", `{"registration":{"mode":"sometimes"}}`: "invalid_request",
		`{"resources":[{"resource":"no URI"}]}`: "invalid_policy", `{"trusted_issuers":[{"issuer":"https://i.example"}]}`: "invalid_policy",
		`{"trusted_issuers":[{"issuer":"https://i.example","jwks":{"keys":7}}]}`: "invalid_policy", `{"host":"id.other.example"}`: "invalid_policy",
		`{"authorization_details_types":{"x":7}}`: "invalid_policy",
	} {
		wants(t, body, w.call(t, token, http.MethodPatch, url, `{"policy":`+body+`}`), http.StatusUnprocessableEntity, code)
	}
}

// Else whoever may write policies could have the server say yes for people.
func TestARealmDoesNotBecomeOneForDevelopment(t *testing.T) {
	w := start(t)
	strict, token := w.other(t), w.token(t, manage.RealmsUpdate)
	url := baseOf(w.URL, strict) + "/policy"
	wants(t, "development", w.call(t, token, http.MethodPatch, url, `{"policy":{"development":true}}`), http.StatusConflict, "development_is_settled")
	wants(t, "as it is", w.call(t, token, http.MethodPatch, url, `{"policy":{"development":false,"ask_anyone":true}}`), http.StatusOK, "")
}

const shop = `{"application":{"display_name":"Shop","kind":"web","profile":"oidc","token_endpoint_auth_method":"client_secret_post","grant_types":["client_credentials"],` +
	`"redirect_uris":["https://shop.example/cb"],"scopes":["read"]}}`

// with is shop with one more member.
func with(member string) string {
	return strings.Replace(shop, `"display_name"`, member+`,"display_name"`, 1)
}

// Requirement: hooks-static-applications
func TestAnApplicationIsWhatWasPutAndPuttingItAgainChangesNothing(t *testing.T) {
	w := start(t)
	token, url := w.token(t, manage.ApplicationsRead, manage.ApplicationsCreate, manage.ApplicationsUpdate, manage.ApplicationsDelete), w.base+"/applications/shop"
	wants(t, "before", w.call(t, token, http.MethodGet, url, ""), http.StatusNotFound, "not_found")
	first := w.call(t, token, http.MethodPut, url, shop)
	secret := first.Text("client_secret")
	if first.Status != http.StatusOK || inside(first, "application")["client_id"] != "shop" || inside(first, "application")["origin"] != "api" || len(secret) < 32 {
		t.Fatalf("put: %d %s", first.Status, first.Body)
	}
	again := w.call(t, token, http.MethodPut, url, shop)
	if inside(again, "application")["version"] != inside(first, "application")["version"] || again.Text("client_secret") != "" {
		t.Errorf("put again: %s", again.Body)
	}
	form := servertest.App{ID: "shop", Secret: secret}.Form("grant_type", "client_credentials", "scope", "read")
	wants(t, "its token", w.Post(t, "/oauth/token", form), http.StatusOK, "")
	renamed := w.call(t, token, http.MethodPut, url, strings.Replace(shop, "Shop", "Other shop", 1), "If-Match", again.Header.Get("ETag"))
	if inside(renamed, "application")["display_name"] != "Other shop" || renamed.Header.Get("ETag") == again.Header.Get("ETag") {
		t.Errorf("renamed: %s", renamed.Body)
	}
	wants(t, "an old version", w.call(t, token, http.MethodPut, url, shop, "If-Match", again.Header.Get("ETag")), http.StatusPreconditionFailed, "changed")
	wants(t, "none yet", w.call(t, token, http.MethodPut, w.base+"/applications/new", shop, "If-Match", `"1"`), http.StatusPreconditionFailed, "changed")
	if shown := string(w.call(t, token, http.MethodGet, url, "").Body); strings.Contains(shown, secret) || strings.Contains(shown, "digest") {
		t.Errorf("shown: %s", shown)
	}
	own := w.call(t, token, http.MethodPut, url, with(`"client_secret":"0123456789abcdef0123456789abcdef"`))
	form.Set("client_secret", "0123456789abcdef0123456789abcdef")
	wants(t, "a secret of one's own", own, http.StatusOK, "")
	wants(t, "a token with it", w.Post(t, "/oauth/token", form), http.StatusOK, "")
	wants(t, "delete", w.call(t, token, http.MethodDelete, url, ""), http.StatusNoContent, "")
	wants(t, "delete again", w.call(t, token, http.MethodDelete, url, ""), http.StatusNotFound, "not_found")
	if gone := w.Post(t, "/oauth/token", form); gone.Status != http.StatusUnauthorized {
		t.Errorf("deleted, and yet %d", gone.Status)
	}
}

func TestApplicationsThatAreKeptElsewhereAreLeftAlone(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.ApplicationsRead, manage.ApplicationsCreate, manage.ApplicationsUpdate, manage.ApplicationsDelete)
	_, err := w.Server.Applications.Apply(t.Context(), w.Site, []application.Static{{ID: "worker", Name: "Worker", Kind: model.KindService,
		Settings: model.ApplicationSettings{AuthMethod: model.AuthClientSecretPost, GrantTypes: []string{"client_credentials"}, Scopes: []string{"a"}}}})
	servertest.Check(t, err)
	url := w.base + "/applications/worker"
	wants(t, "put", w.call(t, token, http.MethodPut, url, shop), http.StatusConflict, "kept_elsewhere")
	wants(t, "delete", w.call(t, token, http.MethodDelete, url, ""), http.StatusConflict, "kept_elsewhere")
	for body, code := range map[string]string{
		with(`"management":true`): "invalid_request",
		with(`"origin":""`):       "invalid_request",
		with(`"Management":true`): "invalid_request",
		strings.Replace(shop, "https://shop.example/cb", "https://x/#f", 1): "invalid_application",
		strings.Replace(shop, `"web"`, `"agent"`, 1):                        "invalid_application",
		with(`"owner":"idn_01kagxw5z0e9y8mpp6wknfsb2r"`):                    "invalid_application",
	} {
		wants(t, body, w.call(t, token, http.MethodPut, w.base+"/applications/x", body), http.StatusUnprocessableEntity, code)
	}
	wants(t, "a bad id", w.call(t, token, http.MethodPut, w.base+"/applications/app_X", shop), http.StatusUnprocessableEntity, "invalid_application")
	first := w.call(t, token, http.MethodGet, w.base+"/applications?page_size=1", "")
	second := w.call(t, token, http.MethodGet, w.base+"/applications?page_size=200&page_token="+first.Text("next_page_token"), "")
	one, _ := first.JSON["applications"].([]any)
	rest, _ := second.JSON["applications"].([]any)
	if len(one) != 1 || len(rest) != 3 || second.Text("next_page_token") != "" {
		t.Errorf("pages: %s and %s", first.Body, second.Body)
	}
}

func TestPasswordsAreSetAndTakenAway(t *testing.T) {
	w := start(t)
	_, who := w.Person(t, "ada")
	token, url := w.token(t, manage.PasswordsUpdate, manage.PasswordsDelete, manage.PasskeysCreate), w.base+"/identities/"+string(who.ID)+"/password"
	signIn := func(text string) error {
		site, err := w.Server.Realms.ByID(t.Context(), w.Site.Realm.ID)
		servertest.Check(t, err)
		_, err = w.Server.SignIn.SignInWithPassword(t.Context(), site, signin.PasswordAnswer{Login: "ada", Password: text})
		return err
	}
	set := w.call(t, token, http.MethodPut, url, `{"password":{"value":"seven brown kettles"}}`)
	if set.Status != http.StatusOK || strings.Contains(string(set.Body), "kettles") || signIn("seven brown kettles") != nil {
		t.Errorf("set: %d %s", set.Status, set.Body)
	}
	made := w.call(t, token, http.MethodPut, url, "")
	if made.Status != http.StatusOK || signIn(inside(made, "password")["value"].(string)) != nil || signIn("seven brown kettles") == nil {
		t.Errorf("made: %d %s", made.Status, made.Body)
	}
	wants(t, "too short", w.call(t, token, http.MethodPut, url, `{"password":{"value":"short"}}`), http.StatusUnprocessableEntity, "invalid_request")
	wants(t, "too easy", w.call(t, token, http.MethodPut, url, `{"password":{"value":"passwordpassword"}}`), http.StatusUnprocessableEntity, "weak_password")
	wants(t, "remove", w.call(t, token, http.MethodDelete, url, ""), http.StatusNoContent, "")
	wants(t, "remove again", w.call(t, token, http.MethodDelete, url, ""), http.StatusNotFound, "not_found")
}

// ask lets an application ask a person, and answers the approval's id.
func (w *world) ask(t *testing.T, login, message string) (app servertest.App, request, id string) {
	t.Helper()
	app = w.App(t, application.NewApplication{Scopes: []string{"openid"}})
	asked := w.Post(t, "/oauth/bc-authorize", app.Form("scope", "openid", "login_hint", login, "binding_message", message))
	wants(t, "ask", asked, http.StatusOK, "")
	return app, asked.Text("auth_req_id"), asked.Text("approval_id")
}

// Requirement: hooks-software-answer
func TestAnApprovalIsAnsweredWithASoftwarePasskeyInADevelopmentRealm(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.PasswordsUpdate, manage.PasswordsDelete, manage.PasskeysCreate, manage.ApprovalsUpdate)
	_, err := w.Server.Directory.CreateIdentity(t.Context(), w.Site, directory.NewIdentity{Traits: model.Traits{Username: "bob"}})
	servertest.Check(t, err)
	bob, err := w.Server.Directory.Find(t.Context(), w.Site, "bob")
	servertest.Check(t, err)
	app, request, id := w.ask(t, "bob", "Deploy v2")
	if id == "" {
		t.Fatal("bc-authorize tells no approval_id")
	}
	answer := w.base + "/approvals/" + id + "/answer"
	wants(t, "without a passkey", w.call(t, token, http.MethodPost, answer, `{"decision":"approve"}`), http.StatusConflict, "no_software_passkey")
	bound := w.call(t, token, http.MethodPost, w.base+"/identities/"+string(bob.ID)+"/software-passkey", "")
	wants(t, "bind", bound, http.StatusCreated, "")
	wants(t, "bind another", w.call(t, token, http.MethodPost, w.base+"/identities/"+string(bob.ID)+"/software-passkey", ""), http.StatusCreated, "")
	keys, err := w.Server.Directory.Passkeys(t.Context(), w.Site, bob.ID)
	servertest.Check(t, err)
	if len(keys) != 2 || !keys[0].Software() || keys[0].Binding == "" {
		t.Errorf("passkeys %+v", keys)
	}
	done := w.call(t, token, http.MethodPost, answer, `{"decision":"approve"}`)
	if done.Status != http.StatusOK || inside(done, "approval")["state"] != "approved" {
		t.Fatalf("answer: %d %s", done.Status, done.Body)
	}
	wants(t, "answer again", w.call(t, token, http.MethodPost, answer, `{"decision":"deny"}`), http.StatusConflict, "already_ended")
	got := w.Post(t, "/oauth/token", app.Form("grant_type", "urn:openid:params:grant-type:ciba", "auth_req_id", request))
	wants(t, "the asker's token", got, http.StatusOK, "")
	doc := servertest.Do(t, http.MethodGet, inside(done, "approval")["evidence_url"].(string), nil, "Authorization", "Bearer "+got.Text("access_token"))
	jwks := w.Get(t, "/v1/evidence/keys")
	verified, err := evidence.Verify(doc.Body, jwks.Body, evidence.Options{Issuer: w.Site.Issuer})
	if err != nil || verified.Outcome != "approved" || !verified.SoftwarePasskey {
		t.Errorf("evidence: %+v, %v\n%s", verified, err, doc.Body)
	}
	_, _, no := w.ask(t, "bob", "Delete everything")
	denied := w.call(t, token, http.MethodPost, w.base+"/approvals/"+no+"/answer", `{"decision":"deny"}`)
	if inside(denied, "approval")["state"] != "denied" {
		t.Errorf("deny: %s", denied.Body)
	}
}

// Requirement: hooks-software-answer
func TestInAnyOtherRealmNobodyAnswersForPeople(t *testing.T) {
	w := start(t)
	token, strict := w.token(t, manage.PasswordsUpdate, manage.PasswordsDelete, manage.PasskeysCreate, manage.ApprovalsUpdate), w.other(t)
	carol, err := w.Server.Directory.CreateIdentity(t.Context(), strict, directory.NewIdentity{Traits: model.Traits{Username: "carol"}})
	servertest.Check(t, err)
	base := baseOf(w.URL, strict)
	wants(t, "bind", w.call(t, token, http.MethodPost, base+"/identities/"+string(carol.ID)+"/software-passkey", ""), http.StatusNotFound, "not_found")
	wants(t, "answer", w.call(t, token, http.MethodPost, base+"/approvals/apr_01kagxw5z2fqksqpwmbxgb0r9n/answer", `{"decision":"approve"}`), http.StatusNotFound, "not_found")
	_, _, id := w.ask(t, mustBob(t, w), "Deploy")
	wants(t, "an approval of another realm", w.call(t, token, http.MethodPost, base+"/approvals/"+id+"/answer", `{"decision":"approve"}`), http.StatusNotFound, "not_found")
}

func mustBob(t *testing.T, w *world) string {
	t.Helper()
	_, bob := w.Person(t, "bob")
	return bob.Traits.Username
}
