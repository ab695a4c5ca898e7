package clients_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/sdk/resource"
)

// A desk is a realm of its own, an MCP server that takes its tokens, and a person
// whose client comes to that server.
type desk struct {
	*servertest.World
	site   *model.Site
	url    string // of the MCP server, its audience
	person *softperson.Person
	asked  []softperson.Page // the pages that asked the person
}

// localhost is how an address of a test server is written where programs on this
// machine meet.
func localhost(address string) string { return strings.Replace(address, "127.0.0.1", "localhost", 1) }

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{World: servertest.Start(t, func(c *server.Config) { c.FetchAllow = []string{"127.0.0.1"} })}
	mux := http.NewServeMux()
	protected := httptest.NewServer(mux)
	t.Cleanup(protected.Close)
	d.url = localhost(protected.URL) + "/mcp"
	var err error
	// An issuer with a path, so that the metadata are found where RFC 8414 has them.
	d.site, err = d.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "acme", Policy: model.RealmPolicy{Development: true,
		Registration: model.RegistrationPolicy{Mode: model.RegistrationOpen},
		Resources: []model.ResourcePolicy{{Resource: d.url, Name: "Notes", Scopes: []string{"notes:read", "notes:write"},
			DefaultScopes: []string{"notes:read"}}}}})
	servertest.Check(t, err)
	d.person, _ = d.PersonIn(t, d.site, "ada")
	d.protect(t, mux)
	return d
}

// protect serves the tools behind the SDK's own check of tokens.
func (d *desk) protect(t *testing.T, mux *http.ServeMux) {
	t.Helper()
	about := resource.Metadata{Resource: d.url, AuthorizationServers: []string{d.site.Issuer}, Name: "Notes"}
	h, err := about.Handler()
	servertest.Check(t, err)
	mux.Handle(about.Path(), h)
	provider, err := oidc.NewProvider(t.Context(), d.site.Issuer)
	servertest.Check(t, err)
	tools := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return notes() },
		&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true})
	check := verifierOf(provider.Verifier(&oidc.Config{ClientID: d.url}))
	options := &auth.RequireBearerTokenOptions{ResourceMetadataURL: about.URL()}
	mux.Handle("/mcp", auth.RequireBearerToken(check, options)(wider(about, tools)))
}

// verifierOf checks access tokens with what discovery says (RFC 9068, Section 4).
func verifierOf(v *oidc.IDTokenVerifier) auth.TokenVerifier {
	return func(ctx context.Context, raw string, _ *http.Request) (*auth.TokenInfo, error) {
		token, err := v.Verify(ctx, raw)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", auth.ErrInvalidToken, err)
		}
		var claims struct {
			Scope  string `json:"scope"`
			Client string `json:"client_id"`
		}
		if err := token.Claims(&claims); err != nil {
			return nil, err
		}
		return &auth.TokenInfo{Scopes: strings.Fields(claims.Scope), Expiration: token.Expiry, UserID: token.Subject,
			Extra: map[string]any{"client": claims.Client}}, nil
	}
}

// wider refuses the tool that writes without its scope. The SDK's own refusal
// has no error code, which its client then waits for in vain; so the refusal is
// that of our package for protected resources.
func wider(about resource.Metadata, next http.Handler) http.Handler {
	needs := []string{"notes:read", "notes:write"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if bytes.Contains(body, []byte(`"name":"write"`)) && !slices.Contains(auth.TokenInfoFromContext(r.Context()).Scopes, "notes:write") {
			about.Refuse(w, resource.Challenge{Error: resource.InsufficientScope, Scope: needs})
			return
		}
		next.ServeHTTP(w, r)
	})
}

func notes() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: "1"}, nil)
	add := func(name string, say func(*auth.TokenInfo) string) {
		mcp.AddTool(s, &mcp.Tool{Name: name}, func(_ context.Context, r *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: say(r.Extra.TokenInfo)}}}, nil, nil
		})
	}
	add("write", func(*auth.TokenInfo) string { return "written" })
	add("whoami", func(i *auth.TokenInfo) string {
		return fmt.Sprint(i.Extra["client"], " ", slices.Sorted(slices.Values(i.Scopes)))
	})
	return s
}

// connect lets the SDK's client find its way in.
func (d *desk) connect(t *testing.T, config auth.AuthorizationCodeHandlerConfig) *mcp.ClientSession {
	t.Helper()
	config.RedirectURL = "http://localhost:51789/callback"
	config.AuthorizationCodeFetcher = d.authorize
	handler, err := auth.NewAuthorizationCodeHandler(&config)
	servertest.Check(t, err)
	client := mcp.NewClient(&mcp.Implementation{Name: "note-taker", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: d.url, OAuthHandler: handler, DisableStandaloneSSE: true}, nil)
	servertest.Check(t, err)
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// authorize is the person at the link that the client opens: first a look at the
// question, then a yes.
func (d *desk) authorize(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	page, err := d.person.Authorize(ctx, args.URL, softperson.Choices{StopAtAsk: true})
	if err != nil {
		return nil, err
	}
	d.asked = append(d.asked, page)
	answer, err := comeBack(ctx, d.person, args.URL)
	return &auth.AuthorizationResult{Code: answer.Get("code"), State: answer.Get("state"), Iss: answer.Get("iss")}, err
}

func call(t *testing.T, session *mcp.ClientSession, tool string) string {
	t.Helper()
	got, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: map[string]any{}})
	servertest.Check(t, err)
	if len(got.Content) != 1 {
		t.Fatalf("%s: %+v", tool, got)
	}
	text, ok := got.Content[0].(*mcp.TextContent)
	if !ok {
		t.Fatalf("%s: %+v", tool, got.Content[0])
	}
	return text.Text
}

// publish serves the metadata document of a client over TLS.
func publish(t *testing.T) (clientID string) {
	t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"client_id": "https://" + r.Host + r.URL.Path, "client_name": "Published",
			"redirect_uris": []string{"http://localhost/callback"}, "grant_types": []string{"authorization_code", "refresh_token"},
			"token_endpoint_auth_method": "none"})
	}))
	t.Cleanup(s.Close)
	return s.URL + "/client.json"
}

// Requirement: clients-mcp-sdks, mcp-registration-ways, mcp-discovery, mcp-no-scope, mcp-localhost-callback, mcp-step-up, mcp-resource-metadata, consent-shows-new, cimd-works
func TestTheGoSDKsMCPClientGetsInEachWayAndAsksForMoreWhenAToolNeedsIt(t *testing.T) {
	d := newDesk(t)
	document := publish(t)
	public := application.NewApplication{Kind: model.KindNative, AuthMethod: model.AuthNone, GrantTypes: []string{oauth.GrantCode, oauth.GrantRefresh},
		Settings: model.ApplicationSettings{Profile: model.ProfileMCP, RedirectURIs: []string{"http://localhost/callback"}}}
	secret := public
	secret.Kind, secret.AuthMethod = model.KindWeb, model.AuthClientSecretPost
	secret.Settings.RedirectURIs = []string{"http://localhost:51789/callback"}
	known, confidential := d.AppIn(t, d.site, public), d.AppIn(t, d.site, secret)
	for name, way := range map[string]struct {
		client string // the id that it has then, or how that begins
		config auth.AuthorizationCodeHandlerConfig
	}{
		"dynamic registration": {"app_", auth.AuthorizationCodeHandlerConfig{DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{
			Metadata: &oauthex.ClientRegistrationMetadata{ClientName: "Registered", RedirectURIs: []string{"http://localhost:51789/callback"},
				GrantTypes: []string{"authorization_code", "refresh_token"}, TokenEndpointAuthMethod: "none"}}}},
		"dynamic registration with nothing but a redirect URI": {"app_", auth.AuthorizationCodeHandlerConfig{
			DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{
				Metadata: &oauthex.ClientRegistrationMetadata{RedirectURIs: []string{"http://localhost:51789/callback"}}}}},
		"registered before": {known.ID, auth.AuthorizationCodeHandlerConfig{PreregisteredClient: &oauthex.ClientCredentials{
			ClientID: known.ID, Issuer: d.site.Issuer}}},
		"registered before with a secret": {confidential.ID, auth.AuthorizationCodeHandlerConfig{PreregisteredClient: &oauthex.ClientCredentials{
			ClientID: confidential.ID, Issuer: d.site.Issuer, ClientSecretAuth: &oauthex.ClientSecretAuth{ClientSecret: confidential.Secret}}}},
		"metadata document": {document, auth.AuthorizationCodeHandlerConfig{
			ClientIDMetadataDocumentConfig: &auth.ClientIDMetadataDocumentConfig{URL: document}}},
	} {
		t.Run(name, func(t *testing.T) {
			d.asked = nil
			session := d.connect(t, way.config)
			if got := call(t, session, "whoami"); !strings.HasPrefix(got, way.client) || !strings.HasSuffix(got, " [notes:read]") {
				t.Errorf("came in as %s", got)
			}
			if got := call(t, session, "write"); got != "written" {
				t.Errorf("got %q", got)
			}
			if got := call(t, session, "whoami"); !strings.HasSuffix(got, " [notes:read notes:write]") {
				t.Errorf("is in as %s", got)
			}
			d.sawWhatIsNew(t, way.client != "app_")
		})
	}
}

// sawWhatIsNew: the person was asked twice, and the second time was shown which
// scope is more than the first time. A client that registers itself does so again
// before it asks for more (auth/authorization_code.go): to the person it is
// another one, of which all is new.
func (d *desk) sawWhatIsNew(t *testing.T, same bool) {
	t.Helper()
	if len(d.asked) != 2 {
		t.Fatalf("asked %d times", len(d.asked))
	}
	list := "consent-items"
	if same {
		list = "consent-new"
	}
	_, fresh, found := strings.Cut(d.asked[1].Body, `id="`+list+`"`)
	fresh, _, _ = strings.Cut(fresh, "</ul>")
	if !found || !strings.Contains(fresh, "notes:write") || strings.Contains(fresh, "notes:read") == same {
		t.Errorf("new: %s", d.asked[1].Body)
	}
}

// x/oauth2 renews whatever ends within ten seconds, so here each call refreshes.
//
// Requirement: clients-mcp-sdks, refresh-rotate
func TestTheGoSDKsMCPClientRefreshesByItself(t *testing.T) {
	d := newDesk(t)
	app := d.AppIn(t, d.site, application.NewApplication{Kind: model.KindNative, AuthMethod: model.AuthNone,
		GrantTypes: []string{oauth.GrantCode, oauth.GrantRefresh}, Settings: model.ApplicationSettings{Profile: model.ProfileMCP,
			RedirectURIs: []string{"http://localhost/callback"}, TokenLifetime: 9}})
	session := d.connect(t, auth.AuthorizationCodeHandlerConfig{PreregisteredClient: &oauthex.ClientCredentials{ClientID: app.ID}})
	for range 3 {
		if got := call(t, session, "whoami"); got != app.ID+" [notes:read]" {
			t.Errorf("is in as %s", got)
		}
	}
	if len(d.asked) != 1 {
		t.Errorf("asked %d times", len(d.asked))
	}
}
