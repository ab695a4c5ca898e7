package manage_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/assent-id/assent/internal/edge/manage"
	"github.com/assent-id/assent/internal/server/servertest"
)

const tenantBody = `{"tenant":{"display_name":"Acme"}}`

// Requirement: frame-idempotency
func TestTheSameKeyTwiceCreatesOnceAndIsAnsweredTwice(t *testing.T) {
	w := start(t)
	token, url := w.token(t, manage.TenantsCreate, manage.TenantsRead, manage.ApplicationsCreate), w.URL+"/v1/tenants"
	key := []string{"Idempotency-Key", "order-7"}
	first := w.call(t, token, http.MethodPost, url, tenantBody, key...)
	wants(t, "first", first, http.StatusCreated, "")
	again := w.call(t, token, http.MethodPost, url, tenantBody, key...)
	if again.Status != http.StatusCreated || string(again.Body) != string(first.Body) || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("again: %d %s %v", again.Status, again.Body, again.Header)
	}
	for _, name := range []string{"Location", "ETag", "Content-Type"} {
		if again.Header.Get(name) == "" || again.Header.Get(name) != first.Header.Get(name) {
			t.Errorf("%s: %q, and then %q", name, first.Header.Get(name), again.Header.Get(name))
		}
	}
	if first.Header.Get("Idempotent-Replayed") != "" {
		t.Error("the first answer says that it is a copy")
	}
	wants(t, "another body", w.call(t, token, http.MethodPost, url, strings.Replace(tenantBody, "Acme", "Other", 1), key...),
		http.StatusUnprocessableEntity, "idempotency_key_reused")
	wants(t, "another operation", w.call(t, token, http.MethodPost, w.base+"/applications", tenantBody, key...),
		http.StatusUnprocessableEntity, "idempotency_key_reused")
	wants(t, "somebody else", w.call(t, w.token(t, manage.TenantsCreate), http.MethodPost, url, tenantBody, key...), http.StatusConflict, "taken")
	wants(t, "without the key", w.call(t, token, http.MethodPost, url, tenantBody), http.StatusConflict, "taken")
}

// A secret that is shown once is shown again to whoever did not hear the first
// answer, and the database does not hold it in the clear.
//
// Requirement: frame-idempotency
func TestASecretComesAgainWithTheSameKey(t *testing.T) {
	w := start(t)
	token := w.token(t, manage.ApplicationsCreate)
	body := strings.Replace(shop, `"kind"`, `"client_uri":"https://shop.example/","kind"`, 1)
	key := []string{"Idempotency-Key", "k"}
	first := w.call(t, token, http.MethodPost, w.base+"/applications", body, key...)
	again := w.call(t, token, http.MethodPost, w.base+"/applications", body, key...)
	if first.Status != http.StatusCreated || first.Text("client_secret") == "" || again.Text("client_secret") != first.Text("client_secret") {
		t.Errorf("first %d %s, again %d %s", first.Status, first.Body, again.Status, again.Body)
	}
}

// Requirement: frame-idempotency
func TestARefusalFreesItsKey(t *testing.T) {
	w := start(t)
	token, url := w.token(t, manage.TenantsCreate), w.URL+"/v1/tenants"
	key := []string{"Idempotency-Key", "k"}
	wants(t, "refused", w.call(t, token, http.MethodPost, url, `{"tenant":{}}`, key...), http.StatusUnprocessableEntity, "invalid_request")
	wants(t, "corrected", w.call(t, token, http.MethodPost, url, tenantBody, key...), http.StatusCreated, "")
	for what, bad := range map[string]string{"too long": strings.Repeat("k", 256), "blank": "a b", "not ASCII": "schlüssel"} {
		wants(t, what, w.call(t, token, http.MethodPost, url, tenantBody, "Idempotency-Key", bad), http.StatusBadRequest, "invalid_idempotency_key")
	}
	wants(t, "too large", w.call(t, token, http.MethodPost, url, `{"x":"`+strings.Repeat("x", 300<<10)+`"}`, key...), http.StatusRequestEntityTooLarge, "body_too_large")
}

// Requirement: frame-idempotency
func TestSixteenWithOneKeyCreateOnce(t *testing.T) {
	w := start(t)
	token, url := w.token(t, manage.ApplicationsCreate, manage.ApplicationsRead), w.base+"/applications"
	answers := make([]servertest.Answer, 16)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() { answers[i] = w.call(t, token, http.MethodPost, url, shop, "Idempotency-Key", "one") })
	}
	wg.Wait()
	secrets := map[string]int{}
	for _, a := range answers {
		switch {
		case a.Status == http.StatusCreated:
			secrets[a.Text("client_secret")]++
		case a.Status != http.StatusConflict || a.Text("code") != "idempotency_in_progress":
			t.Errorf("got %d %s", a.Status, a.Body)
		}
	}
	list := w.call(t, token, http.MethodGet, url+"?page_size=200", "")
	if n := strings.Count(string(list.Body), fmt.Sprintf("%q", "Shop")); n != 1 || len(secrets) != 1 {
		t.Errorf("%d applications, %d secrets", n, len(secrets))
	}
}
