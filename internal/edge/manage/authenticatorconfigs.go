package manage

import (
	"context"
	"net/http"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/authenticator"
)

// Authenticators are authenticator configs.
type Authenticators interface {
	Create(context.Context, *model.Site, authenticator.Draft) (model.AuthenticatorConfig, error)
	List(context.Context, *model.Site, authenticator.Query) ([]model.AuthenticatorConfig, error)
	Read(context.Context, *model.Site, model.AuthenticatorConfigID) (model.AuthenticatorConfig, error)
	Update(context.Context, *model.Site, authenticator.Ref, func(*model.AuthenticatorConfig)) (model.AuthenticatorConfig, error)
	Delete(context.Context, *model.Site, authenticator.Ref) error
}

// AuthenticatorConfigInput is what an authenticator config is to be.
type AuthenticatorConfigInput struct {
	Name           string   `json:"name" minLength:"1" maxLength:"200" doc:"What operators call it." example:"Shop"`
	Type           string   `json:"type" enum:"hosted,embedded" doc:"hosted: people authenticate on the realm's pages; embedded: within the application. It stays as it is made." example:"embedded"`
	Invocation     string   `json:"invocation_type,omitempty" enum:"automatic,manual" doc:"Of embedded ones: automatic redirects the browser to invoke_url, manual answers that address as JSON." example:"automatic"`
	InvokeURL      string   `json:"invoke_url,omitempty" maxLength:"2048" doc:"Of embedded ones: the page or app that runs the ceremony: at a trusted origin, or a private-use scheme of a native app." example:"https://shop.example/login"`
	TrustedOrigins []string `json:"trusted_origins,omitempty" maxItems:"50" doc:"Origins that may run ceremonies, and that people may be sent to after a binding: https, or http on loopback; exact." example:"[\"https://shop.example\"]"`
	RPID           string   `json:"rp_id,omitempty" maxLength:"253" doc:"Of embedded ones: WebAuthn relying party id, the host of every trusted origin or a parent of it; left out: the realm's own." example:"shop.example"`
}

// settings are the input as the service takes them.
func (in *AuthenticatorConfigInput) settings() model.AuthenticatorSettings {
	return model.AuthenticatorSettings{Type: model.AuthenticatorType(in.Type), Invocation: model.Invocation(in.Invocation), InvokeURL: in.InvokeURL,
		TrustedOrigins: in.TrustedOrigins, RPID: in.RPID}
}

func configInput(v model.AuthenticatorConfig) AuthenticatorConfigInput {
	s := v.Settings
	return AuthenticatorConfigInput{Name: v.Name, Type: string(s.Type), Invocation: string(s.Invocation), InvokeURL: s.InvokeURL,
		TrustedOrigins: s.TrustedOrigins, RPID: s.RPID}
}

// AuthenticatorConfig says how people authenticate to the applications that name it.
type AuthenticatorConfig struct {
	ID         string `json:"id" doc:"Its id." example:"acf_01kagxw5yzf0bvvq3jr0d0gckm"`
	TenantID   string `json:"tenant_id" doc:"Id of the tenant." example:"ten_01kagxw5yye2w8s1zk1d5fx0p3"`
	RealmID    string `json:"realm_id" doc:"Id of the realm." example:"rlm_01kagxw5yzf0bvvq3jr0d0gckm"`
	CreateTime string `json:"create_time" doc:"When it was made (RFC 3339)." example:"2026-11-20T12:00:00Z"`
	UpdateTime string `json:"update_time" doc:"When it was last changed (RFC 3339)." example:"2026-11-20T12:00:00Z"`
	Version    int64  `json:"version" doc:"Grows with each change; the ETag." example:"1"`
	AuthenticatorConfigInput
}

type (
	configBody struct {
		Config AuthenticatorConfigInput `json:"authenticator_config"`
	}
	configPatch struct {
		Config Patch[AuthenticatorConfigInput] `json:"authenticator_config"`
	}
	// AuthenticatorConfigAnswer is one config.
	AuthenticatorConfigAnswer struct {
		Config AuthenticatorConfig `json:"authenticator_config"`
	}
	// AuthenticatorConfigList is one page, ordered by id.
	AuthenticatorConfigList struct {
		Configs []AuthenticatorConfig `json:"authenticator_configs"`
		Next    string                `json:"next_page_token"`
	}
	// ConfigTarget is the input that names a config. Embedded inputs are exported:
	// others are not seen.
	ConfigTarget struct {
		Target
		ID string `path:"authenticator_config_id" maxLength:"64" doc:"Id of the authenticator config." example:"acf_01kagxw5yzf0bvvq3jr0d0gckm"`
	}
	// ConfigMeant is the input that names a version of a config.
	ConfigMeant struct {
		ConfigTarget
		IfMatch string `header:"If-Match" doc:"ETag that the config must still have; left out: any." example:"\"3\"" maxLength:"64"`
	}
	configCreateIn struct {
		Target
		Body configBody
	}
	configUpdateIn struct {
		ConfigMeant
		Body configPatch
	}
	configsIn struct {
		Target
		Page
		Name string `query:"name" maxLength:"200" doc:"Only those with this name." example:"Shop"`
	}
	configsOut struct{ Body AuthenticatorConfigList }
	configOut  struct {
		ETag string `header:"ETag" doc:"Version of the config, for If-Match."`
		Body AuthenticatorConfigAnswer
	}
	configCreated struct {
		Location string `header:"Location" doc:"Where the config is."`
		ETag     string `header:"ETag" doc:"Version of the config, for If-Match."`
		Body     AuthenticatorConfigAnswer
	}
)

var (
	configInputExample = AuthenticatorConfigInput{Name: "Shop", Type: "embedded", Invocation: "automatic", InvokeURL: "https://shop.example/login",
		TrustedOrigins: []string{"https://shop.example"}, RPID: "shop.example"}
	configExample = AuthenticatorConfigAnswer{AuthenticatorConfig{ID: "acf_01kagxw5yzf0bvvq3jr0d0gckm", TenantID: "ten_01kagxw5yye2w8s1zk1d5fx0p3",
		RealmID: "rlm_01kagxw5yzf0bvvq3jr0d0gckm", CreateTime: "2026-11-20T12:00:00Z", UpdateTime: "2026-11-20T12:00:00Z", Version: 1,
		AuthenticatorConfigInput: configInputExample}}
	configWords = map[string]string{
		"AuthenticatorConfig":                     "How people authenticate to the applications that name it.",
		"AuthenticatorConfigInput":                "What an authenticator config is to be.",
		"ConfigBody":                              "An authenticator config to be made.",
		"ConfigPatch":                             "A change of an authenticator config.",
		"AuthenticatorConfigAnswer":               "An authenticator config.",
		"AuthenticatorConfigList":                 "A page of authenticator configs.",
		"authenticator_config":                    "The authenticator config.",
		"authenticator_configs":                   "The authenticator configs of this page.",
		"authenticator_config_id":                 "Id of the authenticator config; empty: people authenticate on the realm's pages.",
		"AuthenticatorConfigList.next_page_token": "For the next page; empty: this is the last.",
	}
)

const configPath = "/authenticator-configs/{authenticator_config_id}"

func (a *API) authenticatorConfigs() {
	a.describe(configWords)
	add(a, operation{id: "listAuthenticatorConfigs", method: http.MethodGet, path: "/authenticator-configs", tag: "Authenticator configs", scope: AuthenticatorConfigsRead,
		summary: "List authenticator configs", about: "Those of the realm, ordered by id, in pages.",
		gives: AuthenticatorConfigList{Configs: []AuthenticatorConfig{configExample.Config}}}, a.listAuthenticatorConfigs)
	add(a, operation{id: "createAuthenticatorConfig", method: http.MethodPost, path: "/authenticator-configs", tag: "Authenticator configs", scope: AuthenticatorConfigsCreate,
		status: http.StatusCreated, summary: "Create an authenticator config",
		about: "Says where people authenticate to the applications that name it: on the realm's pages, or embedded in the application. Applications with an embedded one must be first_party. " +
			"In a realm without a host of its own, origins that are not under the realm's own rp_id are for callers of the default realm (`shared_host`).",
		refusals: []string{"invalid_authenticator_config", "shared_host"},
		takes:    configBody{configInputExample}, gives: configExample}, a.createAuthenticatorConfig)
	add(a, operation{id: "getAuthenticatorConfig", method: http.MethodGet, path: configPath, tag: "Authenticator configs", scope: AuthenticatorConfigsRead,
		summary: "Read an authenticator config", about: "One authenticator config.", gives: configExample}, a.readAuthenticatorConfig)
	add(a, operation{id: "updateAuthenticatorConfig", method: http.MethodPatch, path: configPath, tag: "Authenticator configs", scope: AuthenticatorConfigsUpdate,
		summary: "Change an authenticator config",
		about: "A JSON merge patch (RFC 7396): what the body does not have stays. The type stays as it was made. Another rp_id makes the passkeys useless " +
			"there that were bound before; an origin that is taken away can finish nothing any more that it began.",
		refusals: []string{"invalid_authenticator_config", "shared_host"},
		takes:    configPatchExample, gives: configExample}, a.updateAuthenticatorConfig)
	add(a, operation{id: "deleteAuthenticatorConfig", method: http.MethodDelete, path: configPath, tag: "Authenticator configs", scope: AuthenticatorConfigsDelete,
		status: http.StatusNoContent, summary: "Delete an authenticator config", about: "Refused while an application or an open binding job names it.",
		refusals: []string{"in_use/config"}}, a.deleteAuthenticatorConfig)
}

// configPatchExample has the form of a patch, which holds text.
var configPatchExample = map[string]any{"authenticator_config": map[string]any{"invocation_type": "manual"}}

func shownConfig(c call, v model.AuthenticatorConfig) AuthenticatorConfig {
	out := AuthenticatorConfig{ID: string(v.ID), TenantID: string(c.site.Realm.TenantID), RealmID: string(v.RealmID),
		CreateTime: instant(v.CreatedAt), UpdateTime: instant(v.UpdatedAt), Version: v.Version,
		AuthenticatorConfigInput: configInput(v)}
	if out.TrustedOrigins == nil {
		out.TrustedOrigins = []string{}
	}
	return out
}

func answeredConfig(c call, v model.AuthenticatorConfig) *configOut {
	return &configOut{etag(v.Version), AuthenticatorConfigAnswer{shownConfig(c, v)}}
}

func (a *API) listAuthenticatorConfigs(ctx context.Context, c call, in *configsIn) (*configsOut, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	list, err := a.cfg.Authenticators.List(ctx, c.site, authenticator.Query{Name: in.Name, After: after, Limit: in.Size + 1})
	if err != nil {
		return nil, err
	}
	list, next := cut(in.Page, list, func(v model.AuthenticatorConfig) string { return string(v.ID) })
	out := &configsOut{AuthenticatorConfigList{Configs: make([]AuthenticatorConfig, len(list)), Next: next}}
	for i, v := range list {
		out.Body.Configs[i] = shownConfig(c, v)
	}
	return out, nil
}

func (a *API) createAuthenticatorConfig(ctx context.Context, c call, in *configCreateIn) (*configCreated, error) {
	b := in.Body.Config
	if err := c.mayTrust(b.settings()); err != nil {
		return nil, err
	}
	v, err := a.cfg.Authenticators.Create(ctx, c.site, authenticator.Draft{Name: b.Name, Settings: b.settings(), Actor: c.actor})
	if err != nil {
		return nil, err
	}
	out := answeredConfig(c, v)
	return &configCreated{c.r.URL.Path + "/" + string(v.ID), out.ETag, out.Body}, nil
}

func (a *API) readAuthenticatorConfig(ctx context.Context, c call, in *ConfigTarget) (*configOut, error) {
	v, err := a.cfg.Authenticators.Read(ctx, c.site, model.AuthenticatorConfigID(in.ID))
	if err != nil {
		return nil, err
	}
	return answeredConfig(c, v), nil
}

func (in *ConfigMeant) ref(c call) (authenticator.Ref, error) {
	version, err := versionOf(in.IfMatch)
	return authenticator.Ref{ID: model.AuthenticatorConfigID(in.ID), Version: version, Actor: c.actor}, err
}

func (a *API) updateAuthenticatorConfig(ctx context.Context, c call, in *configUpdateIn) (*configOut, error) {
	ref, err := in.ref(c)
	if err != nil {
		return nil, err
	}
	old, err := a.cfg.Authenticators.Read(ctx, c.site, ref.ID)
	if err != nil {
		return nil, err
	}
	next, err := patch(a, c, "authenticator_config", configInput(old), in.Body.Config)
	if err != nil {
		return nil, err
	}
	if s := next.settings(); !sameTrust(old.Settings, s) {
		if err := c.mayTrust(s); err != nil {
			return nil, err
		}
	}
	if ref.Version == 0 {
		ref.Version = old.Version // the patch was put into this one
	}
	v, err := a.cfg.Authenticators.Update(ctx, c.site, ref, func(m *model.AuthenticatorConfig) {
		m.Name, m.Settings = next.Name, next.settings()
	})
	if err != nil {
		return nil, err
	}
	return answeredConfig(c, v), nil
}

func (a *API) deleteAuthenticatorConfig(ctx context.Context, c call, in *ConfigMeant) (*nothing, error) {
	ref, err := in.ref(c)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.cfg.Authenticators.Delete(ctx, c.site, ref)
}
