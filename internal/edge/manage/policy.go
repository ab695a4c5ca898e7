package manage

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
)

type (
	policyIn  struct{ Target }
	policyOut struct {
		ETag string `header:"ETag" doc:"Version of the realm, for If-Match."`
		Body model.RealmPolicy
	}
	patchIn struct {
		Target
		IfMatch string `header:"If-Match" doc:"ETag that the realm must still have; left out: any." example:"\"3\"" maxLength:"64"`
		Body    model.RealmPolicy
		RawBody []byte
	}
)

func (a *API) policy() {
	example := model.RealmPolicy{AskAnyone: true, Passwords: true, Registration: model.RegistrationPolicy{Mode: model.RegistrationToken}}
	add(a, operation{id: "getPolicy", method: http.MethodGet, path: "/policy", tag: "Realms", scope: RealmsRead,
		summary: "Read the policy of a realm",
		about:   "What the operator allows in the realm. Members at their defaults are left out.",
		gives:   example},
		func(ctx context.Context, c call, _ *policyIn) (*policyOut, error) {
			r, err := a.cfg.Realms.Read(ctx, c.site.Realm.ID)
			return &policyOut{etag(r.Version), r.Policy}, err
		})
	add(a, operation{id: "changePolicy", method: http.MethodPatch, path: "/policy", tag: "Realms", scope: RealmsUpdate,
		summary: "Change the policy of a realm",
		about: "Puts each member of the body, as a whole, in place of the one that the policy has; other members stay. A member that means nothing is refused. " +
			"Whether a realm is for development is settled when it is created, and cannot be changed here.",
		refusals: []int{http.StatusConflict, http.StatusPreconditionFailed},
		takes:    model.RealmPolicy{Passwords: true}, gives: example},
		a.changePolicy)
}

func (a *API) changePolicy(ctx context.Context, c call, in *patchIn) (*policyOut, error) {
	version, err := versionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(in.RawBody, &members); err != nil {
		return nil, &httpx.Problem{Status: http.StatusBadRequest, Code: "malformed_body", Detail: "The body is no JSON object."}
	}
	if _, there := members["development"]; there && in.Body.Development != c.site.Realm.Policy.Development {
		// A realm in which the server may answer for people must not have been one in
		// which it may not.
		return nil, &httpx.Problem{Status: http.StatusConflict, Code: "development_is_settled",
			Detail: "Whether a realm is for development is settled when it is created."}
	}
	if err := oauth.CheckDetailsTypes(in.Body.DetailsTypes); err != nil {
		return nil, &httpx.Problem{Status: http.StatusUnprocessableEntity, Code: "invalid_policy",
			Detail: "A type of authorization_details is one of ours, or has no JSON Schema that can be used.", Cause: err}
	}
	r, err := a.cfg.Realms.PatchPolicy(ctx, c.site.Realm.ID, realm.PolicyChange{Members: in.RawBody, Version: version, Actor: c.actor})
	if err != nil {
		return nil, err
	}
	return &policyOut{etag(r.Version), r.Policy}, nil
}

// etag is a strong validator (RFC 9110, Section 8.8.3).
func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// versionOf reads If-Match (RFC 9110, Section 13.1.1); 0: any.
func versionOf(header string) (int64, error) {
	if header == "" || header == "*" {
		return 0, nil
	}
	text, quoted := strings.CutPrefix(header, `"`)
	text, closed := strings.CutSuffix(text, `"`)
	version, err := strconv.ParseInt(text, 10, 64)
	if !quoted || !closed || err != nil || version < 1 {
		return 0, realm.ErrChanged // no version of ours: it cannot be the one that is there
	}
	return version, nil
}
