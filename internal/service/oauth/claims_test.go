package oauth

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/model"
)

// Requirement: authorize-claims-parameter
func TestTheClaimsParameterIsReadOrRefused(t *testing.T) {
	asked := claimRequests{"email": {}, "acr": {Essential: true, Values: []any{"phr", "pwd"}}, "sub": {Value: "idn_x"}}
	const good = `{"userinfo":{"email":null,"acr":{"essential":true,"values":["phr","pwd"]},"sub":{"value":"idn_x"}}}`
	for _, tt := range []struct {
		name, text        string
		userinfo, idToken claimRequests
		bad               bool
	}{
		{name: "none", text: ""},
		{name: "empty object", text: `{}`},
		{name: "all forms", text: good, userinfo: asked},
		{name: "in the ID token", text: strings.Replace(good, "userinfo", "id_token", 1), idToken: asked},
		{name: "both", text: `{"id_token":{"name":{}},"userinfo":{}}`, userinfo: claimRequests{}, idToken: claimRequests{"name": {}}},
		{name: "places that we do not know", text: `{"verified_claims":[1],"Userinfo":7}`},
		{name: "members that we do not know", text: `{"userinfo":{"name#fr":null,"email":{"purpose":"x","Essential":true}}}`,
			userinfo: claimRequests{"name#fr": {}, "email": {}}},
		{name: "no JSON", text: `{`, bad: true},
		{name: "an array", text: `[]`, bad: true},
		{name: "null", text: `null`, bad: true},
		{name: "a text", text: `"userinfo"`, bad: true},
		{name: "two values", text: `{}{}`, bad: true},
		{name: "a place twice", text: `{"userinfo":{},"userinfo":{"email":null}}`, bad: true},
		{name: "a claim twice", text: `{"userinfo":{"email":null,"email":null}}`, bad: true},
		{name: "place is null", text: `{"userinfo":null}`, bad: true},
		{name: "place is an array", text: `{"id_token":["email"]}`, bad: true},
		{name: "claim is true", text: `{"userinfo":{"email":true}}`, bad: true},
		{name: "claim is a text", text: `{"userinfo":{"email":"a@b"}}`, bad: true},
		{name: "essential is a text", text: `{"userinfo":{"email":{"essential":"true"}}}`, bad: true},
		{name: "values is no array", text: `{"userinfo":{"acr":{"values":"phr"}}}`, bad: true},
		{name: "lone surrogate", text: `{"userinfo":{"acr":{"value":"\ud800"}}}`, bad: true},
		{name: "too deep", text: strings.Repeat(`{"userinfo":`, 100) + "{}" + strings.Repeat("}", 100), bad: true},
		{name: "at the limit", text: `{"x":"` + strings.Repeat("a", maxClaims-8) + `"}`},
		{name: "too long", text: `{"x":"` + strings.Repeat("a", maxClaims-7) + `"}`, bad: true},
	} {
		userinfo, idToken, raw, err := parseClaims(tt.text)
		refused, _ := errors.AsType[*Error](err)
		if (refused != nil) != tt.bad || refused != nil && refused.Code != InvalidRequest || err != nil && refused == nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff([]claimRequests{tt.userinfo, tt.idToken}, []claimRequests{userinfo, idToken}); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if tt.bad || tt.text == "" {
			continue
		}
		again, too, err := readClaims(raw) // what is kept means the same
		if diff := cmp.Diff([]claimRequests{userinfo, idToken}, []claimRequests{again, too}); err != nil || diff != "" {
			t.Errorf("%s: kept as %s: %v %s", tt.name, raw, err, diff)
		}
	}
}

func person() model.Identity {
	return model.Identity{ID: "idn_x", DisplayName: "Alex Doe", UpdatedAt: 1_700_000_000_500, Traits: model.Traits{Username: "alex",
		PrimaryEmailAddress: "alex@example.com", EmailVerified: true, GivenName: "Alex"}}
}

func written(t *testing.T, who model.Identity, scopes []string, asked claimRequests) map[string]any {
	t.Helper()
	o := newObject(64)
	writeProfile(o, who, scopes, asked)
	var got map[string]any
	if err := json.Unmarshal(o.close(), &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// Requirement: userinfo-claims, id-token-nothing-empty
func TestScopesAndRequestsBringTheirClaimsAndNothingElse(t *testing.T) {
	profile := map[string]any{"name": "Alex Doe", "given_name": "Alex", "preferred_username": "alex", "updated_at": 1_700_000_000.0}
	email := map[string]any{"email": "alex@example.com", "email_verified": true}
	for _, tt := range []struct {
		name   string
		scopes []string
		asked  claimRequests
		want   map[string]any
	}{
		{"nothing", []string{"openid", "deploy"}, nil, map[string]any{}},
		{"profile", []string{"openid", "profile"}, nil, profile},
		{"email", []string{"email"}, nil, email},
		{"phone of somebody without", []string{"phone"}, nil, map[string]any{}},
		{"by name", nil, claimRequests{"email": {}, "family_name": {Essential: true}, "sub": {}, "unknown": {}}, map[string]any{"email": "alex@example.com"}},
		{"with the right value", nil, claimRequests{"email": {Value: "alex@example.com"}, "updated_at": {Values: []any{1.0, 1_700_000_000.0}}, "email_verified": {Value: true}},
			map[string]any{"email": "alex@example.com", "updated_at": 1_700_000_000.0, "email_verified": true}},
		{"with another value", []string{"email"}, claimRequests{"email": {Value: "eve@example.com"}}, map[string]any{"email_verified": true}},
		{"with a value of no type of ours", nil, claimRequests{"email": {Values: []any{map[string]any{}, nil, []any{}}}}, map[string]any{}},
	} {
		if diff := cmp.Diff(tt.want, written(t, person(), tt.scopes, tt.asked)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	full := person()
	full.Traits = model.Traits{Username: "u", PrimaryEmailAddress: "e@x", GivenName: "g", FamilyName: "f", MiddleName: "m", Nickname: "n", PrimaryPhone: "+1",
		PhoneVerified: true, Locale: "en", Zoneinfo: "UTC", Gender: "x", Birthdate: "2000", Profile: "https://p", Picture: "https://i", Website: "https://w"}
	got := written(t, full, []string{"profile", "email", "phone"}, nil)
	for _, c := range ClaimsSupported()[12:] {
		if got[c] == nil {
			t.Errorf("%s is said to be supported and is not there", c)
		}
		delete(got, c)
	}
	if len(got) > 0 {
		t.Errorf("not said to be supported: %v", got)
	}
}

// A request by name gets no claim that the client is not registered for.
func TestClaimsByNameStayWithinTheRegisteredScopes(t *testing.T) {
	asked := claimRequests{"email": {}, "name": {}, "acr": {}}
	got := asked.within(&model.ApplicationSettings{Scopes: []string{"openid", "email"}})
	if diff := cmp.Diff(claimRequests{"email": {}, "acr": {}}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(asked, asked.within(&model.ApplicationSettings{AnyScope: true})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"profile", "email"}, asked.scopes()); diff != "" {
		t.Error(diff)
	}
}

func FuzzClaimsParameter(f *testing.F) {
	for _, seed := range []string{"", `{}`, `{"userinfo":{"email":null,"sub":{"value":"x"}},"id_token":{"acr":{"essential":true,"values":["phr"]}}}`, `{"userinfo":null}`,
		`{"userinfo":{"updated_at":{"value":1e400}}}`, `[`, `null`, "{\"userinfo\":{\"\xff\":null}}", `{"userinfo":{"email":{"value":{"a":[]}}}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		userinfo, idToken, raw, err := parseClaims(text)
		if err != nil {
			if AsError(err).Code != InvalidRequest || userinfo != nil || idToken != nil || raw != nil {
				t.Fatalf("%v with %v %v %s", err, userinfo, idToken, raw)
			}
			return
		}
		for _, asked := range []claimRequests{userinfo, idToken} {
			for name := range written(t, person(), nil, asked) {
				if _, found := asked[name]; !found {
					t.Errorf("%s was not asked for", name)
				}
			}
			asked.text("sub")
		}
		if text == "" {
			return
		}
		again, too, err := readClaims(raw)
		if diff := cmp.Diff([]claimRequests{userinfo, idToken}, []claimRequests{again, too}); err != nil || diff != "" {
			t.Errorf("kept as %s: %v %s", raw, err, diff)
		}
	})
}
