package oauth

import (
	"encoding/json"
	"slices"

	"github.com/assent-id/assent/internal/model"
)

// scopeWords are the scopes that everybody means the same by.
var scopeWords = map[string]ConsentItem{
	"openid":      {Title: say("may.openid"), Text: say("may.openid_why")},
	"profile":     {Title: say("may.profile"), Text: say("may.profile_why")},
	"email":       {Title: say("may.email")},
	"phone":       {Title: say("may.phone")},
	offlineAccess: {Title: say("may.offline_access"), Text: say("may.offline_access_why")},
	administer:    {Title: say("may.administer"), Text: say("may.administer_why")},
}

// administerAll is what the word means in the default realm, whose admins reach all
// the others.
var administerAll = ConsentItem{Title: say("may.administer_all"), Text: say("may.administer_all_why")}

// DescribeScopes puts scopes into words for people: those of OpenID Connect in
// sentences, others in the words of the service that they are for, or else by name.
func DescribeScopes(site *model.Site, scopes []string) []ConsentItem {
	items := make([]ConsentItem, len(scopes))
	for i, s := range scopes {
		items[i] = describeScope(site, s, serviceOf(site, s))
	}
	return items
}

// describeScope is a scope at a service; nil: at none that is known.
func describeScope(site *model.Site, scope string, at *model.ResourcePolicy) ConsentItem {
	words, common := scopeWords[scope]
	switch {
	case scope == administer && site.Realm.Default:
		return administerAll
	case common:
		return words
	case at == nil:
		return ConsentItem{Title: say("may.scope", "scope", scope)}
	case at.ScopeTexts[scope] != "" && at.Name != "":
		return ConsentItem{Title: Said{Own: at.ScopeTexts[scope]}, Text: say("may.at", "service", at.Name)}
	case at.ScopeTexts[scope] != "":
		return ConsentItem{Title: Said{Own: at.ScopeTexts[scope]}}
	case at.Name != "":
		return ConsentItem{Title: say("may.scope_at", "scope", scope, "service", at.Name)}
	default:
		return ConsentItem{Title: say("may.scope", "scope", scope)}
	}
}

// serviceOf is the last resource server of the realm with a scope; nil: none.
func serviceOf(site *model.Site, scope string) *model.ResourcePolicy {
	var found *model.ResourcePolicy
	for i, r := range site.Realm.Policy.Resources {
		if slices.Contains(r.Scopes, scope) {
			found = &site.Realm.Policy.Resources[i]
		}
	}
	return found
}

// placeOf is the service for which a request has a scope. Another may have one of
// the same name that means something else.
func placeOf(x *exchange, scope string) *model.ResourcePolicy {
	for _, r := range x.audience() {
		if at := service(x.Site, r); slices.Contains(at.Scopes, scope) {
			return at
		}
	}
	return serviceOf(x.Site, scope)
}

// service is a resource server of the realm by its identifier; one that is not
// known has it for a name.
func service(site *model.Site, resource string) *model.ResourcePolicy {
	for _, r := range site.Realm.Policy.Resources {
		if r.Resource == resource {
			r.Name = resourceName(site, resource)
			return &r
		}
	}
	return &model.ResourcePolicy{Resource: resource, Name: resource}
}

// describeConsent marks what is new.
func describeConsent(x *exchange, known []string) []ConsentItem {
	scopes := x.consentScopes()
	items := make([]ConsentItem, 0, len(scopes))
	for _, s := range scopes {
		item := describeScope(x.Site, s, placeOf(x, s))
		item.New = anyNew(scopeItems(x, s), known)
		items = append(items, item)
	}
	for _, r := range x.otherResources() {
		item := ConsentItem{Title: useOf(x.Site, r), New: !slices.Contains(known, "resource "+r)}
		if slices.Contains(x.scope, scopeOpenID) {
			// OpenID Connect Core 1.0, Section 5.3: one token for both.
			item.Text = say("may.resource_reads")
		}
		items = append(items, item)
	}
	for _, d := range x.details {
		items = append(items, ConsentItem{Title: detailTitle(d), Lines: describeDetail(d), New: true})
	}
	return items
}

func useOf(site *model.Site, resource string) Said {
	return say("may.resource", "service", resourceName(site, resource))
}

func resourceName(site *model.Site, resource string) string {
	for _, r := range site.Realm.Policy.Resources {
		if r.Resource == resource && r.Name != "" {
			return r.Name
		}
	}
	return resource
}

func detailTitle(raw json.RawMessage) Said {
	var d struct{ Type string }
	if json.Unmarshal(raw, &d) != nil || d.Type == "" {
		return say("may.detail")
	}
	return say("may.detail_of", "type", d.Type)
}
