package manage

import (
	"context"
	"net/http"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
)

// Policy is what an operator allows in a realm, as a body.
type Policy struct {
	Policy model.RealmPolicy `json:"policy"`
}

// PolicyChange is a change of it.
type PolicyChange struct {
	Policy Patch[model.RealmPolicy] `json:"policy"`
}

type (
	policyIn      struct{ Target }
	policyOut     = shown[Policy]
	policyPatchIn struct {
		Target
		IfMatch
		Body PolicyChange
	}
)

func (a *API) policy() {
	a.describe(map[string]string{"Policy": "The policy of a realm.", "PolicyChange": "A change of the policy of a realm.", "policy": "What the operator allows in the realm."})
	example := model.RealmPolicy{AskAnyone: true, Passwords: true, Registration: model.RegistrationPolicy{Mode: model.RegistrationToken}}
	add(a, operation{id: "getPolicy", method: http.MethodGet, path: "/policy", tag: "Realms", scope: RealmsRead,
		summary: "Read the policy of a realm",
		about:   "What the operator allows in the realm. Members at their defaults are left out.",
		gives:   Policy{example}},
		func(ctx context.Context, c call, _ *policyIn) (*policyOut, error) {
			r, err := a.cfg.Realms.Read(ctx, c.site.Realm.ID)
			return &policyOut{etag(r.Version), Policy{r.Policy}}, err
		})
	add(a, operation{id: "changePolicy", method: http.MethodPatch, path: "/policy", tag: "Realms", scope: RealmsUpdate,
		summary: "Change the policy of a realm",
		about: "Members that are left out stay; null takes one back to its default; lists are replaced as a whole. A member that means nothing is refused. " +
			"Whether a realm is for development is settled when it is created, and cannot be changed here, nor can its host. In a realm without a host of its own, " +
			"related_origins and rp_id are for callers of the default realm (`shared_host`).",
		refusals: []string{"development_is_settled", "invalid_policy", "shared_host"},
		takes:    Policy{model.RealmPolicy{Passwords: true}}, gives: Policy{example}},
		a.changePolicy)
}

func (a *API) changePolicy(ctx context.Context, c call, in *policyPatchIn) (*policyOut, error) {
	is, err := a.asRead(ctx, c, in.IfMatch)
	if err != nil {
		return nil, err
	}
	next, err := patch(a, c, "policy", is.Policy, in.Body.Policy)
	if err != nil {
		return nil, err
	}
	if next.Development != is.Policy.Development {
		// A realm in which the server may answer for people must not have been one in
		// which it may not.
		return nil, refused("development_is_settled", nil)
	}
	if err := c.mayRelate(is.Policy, next); err != nil {
		return nil, err
	}
	if err := checkDetailsTypes(next); err != nil {
		return nil, err
	}
	r, err := a.cfg.Realms.PatchPolicy(ctx, c.site.Realm.ID, realm.PolicyChange{Policy: &next, Version: is.Version, Actor: c.actor})
	if err != nil {
		return nil, err
	}
	return &policyOut{etag(r.Version), Policy{r.Policy}}, nil
}

func checkDetailsTypes(p model.RealmPolicy) error {
	if err := oauth.CheckDetailsTypes(p.DetailsTypes); err != nil {
		return &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_policy",
			Detail: "A type of authorization_details is one of ours, or has no JSON Schema that can be used.", Cause: err}
	}
	return nil
}
