package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/model"
)

// Requirement: rs-cli
func TestFlagsOfAResourceServerSayWhatTheyNameAndLeaveTheRest(t *testing.T) {
	was := model.ResourcePolicy{Name: "Old", Scopes: []string{"read", "pay"}, DefaultScopes: []string{"read"}, ApprovalScopes: []string{"pay"},
		ScopeTexts: map[string]string{"pay": "Pay"}, TokenFormat: model.TokenOpaque, TokenLifetime: 60, Clients: []model.ClientID{"a"}}
	minute, nothing := 2*time.Minute, time.Duration(0)
	for name, tt := range map[string]struct {
		flags resourceServerFlags
		want  func(*model.ResourcePolicy)
	}{
		"nothing":              {resourceServerFlags{}, func(*model.ResourcePolicy) {}},
		"a name":               {resourceServerFlags{Name: "New"}, func(p *model.ResourcePolicy) { p.Name = "New" }},
		"a mark stays":         {resourceServerFlags{Scope: []string{"pay", "read"}}, func(*model.ResourcePolicy) {}},
		"also with a text":     {resourceServerFlags{Scope: []string{"pay=Pay once"}}, func(p *model.ResourcePolicy) { p.ScopeTexts["pay"] = "Pay once" }},
		"another text":         {resourceServerFlags{ApprovalScope: []string{"pay=Pay a=b"}}, func(p *model.ResourcePolicy) { p.ScopeTexts["pay"] = "Pay a=b" }},
		"no text":              {resourceServerFlags{ApprovalScope: []string{"pay="}}, func(p *model.ResourcePolicy) { p.ScopeTexts = map[string]string{} }},
		"one more scope":       {resourceServerFlags{Scope: []string{"write=Write"}}, func(p *model.ResourcePolicy) { p.Scopes, p.ScopeTexts["write"] = append(p.Scopes, "write"), "Write" }},
		"a lifetime":           {resourceServerFlags{Lifetime: &minute}, func(p *model.ResourcePolicy) { p.TokenLifetime = 120 }},
		"no lifetime":          {resourceServerFlags{Lifetime: &nothing}, func(p *model.ResourcePolicy) { p.TokenLifetime = 0 }},
		"the application's":    {resourceServerFlags{Format: "application"}, func(p *model.ResourcePolicy) { p.TokenFormat = "" }},
		"a client":             {resourceServerFlags{Client: []string{"b"}}, func(p *model.ResourcePolicy) { p.Clients = []model.ClientID{"a", "b"} }},
		"a client that it has": {resourceServerFlags{Client: []string{"a"}}, func(*model.ResourcePolicy) {}},
	} {
		got, want := clone(was), clone(was)
		if err := tt.flags.put(&got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		tt.want(&want)
		if diff := cmp.Diff(newResourceServerReport(want), newResourceServerReport(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Requirement: rs-cli
func TestAMarkOfAScopeIsTakenAwayByItsName(t *testing.T) {
	p := model.ResourcePolicy{Scopes: []string{"read", "pay"}, DefaultScopes: []string{"read"}, ApprovalScopes: []string{"pay"}}
	c := resourceServerUpdateCmd{NoApproval: []string{"pay"}, NoDefault: []string{"read"}}
	if err := c.change(&p); err != nil || len(p.ApprovalScopes)+len(p.DefaultScopes) != 0 || len(p.Scopes) != 2 {
		t.Errorf("%v, %+v", err, p)
	}
	for _, c := range []resourceServerUpdateCmd{{NoApproval: []string{"pay"}}, {NoDefault: []string{"read"}}} {
		if err := c.change(&p); err == nil {
			t.Errorf("%+v: taken from a scope that has it no more", c)
		}
	}
}

func clone(p model.ResourcePolicy) model.ResourcePolicy {
	p.Scopes, p.DefaultScopes, p.ApprovalScopes = without(p.Scopes, ""), without(p.DefaultScopes, ""), without(p.ApprovalScopes, "")
	p.ScopeTexts = map[string]string{"pay": p.ScopeTexts["pay"]}
	return p
}
