package model_test

import (
	"testing"

	"github.com/assent-id/assent/internal/model"
)

// Requirement: cimd-policy
func TestTheListsOfARealmSayWhoseDocumentsAreTaken(t *testing.T) {
	for _, tt := range []struct {
		allow, deny []string
		host        string
		want        bool
	}{
		{nil, nil, "a.example", true},
		{[]string{"a.example"}, nil, "a.example", true},
		{[]string{"a.example"}, nil, "A.Example.", true},
		{[]string{"A.EXAMPLE."}, nil, "a.example", true},
		{[]string{"a.example"}, nil, "b.a.example", false},
		{[]string{"a.example"}, nil, "xa.example", false},
		{[]string{"*.a.example"}, nil, "b.a.example", true},
		{[]string{"*.a.example"}, nil, "c.b.a.example", true},
		{[]string{"*.a.example"}, nil, "a.example", false},
		{[]string{"*.a.example"}, nil, ".a.example", false},
		{[]string{"*.a.example"}, nil, "xa.example", false},
		{[]string{"*.a.example"}, nil, "a.example.evil", false},
		{[]string{"*"}, nil, "a.example", false},
		{[]string{"*example"}, nil, "a.example", false},
		{nil, []string{"a.example"}, "a.example", false},
		{nil, []string{"a.example"}, "a.example.", false},
		{nil, []string{"a.example"}, "b.example", true},
		{nil, []string{"*.a.example"}, "b.a.example", false},
		{[]string{"*.a.example"}, []string{"b.a.example"}, "b.a.example", false},
		{[]string{"*.a.example"}, []string{"b.a.example"}, "c.a.example", true},
		{[]string{"127.0.0.1"}, nil, "127.0.0.1", true},
	} {
		p := model.DocumentPolicy{Allow: tt.allow, Deny: tt.deny}
		if got := p.Admits(tt.host); got != tt.want {
			t.Errorf("allow %q, deny %q: %s admitted %v, want %v", tt.allow, tt.deny, tt.host, got, tt.want)
		}
	}
	for _, tt := range []struct {
		policy model.RealmPolicy
		want   bool
	}{{model.RealmPolicy{}, false}, {model.RealmPolicy{Development: true}, true},
		{model.RealmPolicy{CIMD: model.DocumentPolicy{Enabled: true}}, true}} {
		if got := tt.policy.TakesDocuments(); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt.policy, got, tt.want)
		}
	}
}
