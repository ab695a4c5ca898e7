package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
)

// cmdToken tries again until the answer is the one that is expected: a server hears
// within a second of what a command changed.
func cmdToken(ts *testscript.TestScript, w *world, args []string) {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {args[2]}, "client_assertion": {strings.TrimSpace(ts.ReadFile(args[1]))},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	if len(args) > 3 {
		form.Set("scope", args[3])
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		status, body := postForm(ts, w.base+"/oauth/token", form)
		if strconv.Itoa(status) == args[0] {
			_, err := ts.Stdout().Write(body)
			ts.Check(err)
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("got %d %s, want %s", status, body, args[0])
		}
	}
}

func postForm(ts *testscript.TestScript, to string, form url.Values) (status int, body []byte) {
	req, err := http.NewRequest(http.MethodPost, to, strings.NewReader(form.Encode()))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Prefer", "wait=20") // where there is something to wait for
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(resp.Body)
	ts.Check(err)
	return resp.StatusCode, body
}

// cmdAsks asks a person by CIBA, in the name of a service client, waits for the answer
// and prints the claims of the access token.
func cmdAsks(ts *testscript.TestScript, w *world, args []string) {
	client, person, scope, message := args[0], args[2], args[3], args[4]
	key, err := jose.ParsePrivate([]byte(ts.ReadFile(args[1])))
	ts.Check(err)
	form := func(pairs url.Values) url.Values {
		now := time.Now().Unix()
		claims, err := json.Marshal(map[string]any{"iss": client, "sub": client, "aud": w.base, "jti": ids.Secret(), "exp": now + 60})
		ts.Check(err)
		assertion, err := key.Sign("JWT", claims)
		ts.Check(err)
		pairs.Set("client_assertion", assertion)
		pairs.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		return pairs
	}
	var asked struct {
		ID string `json:"auth_req_id"`
	}
	status, body := postForm(ts, w.base+"/oauth/bc-authorize", form(url.Values{"login_hint": {person}, "scope": {scope}, "binding_message": {message}}))
	ts.Check(json.Unmarshal(body, &asked))
	if status != http.StatusOK {
		ts.Fatalf("not asked: %d %s", status, body)
	}
	var got struct {
		Token string `json:"access_token"`
	}
	for deadline := time.Now().Add(patience); got.Token == ""; {
		status, body = postForm(ts, w.base+"/oauth/token", form(url.Values{"grant_type": {"urn:openid:params:grant-type:ciba"}, "auth_req_id": {asked.ID}}))
		ts.Check(json.Unmarshal(body, &got))
		if status != http.StatusOK && !strings.Contains(string(body), "authorization_pending") || time.Now().After(deadline) {
			ts.Fatalf("no token: %d %s", status, body)
		}
	}
	u, err := jose.Peek(got.Token)
	ts.Check(err)
	_, err = ts.Stdout().Write(append(u.Claims(), '\n'))
	ts.Check(err)
}
