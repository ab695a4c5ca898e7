package oauthhttp_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
)

// tlsApp is an application that authenticates with a certificate.
func tlsApp(t *testing.T, w *servertest.World, s model.ApplicationSettings) servertest.App {
	t.Helper()
	return w.App(t, application.NewApplication{AuthMethod: model.AuthTLS, Scopes: []string{"read"}, Settings: s})
}

// ownToken is a client_credentials request without credentials in it.
func ownRequest(app servertest.App) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {app.ID}}
}

// clientTemplate is what clients' certificates are made from.
func clientTemplate(change func(*x509.Certificate)) x509.Certificate {
	c := x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	change(&c)
	return c
}

func parseURL(t *testing.T, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	servertest.Check(t, err)
	return u
}

// Requirement: client-auth-tls
func TestACertificateOfATrustedAuthorityAuthenticatesTheSubjectThatIsRegistered(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	cert := m.Authority.Issue(t, clientTemplate(func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "client 1", Organization: []string{"Beispiel, AG"}, Country: []string{"DE"}}
		c.DNSNames = []string{"client.example.com", "*.wild.example"}
		c.URIs = []*url.URL{parseURL(t, "https://client.example.com/id")}
		c.IPAddresses = []net.IP{net.ParseIP("192.0.2.7"), net.ParseIP("2001:db8::7")}
		c.EmailAddresses = []string{"Ops@Client.example"}
	}), nil)
	for _, tt := range []struct {
		name     string
		settings model.ApplicationSettings
		ok       bool
	}{
		{"subject", model.ApplicationSettings{TLSSubjectDN: `CN=client 1,O=Beispiel\, AG,C=DE`}, true},
		{"subject in another spelling", model.ApplicationSettings{TLSSubjectDN: `cn=Client  1, o=beispiel\2c ag, c=de`}, true},
		{"subject the other way round", model.ApplicationSettings{TLSSubjectDN: `C=DE,O=Beispiel\, AG,CN=client 1`}, false},
		{"part of the subject", model.ApplicationSettings{TLSSubjectDN: `CN=client 1`}, false},
		{"another subject", model.ApplicationSettings{TLSSubjectDN: `CN=client 2,O=Beispiel\, AG,C=DE`}, false},
		{"dns", model.ApplicationSettings{TLSSanDNS: "CLIENT.example.com"}, true},
		{"another dns", model.ApplicationSettings{TLSSanDNS: "other.example.com"}, false},
		{"a host under a wildcard", model.ApplicationSettings{TLSSanDNS: "a.wild.example"}, false},
		{"the common name as dns", model.ApplicationSettings{TLSSanDNS: "client 1"}, false},
		{"uri", model.ApplicationSettings{TLSSanURI: "https://client.example.com/id"}, true},
		{"uri in another case", model.ApplicationSettings{TLSSanURI: "https://client.example.com/ID"}, false},
		{"ip", model.ApplicationSettings{TLSSanIP: "192.0.2.7"}, true},
		{"ip version 6 in another spelling", model.ApplicationSettings{TLSSanIP: "2001:DB8:0::7"}, true},
		{"another ip", model.ApplicationSettings{TLSSanIP: "192.0.2.8"}, false},
		{"email", model.ApplicationSettings{TLSSanEmail: "Ops@client.EXAMPLE"}, true},
		{"email of another name", model.ApplicationSettings{TLSSanEmail: "ops@client.example"}, false},
	} {
		app := tlsApp(t, m.World, tt.settings)
		got := m.PostWith(t, &cert, tokenPath, ownRequest(app))
		if tt.ok && got.Status != 200 || !tt.ok && (got.Status != 401 || got.Text("error") != "invalid_client") {
			t.Errorf("%s: %d %s, want accepted %v", tt.name, got.Status, got.Body, tt.ok)
		}
	}
}

// Requirement: client-auth-tls
func TestOnlyCertificatesOfATrustedAuthorityForClientsCount(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	app := tlsApp(t, m.World, model.ApplicationSettings{TLSSubjectDN: "CN=client"})
	named := func(change func(*x509.Certificate)) x509.Certificate {
		return clientTemplate(func(c *x509.Certificate) { c.Subject.CommonName = "client"; change(c) })
	}
	below := m.Authority.Intermediate(t)
	chained := below.Client(t, "client")
	alone := chained
	chained.Certificate = append(slices.Clone(chained.Certificate), below.Certificate.Raw)
	for _, tt := range []struct {
		name string
		cert *tls.Certificate
		ok   bool
	}{
		{"of the authority", ptr(m.Authority.Client(t, "client")), true},
		{"of an authority below it", &chained, true},
		{"of one below it that does not show its own", &alone, false},
		{"none", nil, false},
		{"of another authority", ptr(servertest.NewAuthority(t).Client(t, "client")), false},
		{"self-signed", ptr(servertest.SelfSigned(t, nil)), false},
		{"for servers", ptr(m.Authority.Issue(t, named(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), nil)), false},
		{"expired", ptr(m.Authority.Issue(t, named(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}), nil)), false},
		{"not yet good", ptr(m.Authority.Issue(t, named(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().Add(time.Hour), time.Now().Add(2*time.Hour)
		}), nil)), false},
	} {
		got := m.PostWith(t, tt.cert, tokenPath, ownRequest(app))
		if tt.ok && got.Status != 200 || !tt.ok && (got.Status != 401 || got.Text("error") != "invalid_client") {
			t.Errorf("%s: %d %s, want accepted %v", tt.name, got.Status, got.Body, tt.ok)
		}
	}
}

// RFC 8705, Section 2.1.2.
//
// Requirement: client-auth-tls
func TestAnApplicationIsRegisteredWithOneSubjectThatACertificateCanHave(t *testing.T) {
	w := servertest.Start(t, nil)
	for _, tt := range []struct {
		settings model.ApplicationSettings
		ok       bool
	}{
		{model.ApplicationSettings{TLSSubjectDN: "CN=client,O=Example"}, true},
		{model.ApplicationSettings{TLSSanIP: "2001:db8::7"}, true},
		{model.ApplicationSettings{}, false},
		{model.ApplicationSettings{TLSSubjectDN: "CN=client", TLSSanDNS: "client.example.com"}, false},
		{model.ApplicationSettings{TLSSubjectDN: "client"}, false},
		{model.ApplicationSettings{TLSSubjectDN: "NAME=client"}, false},
		{model.ApplicationSettings{TLSSanIP: "192.0.2.256"}, false},
	} {
		_, err := w.Server.Applications.Create(t.Context(), w.Site, application.NewApplication{Name: "Bank", Kind: model.KindService,
			AuthMethod: model.AuthTLS, GrantTypes: []string{oauth.GrantClientCredentials}, Settings: tt.settings})
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, application.ErrInvalid) {
			t.Errorf("%+v: %v, want accepted %v", tt.settings, err, tt.ok)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// Requirement: client-auth-self-signed-tls
func TestASelfSignedCertificateAuthenticatesWhoRegisteredItsKey(t *testing.T) {
	m := servertest.StartMTLS(t, func(c *server.Config) { c.FetchAllow = []string{"127.0.0.1"} })
	p, fetched := servertest.NewProver(t), servertest.NewProverFor(t, "PS256")
	publisher := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(keySet(t, fetched, nil)) }))
	defer publisher.Close()
	own := servertest.SelfSigned(t, p.Key())
	inline := selfSignedApp(t, m.World, keySet(t, p, nil), "")
	withChain := selfSignedApp(t, m.World, keySet(t, p, own.Certificate), "")
	byURL := selfSignedApp(t, m.World, nil, publisher.URL)
	another := servertest.SelfSigned(t, nil)
	unknownCurve := servertest.SelfSigned(t, p384(t))
	for _, tt := range []struct {
		name string
		app  servertest.App
		cert *tls.Certificate
		ok   bool
	}{
		{"inline", inline, &own, true},
		{"a key with its certificate", withChain, &own, true},
		{"the same key in a new certificate", inline, ptr(servertest.SelfSigned(t, p.Key())), true},
		{"the same key in a certificate of an authority", inline, ptr(m.Authority.Issue(t, clientTemplate(func(*x509.Certificate) {}), p.Key())), true},
		{"at jwks_uri", byURL, ptr(servertest.SelfSigned(t, fetched.Key())), true},
		{"another key", inline, &another, false},
		{"another key at jwks_uri", byURL, &own, false},
		{"a key of no known kind", inline, &unknownCurve, false},
		{"a certificate of a trusted authority", inline, ptr(m.Authority.Client(t, "self")), false},
		{"none", inline, nil, false},
	} {
		got := m.PostWith(t, tt.cert, tokenPath, ownRequest(tt.app))
		if tt.ok && got.Status != 200 || !tt.ok && (got.Status != 401 || got.Text("error") != "invalid_client") {
			t.Errorf("%s: %d %s, want accepted %v", tt.name, got.Status, got.Body, tt.ok)
		}
	}
}

func p384(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	servertest.Check(t, err)
	return key
}

func selfSignedApp(t *testing.T, w *servertest.World, jwks []byte, uri string) servertest.App {
	t.Helper()
	return w.App(t, application.NewApplication{AuthMethod: model.AuthSelfSignedTLS, JWKS: jwks, Settings: model.ApplicationSettings{JWKSURI: uri}})
}

// keySet is a JWK Set with one key, with its certificate chain if there is one.
func keySet(t *testing.T, p *servertest.Prover, chain [][]byte) []byte {
	t.Helper()
	key := map[string]any{"kid": "tls"}
	for name, value := range p.JWK(t) {
		key[name] = value
	}
	if chain != nil {
		key["x5c"] = []string{base64.StdEncoding.EncodeToString(chain[0])}
	}
	set, err := json.Marshal(map[string]any{"keys": []any{key}})
	servertest.Check(t, err)
	return set
}

// RFC 8705, Section 2: the client says who it is, and what it is registered for
// counts.
//
// Requirement: client-auth-tls, client-auth-self-signed-tls
func TestACertificateStandsInForNoOtherCredentials(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	cert := m.Authority.Client(t, "client")
	secret := m.App(t, application.NewApplication{})
	byCert := tlsApp(t, m.World, model.ApplicationSettings{TLSSubjectDN: "CN=client"})
	for _, tt := range []struct {
		name string
		form url.Values
		want string
	}{
		{"a client with a secret, by certificate", ownRequest(secret), "invalid_client"},
		{"a client with a secret, by secret", secret.Form("grant_type", "client_credentials"), ""},
		{"a client with a certificate, by secret", servertest.App{ID: byCert.ID, Secret: "guess"}.Form("grant_type", "client_credentials"), "invalid_client"},
		{"nobody", url.Values{"grant_type": {"client_credentials"}}, "invalid_client"},
		{"an unknown client", url.Values{"grant_type": {"client_credentials"}, "client_id": {"svc_unknown"}}, "invalid_client"},
		{"a client with a certificate", ownRequest(byCert), ""},
	} {
		got := m.PostWith(t, &cert, tokenPath, tt.form)
		if got.Text("error") != tt.want || tt.want != "" && got.Status != 401 {
			t.Errorf("%s: %d %s, want %q", tt.name, got.Status, got.Body, tt.want)
		}
	}
	if got := m.Post(t, tokenPath, ownRequest(byCert)); got.Status != 401 || got.Text("error") != "invalid_client" {
		t.Errorf("at the main listener: %d %s", got.Status, got.Body)
	}
}

// The names of headers in which proxies hand certificates on, RFC 9440 among
// them.
//
// Requirement: mtls-not-by-header
func TestACertificateInAHeaderIsNeverBelieved(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	cert := m.Authority.Client(t, "client")
	app := tlsApp(t, m.World, model.ApplicationSettings{TLSSubjectDN: "CN=client"})
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))
	der := base64.StdEncoding.EncodeToString(cert.Certificate[0])
	headers := []string{"Client-Cert", ":" + der + ":", "X-SSL-Cert", url.QueryEscape(text), "X-Client-Cert", der, "X-Forwarded-Client-Cert",
		"Cert=" + url.QueryEscape(text), "SSL-Client-Cert", der, "X-SSL-Client-S-DN", "CN=client", "X-SSL-Client-Verify", "SUCCESS"}
	other := servertest.SelfSigned(t, nil)
	for name, got := range map[string]servertest.Answer{
		"main listener":           m.Post(t, tokenPath, ownRequest(app), headers...),
		"without a certificate":   m.PostWith(t, nil, tokenPath, ownRequest(app), headers...),
		"with somebody else's":    m.PostWith(t, &other, tokenPath, ownRequest(app), headers...),
		"with a proxy's protocol": m.PostWith(t, nil, tokenPath, ownRequest(app), append(headers, "Forwarded", "for=127.0.0.1;proto=https")...),
	} {
		if got.Status != 401 || got.Text("error") != "invalid_client" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
}

func x5t(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Requirement: mtls-bound-token, profile-sender-constraint
func TestTokensAreBoundToTheCertificateOfTheirClient(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	cert, other := servertest.SelfSigned(t, nil), servertest.SelfSigned(t, nil)
	f := m.Flow(t, public(model.ApplicationSettings{Sender: model.SenderMTLS}))
	code := f.Code(t)
	form := f.Form("grant_type", oauth.GrantCode, "code", code, "redirect_uri", f.Redirect, "code_verifier", f.Verifier)
	for name, got := range map[string]servertest.Answer{"main listener": m.Post(t, tokenPath, form), "no certificate": m.PostWith(t, nil, tokenPath, form)} {
		if got.Status != 400 || got.Text("error") != "invalid_request" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	got := m.PostWith(t, &cert, tokenPath, form) // the code is still good
	token := got.Text("access_token")
	if cnf, _ := claimsOf(t, token)["cnf"].(map[string]any); got.Status != 200 || got.Text("token_type") != "Bearer" || len(cnf) != 1 || cnf["x5t#S256"] != x5t(cert) {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	bearer := []string{"Authorization", "Bearer " + token}
	for _, tt := range []struct {
		name string
		got  servertest.Answer
		ok   bool
	}{
		{"its certificate", m.SendWith(t, &cert, "GET", "/userinfo", nil, bearer...), true},
		{"another", m.SendWith(t, &other, "GET", "/userinfo", nil, bearer...), false},
		{"none", m.SendWith(t, nil, "GET", "/userinfo", nil, bearer...), false},
		{"main listener", m.Get(t, "/userinfo", bearer...), false},
		{"its certificate again", m.SendWith(t, &cert, "GET", "/userinfo", nil, bearer...), true},
	} {
		if tt.ok && tt.got.Status != 200 || !tt.ok && (tt.got.Status != 401 || tt.got.Text("error") != "invalid_token") {
			t.Errorf("%s: %d %s", tt.name, tt.got.Status, tt.got.Body)
		}
	}
}

// Requirement: mtls-refresh-public
func TestARefreshTokenOfAPublicClientIsBoundToItsCertificate(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	cert, other := servertest.SelfSigned(t, nil), servertest.SelfSigned(t, nil)
	f := m.Flow(t, public(model.ApplicationSettings{Sender: model.SenderMTLS}))
	got := m.PostWith(t, &cert, tokenPath, f.Form("grant_type", oauth.GrantCode, "code", f.Code(t), "redirect_uri", f.Redirect, "code_verifier", f.Verifier))
	form := f.Form("grant_type", oauth.GrantRefresh, "refresh_token", got.Text("refresh_token"))
	for _, tt := range []struct {
		name string
		cert *tls.Certificate
		want string
	}{{"another", &other, "invalid_grant"}, {"none", nil, "invalid_request"}, {"its own", &cert, ""}} {
		if got := m.PostWith(t, tt.cert, tokenPath, form); got.Text("error") != tt.want || (got.Status == 200) != (tt.want == "") {
			t.Errorf("%s: %d %s, want %q", tt.name, got.Status, got.Body, tt.want)
		}
	}
}

// RFC 9449 and RFC 8705 together: both keys are asked for.
//
// Requirement: mtls-bound-token, dpop-token-bound
func TestATokenCanBeBoundToACertificateAndAKey(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	cert := servertest.SelfSigned(t, nil)
	p := servertest.NewProver(t)
	f := m.Flow(t, public(model.ApplicationSettings{Sender: model.SenderMTLS}))
	got := m.PostWith(t, &cert, tokenPath, f.Form("grant_type", oauth.GrantCode, "code", f.Code(t), "redirect_uri", f.Redirect, "code_verifier", f.Verifier),
		"DPoP", p.Proof(t, "POST", m.Base+tokenPath, nil)) // htu is that of the alias
	token := got.Text("access_token")
	cnf, _ := claimsOf(t, token)["cnf"].(map[string]any)
	if got.Text("token_type") != "DPoP" || cnf["x5t#S256"] != x5t(cert) || cnf["jkt"] != p.JKT(t) {
		t.Fatalf("got %d %s", got.Status, got.Body)
	}
	at := m.Base + "/userinfo"
	for _, tt := range []struct {
		name string
		cert *tls.Certificate
		ok   bool
	}{{"both", &cert, true}, {"the proof alone", nil, false}} {
		got := m.SendWith(t, tt.cert, "GET", "/userinfo", nil, "Authorization", "DPoP "+token, "DPoP", p.ResourceProof(t, "GET", at, token, nil))
		if (got.Status == 200) != tt.ok {
			t.Errorf("%s: %d %s", tt.name, got.Status, got.Body)
		}
	}
	if got := m.SendWith(t, &cert, "GET", "/userinfo", nil, "Authorization", "Bearer "+token); got.Status != 401 {
		t.Errorf("the certificate alone: %d %s", got.Status, got.Body)
	}
}

// Requirement: mtls-listener
func TestTheListenerForCertificatesServesWhatTheyAreForAndNothingElse(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	for _, path := range []string{"/", "/approver/", "/oauth/authorize", "/oauth/jwks", "/oauth/register", "/.well-known/openid-configuration",
		"/v1/me", "/livez", "/readyz", "/metrics", "/debug/pprof/", "/oauth/token/", "/realms/other/v1/me", "/oauth"} {
		for _, method := range []string{"GET", "POST"} {
			if got := m.SendWith(t, nil, method, path, nil); got.Status != 404 {
				t.Errorf("%s %s: %d", method, path, got.Status)
			}
		}
	}
	for _, path := range oauth.MTLSPaths() {
		if got := m.SendWith(t, nil, "POST", path, strings.NewReader("client_id=svc_x"), "Content-Type", "application/x-www-form-urlencoded"); got.Status != 401 {
			t.Errorf("%s: %d %s, want 401", path, got.Status, got.Body)
		}
	}
}

// Requirement: mtls-listener
func TestDiscoveryNamesTheListenerForCertificates(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	doc := m.Get(t, "/.well-known/openid-configuration").JSON
	aliases, _ := doc["mtls_endpoint_aliases"].(map[string]any)
	for name, path := range map[string]string{"token_endpoint": tokenPath, "pushed_authorization_request_endpoint": "/oauth/par",
		"backchannel_authentication_endpoint": "/oauth/bc-authorize", "device_authorization_endpoint": "/oauth/device/code",
		"introspection_endpoint": "/oauth/introspect", "revocation_endpoint": "/oauth/revoke", "userinfo_endpoint": "/userinfo"} {
		if aliases[name] != m.Base+path || doc[name] != m.URL+path {
			t.Errorf("%s: %v, alias %v", name, doc[name], aliases[name])
		}
	}
	if len(aliases) != 7 || doc["tls_client_certificate_bound_access_tokens"] != true {
		t.Errorf("aliases %v, bound tokens %v", aliases, doc["tls_client_certificate_bound_access_tokens"])
	}
	plain := servertest.Start(t, nil).Get(t, "/.well-known/openid-configuration").JSON
	methods, _ := plain["token_endpoint_auth_methods_supported"].([]any)
	if plain["mtls_endpoint_aliases"] != nil || slices.Contains(methods, any("tls_client_auth")) || slices.Contains(methods, any("self_signed_tls_client_auth")) {
		t.Errorf("without that listener: %v, %v", plain["mtls_endpoint_aliases"], methods)
	}
}

// Requirement: mtls-listener, dpop-htu-normalised
func TestEveryRealmIsThereUnderItsPath(t *testing.T) {
	m := servertest.StartMTLS(t, nil)
	site, err := m.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "other", DisplayName: "Other"})
	servertest.Check(t, err)
	cert := m.Authority.Client(t, "client")
	app := m.AppIn(t, site, application.NewApplication{AuthMethod: model.AuthTLS, Settings: model.ApplicationSettings{TLSSubjectDN: "CN=client"}})
	p := servertest.NewProver(t)
	for _, tt := range []struct {
		path, htu string
		want      int
	}{
		{"/realms/other" + tokenPath, m.Base + "/realms/other" + tokenPath, 200},
		{"/realms/other" + tokenPath, m.URL + "/realms/other" + tokenPath, 200},
		{"/realms/other" + tokenPath, m.Base + tokenPath, 400},
		{tokenPath, m.Base + tokenPath, 401}, // another realm's client is unknown
		{"/realms/none" + tokenPath, m.Base + "/realms/none" + tokenPath, 404},
	} {
		got := m.PostWith(t, &cert, tt.path, ownRequest(app), "DPoP", p.Proof(t, "POST", tt.htu, nil))
		if got.Status != tt.want || got.Status == 200 && claimsOf(t, got.Text("access_token"))["iss"] != site.Issuer {
			t.Errorf("%s with %s: %d %s, want %d", tt.path, tt.htu, got.Status, got.Body, tt.want)
		}
	}
	aliases, _ := m.Get(t, "/realms/other/.well-known/openid-configuration").JSON["mtls_endpoint_aliases"].(map[string]any)
	if aliases["token_endpoint"] != m.Base+"/realms/other"+tokenPath {
		t.Errorf("aliases %v", aliases)
	}
}

// Requirement: client-auth-tls
func TestWithoutAuthoritiesNoCertificateIsTrusted(t *testing.T) {
	m := servertest.StartMTLS(t, func(c *server.Config) { c.MTLS.ClientCA = nil })
	cert := m.Authority.Client(t, "client")
	app := tlsApp(t, m.World, model.ApplicationSettings{TLSSubjectDN: "CN=client"})
	if got := m.PostWith(t, &cert, tokenPath, ownRequest(app)); got.Status != 401 || got.Text("error") != "invalid_client" {
		t.Errorf("got %d %s", got.Status, got.Body)
	}
}
