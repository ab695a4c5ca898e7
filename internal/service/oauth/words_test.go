package oauth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/edge/pages"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Requirement: consent-scope-texts
func TestAScopeIsSaidInTheWordsOfItsService(t *testing.T) {
	site := &model.Site{Realm: model.Realm{Policy: model.RealmPolicy{Resources: []model.ResourcePolicy{
		{Resource: "https://shop.example", Name: "Shop API", Scopes: []string{"orders:read", "orders:write", "openid"},
			ScopeTexts: map[string]string{"orders:read": "See your <orders>", "openid": "Everything"}},
		{Resource: "https://bare.example", Scopes: []string{"a", "b"}, ScopeTexts: map[string]string{"a": "Do A"}},
	}}}}
	texts, err := pages.Texts()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][2]string{}
	scopes := []string{"orders:read", "orders:write", "a", "b", "<i>", "openid"}
	for i, item := range oauth.DescribeScopes(site, scopes) {
		got[scopes[i]] = [2]string{item.Title.Text(texts.Pick("en")), item.Text.Text(texts.Pick("en"))}
		if scopes[i] == "orders:read" {
			if shown := item.Title.HTML(texts.Pick("en")); shown != "<bdi>See your &lt;orders&gt;</bdi>" {
				t.Errorf("on a page: %s", shown)
			}
		}
	}
	want := map[string][2]string{
		"orders:read":  {"See your <orders>", "At Shop API"},
		"orders:write": {"Use “orders:write” at Shop API", ""},
		"a":            {"Do A", ""},
		"b":            {"Use “b”", ""},
		"<i>":          {"Use “<i>”", ""},
		"openid":       {"Know that it is you", "It recognises you when you come back."}, // nobody says it in other words
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
