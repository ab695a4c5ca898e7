package assent_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/sdk/assent"
)

const good = `{"error":"insufficient_authorization_details","scope":"pay","resource":"https://api.example","binding_message":"Pay",` +
	`"authorization_details":[{"type":"assent_action","details":{"amount":"1 EUR"},"command":["pay","1"]}]}`

// answering is an API that answers everything alike, except requests with the
// token of an approval.
func answering(status int, header, body string) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		if strings.HasPrefix(r.Header.Get("Authorization"), "Bearer t") {
			w.Header()["Www-Authenticate"] = []string{header}
			w.WriteHeader(status)
			_, _ = w.WriteString(body)
		}
		return w.Result(), nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Requirement: client-transport-challenge
func TestOnlyAChallengeThatCanBeAskedAsItIsIsFollowed(t *testing.T) {
	const header = `Bearer error="insufficient_authorization_details"`
	replaced := func(old, with string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not there", old)
		}
		return strings.Replace(good, old, with, 1)
	}
	for _, tt := range []struct {
		name   string
		status int
		header string
		body   string
		want   bool
	}{
		{"as it should be", 403, header, good, true},
		{"DPoP", 403, `DPoP error="insufficient_authorization_details", algs="ES256"`, good, true},
		{"without details", 403, header, replaced(`,"authorization_details":[{"type":"assent_action","details":{"amount":"1 EUR"},"command":["pay","1"]}]`, ""), true},
		{"another status", 401, header, good, false},
		{"no header", 403, "", good, false},
		{"a header of another kind", 403, `Bearer error="insufficient_scope"`, good, false},
		{"another scheme", 403, `Basic error="insufficient_authorization_details"`, good, false},
		{"a body of another kind", 403, header, replaced("insufficient_authorization_details", "insufficient_scope"), false},
		{"another resource", 403, header, replaced("https://api.example", "https://bank.example"), false},
		{"no resource", 403, header, replaced("https://api.example", ""), false},
		{"no message", 403, header, replaced(`"Pay"`, `""`), false},
		{"two details", 403, header, replaced(`[{`, `[{"type":"assent_action"},{`), false},
		{"a type that nobody here knows", 403, header, replaced("assent_action", "payment_initiation"), false},
		{"a member that nobody here knows", 403, header, replaced(`"command"`, `"order"`), false},
		{"details of another shape", 403, header, replaced(`{"amount":"1 EUR"}`, `["1 EUR"]`), false},
		{"not JSON", 403, header, "<html>", false},
		{"too long", 403, header, replaced(`"Pay"`, `"`+strings.Repeat("x", 64<<10)+`"`), false},
		{"a header that is too long", 403, header + `, x="` + strings.Repeat("x", 8<<10) + `"`, good, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := newIssuer(t)
			api := &assent.Transport{Client: i.client(t), Base: answering(tt.status, tt.header, tt.body), Person: "alex", Resource: []string{apiURI}}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, apiURI, strings.NewReader("x"))
			check(t, err)
			resp, err := api.RoundTrip(r)
			check(t, err)
			text, err := io.ReadAll(resp.Body)
			check(t, err)
			check(t, resp.Body.Close())
			if asked := i.count("/oauth/bc-authorize") == 1; asked != tt.want || asked != (resp.StatusCode == 200) {
				t.Errorf("asked: %v, answer %d", asked, resp.StatusCode)
			}
			if !tt.want && string(text) != tt.body {
				t.Errorf("the answer has %d bytes, want its %d", len(text), len(tt.body))
			}
		})
	}
}

// Requirement: client-transport-challenge
func TestWhatIsAskedIsWhatTheAPIWants(t *testing.T) {
	i := newIssuer(t)
	var asked assent.Request
	api := &assent.Transport{Client: i.client(t), Base: answering(403, `Bearer error="insufficient_authorization_details"`, good), Person: "alex",
		Resource: []string{"https://other.example", apiURI}, OnAsked: func(r assent.Request) { asked = r }}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, apiURI, nil)
	check(t, err)
	resp, err := api.RoundTrip(r)
	check(t, err)
	check(t, resp.Body.Close())
	want := assent.Action{Person: "alex", Message: "Pay", Details: map[string]string{"amount": "1 EUR"}, Command: []string{"pay", "1"}, Scope: "pay",
		Resource: []string{apiURI}}
	if diff := cmp.Diff(want, asked.Action); diff != "" {
		t.Error(diff)
	}
	if i.redeems != 0 {
		t.Error("the approval is the API's to redeem")
	}
}

// Requirement: client-transport-approval
func TestNobodyIsAskedAgainForWhereAnApprovedRequestIsSent(t *testing.T) {
	i := newIssuer(t)
	var paths []string
	api := roundTripper(func(r *http.Request) (*http.Response, error) {
		paths = append(paths, r.URL.Path)
		w := httptest.NewRecorder()
		if r.URL.Path == "/pay" && !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer t") {
			http.Redirect(w, r, "/pay/again", http.StatusTemporaryRedirect)
			return w.Result(), nil
		}
		wantApproval(w, assent.Action{Message: "Pay", Scope: "pay", Resource: []string{apiURI}})
		return w.Result(), nil
	})
	c := &http.Client{Transport: &assent.Transport{Client: i.client(t), Base: api, Person: "alex", Resource: []string{apiURI}}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, apiURI+"/pay", strings.NewReader("x"))
	check(t, err)
	resp, err := c.Do(r)
	check(t, err)
	check(t, resp.Body.Close())
	if got := strings.Join(paths, " "); got != "/pay /pay /pay/again" || resp.StatusCode != 403 {
		t.Errorf("%d after %s", resp.StatusCode, got)
	}
	wantCount(t, i, "/oauth/bc-authorize", 1)
}

// RFC 9110, Section 11.6.1.
//
// Requirement: client-transport-challenge
func TestTheErrorOfAChallengeIsFoundAmongOthers(t *testing.T) {
	for field, want := range map[string]string{
		``:                             "",
		`Bearer`:                       "",
		`Bearer error="invalid_token"`: "invalid_token",
		`bearer ERROR=invalid_token`:   "invalid_token",
		`Bearer realm="a, Bearer error=\"x\"", error = "invalid_token"`:             "invalid_token",
		`Basic realm="x", Bearer realm="y",error="invalid_token"`:                   "invalid_token",
		`Negotiate a/b==, Bearer error="invalid_token"`:                             "invalid_token",
		`Bearer a/b==, error="x"`:                                                   "",
		`Negotiate, DPoP algs="ES256", error="invalid_token"`:                       "invalid_token",
		`Basic error="invalid_token"`:                                               "",
		`Bearer error="a", error="b"`:                                               "a",
		`Bearer error="a`:                                                           "",
		`Bearer error="a\`:                                                          "",
		`error="invalid_token"`:                                                     "",
		`, ,Bearer ,error="invalid_token",`:                                         "invalid_token",
		`DPoP error="use_dpop_nonce", error_description="x"`:                        "use_dpop_nonce",
		`Bearer error=""` + strings.Repeat(" ", 9000):                               "",
		`Bearer scope="x", resource_metadata="https://a.example/.well-known/oauth"`: "",
	} {
		h := http.Header{"Www-Authenticate": {field}}
		if got := assent.ChallengeError(&http.Response{Header: h}); got != want {
			t.Errorf("%s: got %q, want %q", fmt.Sprintf("%.80s", field), got, want)
		}
	}
}

// FuzzChallengeError: whatever an API writes there, it is read to its end.
func FuzzChallengeError(f *testing.F) {
	f.Add(`Basic realm="x", Bearer realm="y\"", error="invalid_token"`)
	f.Add(`Bearer =`)
	f.Fuzz(func(_ *testing.T, field string) {
		assent.ChallengeError(&http.Response{Header: http.Header{"Www-Authenticate": {field}}})
	})
}
