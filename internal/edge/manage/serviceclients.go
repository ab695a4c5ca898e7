package manage

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
)

// ServiceClients are applications that act in their own name with a key of their own.
type ServiceClients interface {
	ReadServiceClient(context.Context, *model.Site, model.ClientID) (model.Application, error)
	ServiceClients(context.Context, *model.Site) ([]model.Application, error)
	CreateServiceClient(context.Context, *model.Site, application.NewServiceClient) (application.Keyed, error)
	UpdateServiceClient(context.Context, *model.Site, model.Application, application.ServiceClientEdit) (model.Application, error)
	RotateKeys(context.Context, *model.Site, application.Rotation) (application.Keyed, error)
	RetireKey(context.Context, *model.Site, application.KeyEnd) (model.Application, error)
	RevokeTokens(ctx context.Context, site *model.Site, id model.ClientID, actor string) (model.Millis, error)
}

// ServiceClientEdit is what of a service client can be changed.
type ServiceClientEdit struct {
	Name          string   `json:"display_name" minLength:"1" maxLength:"200"`
	Description   string   `json:"description,omitempty" maxLength:"1000" doc:"What it is for. Nobody but those who manage it is shown it."`
	Scopes        []string `json:"scopes,omitempty" doc:"Scopes that it may ask for."`
	Resources     []string `json:"resources,omitempty" doc:"APIs that its tokens are for; the first is the default."`
	MayAsk        bool     `json:"may_ask,omitempty" doc:"It may ask people to approve something (CIBA). Scopes that need an approval each time come by that alone."`
	JWKSURI       string   `json:"jwks_uri,omitempty" maxLength:"2000" doc:"Where its public keys are: an https URL."`
	TokenLifetime int      `json:"access_token_lifetime,omitempty" minimum:"0" maximum:"86400" doc:"Seconds that its access tokens live, at least 10; left out or 0: 300."`
	Status        string   `json:"status,omitempty" enum:"active,frozen,disabled" doc:"active: it works; frozen: it was stopped for now; disabled: it was stopped for good. Its tokens stay dead when it is active again."`
}

// ServiceClientInput is what a service client is to be.
type ServiceClientInput struct {
	Name          string          `json:"display_name" minLength:"1" maxLength:"200"`
	Description   string          `json:"description,omitempty" maxLength:"1000" doc:"What it is for. Nobody but those who manage it is shown it."`
	Scopes        []string        `json:"scopes,omitempty" doc:"Scopes that it may ask for."`
	Resources     []string        `json:"resources,omitempty" doc:"APIs that its tokens are for; the first is the default."`
	MayAsk        bool            `json:"may_ask,omitempty" doc:"It may ask people to approve something (CIBA). Scopes that need an approval each time come by that alone."`
	TokenLifetime int             `json:"access_token_lifetime,omitempty" minimum:"0" maximum:"86400" doc:"Seconds that its access tokens live, at least 10; left out or 0: 300."`
	KeyAlg        string          `json:"key_alg,omitempty" enum:"ES256,EdDSA" doc:"What the key that is made is for; left out: ES256."`
	JWK           json.RawMessage `json:"jwk,omitempty" doc:"Its public key (RFC 7517), for ES256, EdDSA or PS256, in place of one that is made here. The private half never leaves the client."`
	JWKSURI       string          `json:"jwks_uri,omitempty" maxLength:"2000" doc:"Where its public keys are, an https URL, in place of keys here."`
}

// ServiceClient is a program with a key of its own.
type ServiceClient struct {
	ID                  string             `json:"client_id"`
	TenantID            string             `json:"tenant_id"`
	RealmID             string             `json:"realm_id"`
	Name                string             `json:"display_name"`
	Description         string             `json:"description" doc:"What it is for."`
	Status              string             `json:"status" enum:"active,frozen,disabled"`
	Scopes              []string           `json:"scopes" doc:"Scopes that it may ask for."`
	Resources           []string           `json:"resources" doc:"APIs that its tokens are for; the first is the default."`
	MayAsk              bool               `json:"may_ask" doc:"It may ask people to approve something (CIBA)."`
	TokenLifetime       int                `json:"access_token_lifetime" doc:"Seconds that its access tokens live."`
	JWKSURI             string             `json:"jwks_uri,omitempty" doc:"Where its public keys are."`
	Keys                []ServiceClientKey `json:"keys" doc:"Its keys, the newest first: those that work, and the last ten that do not any more. None where they are at jwks_uri."`
	TokensInvalidBefore string             `json:"tokens_invalid_before,omitempty" doc:"Access tokens issued up to then are refused."`
	CreateTime          string             `json:"create_time"`
	Version             int64              `json:"version"`
}

// ServiceClientKey is a public key of one.
type ServiceClientKey struct {
	KID          string `json:"kid" doc:"What its assertions name it by."`
	Alg          string `json:"alg" doc:"What it signs with."`
	Status       string `json:"status" enum:"active,retiring,retired" doc:"active: it works; retiring: it works until retire_time; retired: it is refused."`
	CreateTime   string `json:"create_time"`
	RetireTime   string `json:"retire_time,omitempty" doc:"From when on it is refused."`
	LastUsedTime string `json:"last_used_time,omitempty" doc:"When it last signed an assertion that was accepted, as it was last written down: within a minute."`
	Warning      string `json:"warning,omitempty" doc:"Where the client still uses a key that is being retired: what to do."`
}

// ServiceClientRotation says how keys are rotated.
type ServiceClientRotation struct {
	RetireAfter *int            `json:"retire_after,omitempty" minimum:"0" maximum:"2592000" doc:"Seconds that the key before still works; left out: 86400. 0: it is refused at once."`
	KeyAlg      string          `json:"key_alg,omitempty" enum:"ES256,EdDSA" doc:"What the key that is made is for; left out: ES256."`
	JWK         json.RawMessage `json:"jwk,omitempty" doc:"The new public key, in place of one that is made here."`
}

// ServiceClientRequest is the body of what creates one.
type ServiceClientRequest struct {
	ServiceClient ServiceClientInput `json:"service_client"`
}

// ServiceClientChange is the body of what changes one.
type ServiceClientChange struct {
	ServiceClient Patch[ServiceClientEdit] `json:"service_client"`
}

// ServiceClientAnswer is one that was read or written.
type ServiceClientAnswer struct {
	ServiceClient ServiceClient   `json:"service_client"`
	PrivateKey    json.RawMessage `json:"private_key,omitempty" doc:"The private JWK that was made, this once: it is kept nowhere."`
}

// ServiceClientList is one page, ordered by client_id.
type ServiceClientList struct {
	ServiceClients []ServiceClient `json:"service_clients" doc:"The service clients of this page, ordered by client_id."`
	Next           string          `json:"next_page_token"`
}

type (
	serviceClientListIn struct {
		Target
		Page
		Status string `query:"status" enum:"active,frozen,disabled" doc:"Only those with this status." example:"active"`
		Name   string `query:"display_name" maxLength:"200" doc:"Only those whose display_name begins like this, ignoring case." example:"Til"`
	}
	serviceClientListOut struct{ Body ServiceClientList }
	// ServiceClientTarget is the input that names one.
	ServiceClientTarget struct {
		Target
		ServiceClientID string `path:"service_client_id" maxLength:"128" doc:"The client_id." example:"svc_01kagxw5z1fq6vd6jv9h2z7m4c"`
	}
	serviceClientIn       struct{ ServiceClientTarget }
	serviceClientChangeIn struct {
		ServiceClientTarget
		IfMatch
		Body ServiceClientChange
	}
	serviceClientDeleteIn struct {
		ServiceClientTarget
		IfMatch
	}
	serviceClientRotateIn struct {
		ServiceClientTarget
		IfMatch
		Body *ServiceClientRotation
	}
	serviceClientKeyIn struct {
		ServiceClientTarget
		IfMatch
		KID string `path:"kid" maxLength:"512" doc:"The kid of the key." example:"n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"`
	}
	serviceClientCreateIn struct {
		Target
		Body ServiceClientRequest
	}
	serviceClientOut       = shown[ServiceClientAnswer]
	serviceClientCreateOut = created[ServiceClientAnswer]
)

const exampleKID = "n4bQgYhMfWWaL-qgxVrQFaO_TxsrC4Is0V1sFbDwCgg"

var (
	serviceClientExample = ServiceClient{ID: "svc_01kagxw5z1fq6vd6jv9h2z7m4c", TenantID: exampleTenant, RealmID: exampleRealm, Name: "Tills", Description: "The tills of our shops",
		Status: "active", Scopes: []string{"devices:read", "transactions:write"}, Resources: []string{"https://api.example.com"}, TokenLifetime: 300,
		Keys: []ServiceClientKey{{KID: exampleKID, Alg: "ES256", Status: "active", CreateTime: exampleTime}}, CreateTime: exampleTime, Version: 1}
	serviceClientInput = ServiceClientRequest{ServiceClientInput{Name: "Tills", Description: "The tills of our shops",
		Scopes: []string{"devices:read", "transactions:write"}, Resources: []string{"https://api.example.com"}}}
	serviceClientAnswer = ServiceClientAnswer{ServiceClient: serviceClientExample}
	// The key is that of RFC 7517, Appendix A.2: it opens nothing.
	serviceClientMade = ServiceClientAnswer{ServiceClient: serviceClientExample, PrivateKey: json.RawMessage(
		`{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","alg":"ES256","kid":"` + exampleKID + `","use":"sig"}`)}
)

func (a *API) serviceClients() {
	const tag = "Service clients"
	a.describe(map[string]string{
		"ServiceClient": "A program that acts in its own name, with a key of its own.", "ServiceClientInput": "What a service client is to be.",
		"ServiceClientEdit": "What of a service client can be changed.", "ServiceClientKey": "A public key of a service client.",
		"ServiceClientRotation": "How keys are rotated.", "ServiceClientRequest": "A service client as it is to be.",
		"ServiceClientChange": "A change of a service client.", "ServiceClientAnswer": "A service client as it is.",
		"ServiceClientList": "One page of service clients.", "service_client": "The service client.",
		"ServiceClient.status": "Only an active one gets and uses tokens.",
	})
	add(a, operation{id: "listServiceClients", method: http.MethodGet, path: "/service-clients", tag: tag, scope: ServiceClientsRead,
		summary: "List service clients", about: "The service clients of the realm, ordered by client_id, in pages. Filters narrow each other.",
		gives: ServiceClientList{ServiceClients: []ServiceClient{serviceClientExample}}}, a.listServiceClients)
	add(a, operation{id: "createServiceClient", method: http.MethodPost, path: "/service-clients", tag: tag, scope: ServiceClientsCreate, status: http.StatusCreated,
		summary: "Create a service client",
		about: "Registers a client that authenticates with private_key_jwt and gets tokens by client_credentials. Unless it brings a jwk or a jwks_uri, a key is made and its private half " +
			"answered this once; only the public half is kept. With `may_ask` it may also ask people by CIBA: whom, the realm says (`ask_anyone`).",
		refusals: []string{"invalid_application"},
		takes:    serviceClientInput, gives: serviceClientMade}, a.createServiceClient)
	add(a, operation{id: "getServiceClient", method: http.MethodGet, path: "/service-clients/{service_client_id}", tag: tag, scope: ServiceClientsRead,
		summary: "Read a service client", about: "One service client with its keys and when each was last used.", gives: serviceClientAnswer},
		func(ctx context.Context, c call, in *serviceClientIn) (*serviceClientOut, error) {
			found, err := a.cfg.ServiceClients.ReadServiceClient(ctx, c.site, model.ClientID(in.ServiceClientID))
			return a.serviceClientShown(c, application.Keyed{Application: found}, err)
		})
	add(a, operation{id: "changeServiceClient", method: http.MethodPatch, path: "/service-clients/{service_client_id}", tag: tag, scope: ServiceClientsUpdate,
		summary: "Change a service client",
		about: "Members that are left out stay; null takes one back to its default; lists are replaced as a whole. A status other than active stops the client and kills its tokens at once. " +
			"Keys are rotated; only where they are at a jwks_uri can that be another.",
		refusals: []string{"invalid_application"},
		takes:    map[string]any{"service_client": map[string]any{"display_name": "Tills", "scopes": []string{"devices:read"}}}, gives: serviceClientAnswer}, a.changeServiceClient)
	add(a, operation{id: "deleteServiceClient", method: http.MethodDelete, path: "/service-clients/{service_client_id}", tag: tag, scope: ServiceClientsDelete, status: http.StatusNoContent,
		summary: "Delete a service client", about: "Removes it with its keys. Its tokens are refused from then on."}, a.deleteServiceClient)
	a.serviceClientKeys(tag)
}

func (a *API) serviceClientKeys(tag string) {
	add(a, operation{id: "rotateServiceClientKeys", method: http.MethodPost, path: "/service-clients/{service_client_id}/rotate-keys", tag: tag, scope: ServiceClientsUpdate,
		summary: "Rotate the keys of a service client",
		about: "The new key works at once. The one before is retiring: it works for retire_after seconds more, and not a millisecond longer. Keys that were retiring already end no later than it. " +
			"A private half that was made is answered this once. Of two rotations of one version one is refused.",
		refusals: []string{"invalid_application", "keys_elsewhere", "kid_taken", "too_many_keys"},
		takes:    ServiceClientRotation{RetireAfter: new(86400)}, gives: serviceClientMade}, a.rotateServiceClient)
	add(a, operation{id: "retireServiceClientKey", method: http.MethodPost, path: "/service-clients/{service_client_id}/keys/{kid}/retire", tag: tag, scope: ServiceClientsUpdate,
		summary: "Retire a key at once", about: "Refuses the key from now on. The last one that works stays: rotate before, or freeze the client.",
		refusals: []string{"keys_elsewhere", "last_key"}, gives: serviceClientAnswer},
		func(ctx context.Context, c call, in *serviceClientKeyIn) (*serviceClientOut, error) {
			version, err := in.version()
			if err != nil {
				return nil, err
			}
			done, err := a.cfg.ServiceClients.RetireKey(ctx, c.site, application.KeyEnd{ID: model.ClientID(in.ServiceClientID), KID: model.ClientKeyID(in.KID), Version: version, Actor: c.actor})
			return a.serviceClientShown(c, application.Keyed{Application: done}, err)
		})
	add(a, operation{id: "revokeServiceClientTokens", method: http.MethodPost, path: "/service-clients/{service_client_id}/revoke-tokens", tag: tag, scope: TokensDelete,
		summary: "Revoke all tokens of a service client",
		about:   "Every access token that it has by now is refused, here at once and by resource servers that follow the revocation feed within a second. It may get new ones.",
		gives:   RevokedTokens{exampleTime}}, a.revokeServiceClientTokens)
}

func (a *API) revokeServiceClientTokens(ctx context.Context, c call, in *serviceClientIn) (*revokedTokensOut, error) {
	found, err := a.cfg.ServiceClients.ReadServiceClient(ctx, c.site, model.ClientID(in.ServiceClientID))
	if err != nil {
		return nil, err
	}
	return revoked(a.cfg.ServiceClients.RevokeTokens(ctx, c.site, found.ID, c.actor))
}

func (a *API) listServiceClients(ctx context.Context, c call, in *serviceClientListIn) (*serviceClientListOut, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	all, err := a.cfg.ServiceClients.ServiceClients(ctx, c.site)
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(app model.Application) bool {
		return string(app.ID) <= after || in.Status != "" && in.Status != string(app.Status) || !begins(app.Name, in.Name)
	})
	page, next := cut(in.Page, all, func(app model.Application) string { return string(app.ID) })
	out := &serviceClientListOut{Body: ServiceClientList{ServiceClients: make([]ServiceClient, len(page)), Next: next}}
	for i := range page {
		out.Body.ServiceClients[i] = serviceClientOf(c, &page[i], a.now())
	}
	return out, nil
}

// serviceClientShown is a service client as it is answered, with the key that was
// made for it.
func (a *API) serviceClientShown(c call, k application.Keyed, err error) (*serviceClientOut, error) {
	if err != nil {
		return nil, err
	}
	out := &serviceClientOut{etag(k.Application.Version), ServiceClientAnswer{ServiceClient: serviceClientOf(c, &k.Application, a.now())}}
	if k.Private != nil {
		out.Body.PrivateKey, err = application.PrivateJWK(k.Private)
	}
	return out, err
}

func serviceClientOf(c call, a *model.Application, now model.Millis) ServiceClient {
	s := &a.Settings
	v := ServiceClient{ID: string(a.ID), TenantID: string(c.site.Realm.TenantID), RealmID: string(a.RealmID), Name: a.Name, Description: s.Description, Status: string(a.Status),
		Scopes: append([]string{}, s.Scopes...), Resources: append([]string{}, s.Resources...), MayAsk: application.MayAsk(a), TokenLifetime: int(s.TokenLives().Seconds()), JWKSURI: s.JWKSURI,
		Keys: []ServiceClientKey{}, TokensInvalidBefore: instant(a.TokensInvalidBefore), CreateTime: instant(a.CreatedAt), Version: a.Version}
	for _, k := range application.ListedKeys(a, now) {
		one := ServiceClientKey{KID: string(k.KID), Status: string(k.Status), CreateTime: instant(k.CreatedAt), RetireTime: instant(k.RetireAt), LastUsedTime: instant(k.LastUsedAt)}
		if public, err := jose.ParsePublic(k.JWK); err == nil {
			one.Alg = string(public.Alg())
		}
		if application.StillUsed(a, k, now) {
			one.Warning = "It is still in use: let the client sign with the new key before retire_time."
		}
		v.Keys = append(v.Keys, one)
	}
	return v
}

func (a *API) createServiceClient(ctx context.Context, c call, in *serviceClientCreateIn) (*serviceClientCreateOut, error) {
	b := in.Body.ServiceClient
	made, err := a.cfg.ServiceClients.CreateServiceClient(ctx, c.site, application.NewServiceClient{Name: b.Name, Description: b.Description, Scopes: b.Scopes,
		Resources: b.Resources, MayAsk: b.MayAsk, TokenLifetime: b.TokenLifetime, KeyAlg: b.KeyAlg, JWK: member(b.JWK), JWKSURI: b.JWKSURI, Actor: c.actor})
	out, err := a.serviceClientShown(c, made, err)
	if err != nil {
		return nil, err
	}
	return &serviceClientCreateOut{Location: location(c, "service-clients", string(made.Application.ID)), ETag: out.ETag, Body: out.Body}, nil
}

// member is JSON that was sent; null is nothing.
func member(text json.RawMessage) []byte {
	if string(text) == "null" {
		return nil
	}
	return text
}

func (a *API) rotateServiceClient(ctx context.Context, c call, in *serviceClientRotateIn) (*serviceClientOut, error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	r := application.Rotation{ID: model.ClientID(in.ServiceClientID), Version: version, RetireAfter: application.RetireAfter, Actor: c.actor}
	if b := in.Body; b != nil {
		r.KeyAlg, r.JWK = b.KeyAlg, member(b.JWK)
		if b.RetireAfter != nil {
			r.RetireAfter = time.Duration(*b.RetireAfter) * time.Second
		}
	}
	done, err := a.cfg.ServiceClients.RotateKeys(ctx, c.site, r)
	return a.serviceClientShown(c, done, err)
}

func (a *API) changeServiceClient(ctx context.Context, c call, in *serviceClientChangeIn) (*serviceClientOut, error) {
	found, err := a.serviceClientAsRead(ctx, c, in.ServiceClientTarget, in.IfMatch)
	if err != nil {
		return nil, err
	}
	s := found.Settings
	next, err := patch(a, c, "service_client", ServiceClientEdit{Name: found.Name, Description: s.Description, Scopes: s.Scopes, Resources: s.Resources,
		MayAsk: application.MayAsk(&found), JWKSURI: s.JWKSURI, TokenLifetime: s.TokenLifetime, Status: string(found.Status)}, in.Body.ServiceClient)
	if err != nil {
		return nil, err
	}
	done, err := a.cfg.ServiceClients.UpdateServiceClient(ctx, c.site, found, application.ServiceClientEdit{Name: next.Name, Description: next.Description,
		Scopes: next.Scopes, Resources: next.Resources, TokenLifetime: next.TokenLifetime, MayAsk: next.MayAsk, JWKSURI: next.JWKSURI,
		Status: model.ApplicationStatus(next.Status), Actor: c.actor})
	return a.serviceClientShown(c, application.Keyed{Application: done}, err)
}

// serviceClientAsRead is a service client in the version that the caller read.
func (a *API) serviceClientAsRead(ctx context.Context, c call, t ServiceClientTarget, m IfMatch) (model.Application, error) {
	version, err := m.version()
	if err != nil {
		return model.Application{}, err
	}
	found, err := a.cfg.ServiceClients.ReadServiceClient(ctx, c.site, model.ClientID(t.ServiceClientID))
	if err == nil && version != 0 && version != found.Version {
		err = application.ErrChanged
	}
	return found, err
}

func (a *API) deleteServiceClient(ctx context.Context, c call, in *serviceClientDeleteIn) (*nothing, error) {
	found, err := a.serviceClientAsRead(ctx, c, in.ServiceClientTarget, in.IfMatch)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.cfg.Applications.Delete(ctx, c.site, found.ID, c.actor)
}
