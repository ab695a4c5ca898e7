package main

import (
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
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
	resp, err := http.PostForm(to, form)
	ts.Check(err)
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(resp.Body)
	ts.Check(err)
	return resp.StatusCode, body
}
