package oauthhttp_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/store/litetest"
	"github.com/assent-id/assent/internal/store/pgtest"
)

const clientCredentials = "client_credentials"

// refusedAlike checks that an assertion is refused as every other that is wrong: the
// answer does not tell what was wrong with it, nor which clients there are.
func refusedAlike(t *testing.T, what string, got servertest.Answer) {
	t.Helper()
	if got.Status != http.StatusUnauthorized || got.Text("error") != "invalid_client" || got.Text("error_description") != "client authentication failed" || len(got.JSON) != 2 {
		t.Errorf("%s: %d %s", what, got.Status, got.Body)
	}
}

// presented is a form with an assertion that was made elsewhere.
func presented(compact string, pairs ...string) url.Values {
	v := url.Values{"grant_type": {clientCredentials}, "client_assertion": {compact}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// A flaw of an assertion does not use its jti up: whoever sees an assertion cannot
// make it useless by sending it with a mistake.
//
// Requirement: svc-assertion-refused, assertion-issuer-subject, assertion-audience-else, assertion-lifetime, assertion-future, client-auth-uniform
func TestAnAssertionWithAFlawIsRefusedAlikeAndSpendsNothing(t *testing.T) {
	w := servertest.Start(t, nil)
	other, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "other", Policy: model.RealmPolicy{Development: true}})
	servertest.Check(t, err)
	app := w.KeyApp(t, jose.ES256, application.NewApplication{})
	neighbour := w.KeyApp(t, jose.ES256, application.NewApplication{})
	type claims = map[string]any
	for _, row := range []struct {
		name   string
		flawed func(now int64) claims // now in seconds, when the row is sent
	}{
		{"iss is missing", func(int64) claims { return claims{"iss": nil} }},
		{"sub is missing", func(int64) claims { return claims{"sub": nil} }},
		{"iss is another client", func(int64) claims { return claims{"iss": neighbour.ID} }},
		{"sub is another client", func(int64) claims { return claims{"sub": neighbour.ID} }},
		{"both are another client", func(int64) claims { return claims{"iss": neighbour.ID, "sub": neighbour.ID} }},
		{"both are nobody", func(int64) claims { return claims{"iss": ids.New("svc"), "sub": ids.New("svc")} }},
		{"iss is a list", func(int64) claims { return claims{"iss": []string{app.ID}} }},
		{"aud is missing", func(int64) claims { return claims{"aud": nil} }},
		{"aud is another realm's issuer", func(int64) claims { return claims{"aud": other.Issuer} }},
		{"aud is another realm's endpoint", func(int64) claims { return claims{"aud": other.Issuer + "/oauth/token"} }},
		{"aud is another server", func(int64) claims { return claims{"aud": "https://abyrgverslun.is/api/oauth/token"} }},
		{"aud is a list with another realm", func(int64) claims { return claims{"aud": []string{w.URL, other.Issuer}} }},
		{"aud is a list of nobody", func(int64) claims { return claims{"aud": []string{}} }},
		{"aud is a list in a list", func(int64) claims { return claims{"aud": [][]string{{w.URL}}} }},
		{"aud is the client", func(int64) claims { return claims{"aud": app.ID} }},
		{"exp is missing", func(int64) claims { return claims{"exp": nil} }},
		{"exp is over", func(now int64) claims { return claims{"exp": now - 1} }},
		{"exp is now", func(now int64) claims { return claims{"exp": now} }},
		{"exp is more than five minutes ahead", func(now int64) claims { return claims{"exp": now + 330} }},
		{"exp is text", func(int64) claims { return claims{"exp": "4102444800"} }},
		{"exp is more than any number", func(int64) claims { return claims{"exp": 1e300} }},
		{"exp is below zero", func(int64) claims { return claims{"exp": -1} }},
		{"iat is in the future", func(now int64) claims { return claims{"iat": now + 40} }},
		{"nbf is in the future", func(now int64) claims { return claims{"nbf": now + 40} }},
		{"jti is missing", func(int64) claims { return claims{"jti": nil} }},
		{"jti is empty", func(int64) claims { return claims{"jti": ""} }},
		{"jti is longer than 512 bytes", func(int64) claims { return claims{"jti": strings.Repeat("j", 513)} }},
		{"jti is a number", func(int64) claims { return claims{"jti": 7} }},
	} {
		jti := ids.Secret()
		flawed := claims{"aud": w.URL, "jti": jti}
		maps.Copy(flawed, row.flawed(time.Now().Unix()))
		refusedAlike(t, row.name, w.Post(t, "/oauth/token", app.AssertionForm(t, "", flawed, "grant_type", clientCredentials)))
		good := w.Post(t, "/oauth/token", app.AssertionForm(t, w.URL, claims{"jti": jti}, "grant_type", clientCredentials))
		if good.Status != http.StatusOK {
			t.Errorf("%s: then a good one with its jti: %d %s", row.name, good.Status, good.Body)
		}
	}
	longest := app.AssertionForm(t, w.URL, map[string]any{"jti": strings.Repeat("j", 512)}, "grant_type", clientCredentials)
	if got := w.Post(t, "/oauth/token", longest); got.Status != http.StatusOK {
		t.Errorf("the longest jti: %d %s", got.Status, got.Body)
	}
	refusedAlike(t, "the same again", w.Post(t, "/oauth/token", longest))
	for what, realm := range map[string]string{"at another realm": other.Issuer, "at another realm for its issuer": other.Issuer} {
		aud := w.URL
		if strings.HasSuffix(what, "issuer") {
			aud = other.Issuer
		}
		refusedAlike(t, what, servertest.Do(t, http.MethodPost, realm+"/oauth/token", strings.NewReader(app.AssertionForm(t, aud, nil, "grant_type", clientCredentials).Encode()),
			"Content-Type", "application/x-www-form-urlencoded"))
	}
}

// Requirement: svc-assertion-refused, client-auth-one-method
func TestAnAssertionIsAFormOfItsTypeAndAlone(t *testing.T) {
	w := servertest.Start(t, nil)
	app := w.KeyApp(t, jose.ES256, application.NewApplication{})
	send := func(compact string, pairs ...string) servertest.Answer {
		return w.Post(t, "/oauth/token", presented(compact, pairs...))
	}
	compact := app.Assertion(t, w.URL, nil)
	for _, kind := range []string{"", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "jwt-bearer"} {
		refusedAlike(t, "of the type "+kind, send(compact, "client_assertion_type", kind))
	}
	refusedAlike(t, "with another client_id", send(compact, "client_id", "svc_other"))
	refusedAlike(t, "nothing", send(""))
	refusedAlike(t, "no JWT", send("a.b.c"))
	for what, got := range map[string]servertest.Answer{
		"with a secret beside it": send(compact, "client_secret", "x"),
		"with Basic beside it":    w.Post(t, "/oauth/token", presented(compact), "Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(app.ID+":x"))),
	} {
		if got.Status != http.StatusBadRequest || got.Text("error") != "invalid_request" { // RFC 6749, Section 2.3
			t.Errorf("%s: %d %s", what, got.Status, got.Body)
		}
	}
	text, err := json.Marshal(map[string]string{"grant_type": clientCredentials, "client_assertion": compact, "client_assertion_type": presented("").Get("client_assertion_type")})
	servertest.Check(t, err)
	got := servertest.Do(t, http.MethodPost, w.URL+"/oauth/token", strings.NewReader(string(text)), "Content-Type", "application/json")
	if got.Status < 400 || got.Status >= 500 || got.Text("access_token") != "" {
		t.Errorf("JSON: %d %s", got.Status, got.Body)
	}
	if got := send(compact, "client_id", app.ID); got.Status != http.StatusOK {
		t.Errorf("after all of this the assertion itself: %d %s", got.Status, got.Body)
	}
}

// A forger has keys of every kind, and everything that is public.
type forger struct {
	ec  *ecdsa.PrivateKey
	ed  ed25519.PrivateKey
	rsa *rsa.PrivateKey
}

func newForger(t *testing.T) *forger {
	t.Helper()
	f := &forger{}
	var err error
	f.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	servertest.Check(t, err)
	_, f.ed, err = ed25519.GenerateKey(rand.Reader)
	servertest.Check(t, err)
	f.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	servertest.Check(t, err)
	return f
}

// public is the forger's key for an algorithm; nil: there is none.
func (f *forger) public(t *testing.T, alg string) json.RawMessage {
	t.Helper()
	keys := map[string]crypto.PublicKey{"ES256": f.ec.Public(), "EdDSA": f.ed.Public(), "Ed25519": f.ed.Public(), "RS256": f.rsa.Public(), "PS256": f.rsa.Public()}
	if keys[alg] == nil {
		alg = "EdDSA"
	}
	key, err := jose.FromKey(keys[alg])
	servertest.Check(t, err)
	key, err = key.WithAlg(jose.Alg(alg))
	servertest.Check(t, err)
	return key.JSON()
}

// sign signs as the algorithm says, with the forger's keys, or, where it takes a
// secret, with that.
func (f *forger) sign(t *testing.T, alg string, input, secret []byte) []byte {
	t.Helper()
	digest := sha256.Sum256(input)
	var signature []byte
	var err error
	switch strings.ToUpper(alg) {
	case "ES256", "ES384":
		r, s, failed := ecdsa.Sign(rand.Reader, f.ec, digest[:])
		servertest.Check(t, failed)
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case "EDDSA", "ED25519":
		signature = ed25519.Sign(f.ed, input)
	case "RS256":
		signature, err = rsa.SignPKCS1v15(nil, f.rsa, crypto.SHA256, digest[:])
	case "PS256":
		signature, err = rsa.SignPSS(rand.Reader, f.rsa, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	case "HS256", "HS384", "HS512":
		mac := hmac.New(sha256.New, secret)
		mac.Write(input)
		signature = mac.Sum(nil)
	}
	servertest.Check(t, err)
	return signature
}

// forge is a compact JWS with any header.
func (f *forger) forge(t *testing.T, header, claims map[string]any, secret []byte) string {
	t.Helper()
	part := func(v map[string]any) string {
		text, err := json.Marshal(v)
		servertest.Check(t, err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	input := part(header) + "." + part(claims)
	alg, _ := header["alg"].(string)
	return input + "." + base64.RawURLEncoding.EncodeToString(f.sign(t, alg, []byte(input), secret))
}

// The algorithm and the key are those of the record: whatever a header says of
// itself, no forger's signature is taken.
//
// Requirement: svc-alg-confusion
func TestNoHeaderMakesAForgersSignatureGood(t *testing.T) {
	w, f := servertest.Start(t, nil), newForger(t)
	thief := w.KeyApp(t, jose.ES256, application.NewApplication{})
	for _, registered := range []jose.Alg{jose.ES256, jose.EdDSA, jose.PS256, jose.RS256} {
		victim := w.KeyApp(t, registered, application.NewApplication{Settings: model.ApplicationSettings{AssertionAlgs: []string{string(registered)}}})
		if got := w.Post(t, "/oauth/token", victim.AssertionForm(t, w.URL, nil, "grant_type", clientCredentials)); got.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", registered, got.Status, got.Body)
		}
		public := victim.Key.Public().JSON()
		extras := map[string]map[string]any{
			"plain": {}, "jwk": {"jwk": "see below"}, "no kid": {"kid": nil}, "the kid of another client": {"kid": thief.Key.KID()}, "no typ": {"typ": nil},
			"jku": {"jku": "https://forger.example/keys"}, "x5u": {"x5u": "https://forger.example/chain"}, "x5c": {"x5c": []string{"MIIB"}},
			"crit": {"crit": []string{"exp"}}, "b64": {"b64": false, "crit": []string{"b64"}}, "kid as a path": {"kid": "../../../dev/null"},
			"kid as SQL": {"kid": "' OR '1'='1"}, "kid as a URL": {"kid": "https://forger.example/key"}, "kid with NUL": {"kid": "a\x00" + victim.Key.KID()}, "kid as a list": {"kid": []string{victim.Key.KID()}},
		}
		for _, alg := range []string{"none", "None", "", "HS256", "HS384", "HS512", "ES256", "es256", "ES384", "EdDSA", "Ed25519", "RS256", "PS256"} {
			for what, extra := range extras {
				header := map[string]any{"alg": alg, "kid": victim.Key.KID(), "typ": "JWT"}
				maps.Copy(header, extra)
				if what == "jwk" {
					header["jwk"] = f.public(t, alg)
				}
				maps.DeleteFunc(header, func(_ string, v any) bool { return v == nil })
				compact := f.forge(t, header, good(w, victim), public)
				refusedAlike(t, string(registered)+" as "+alg+", "+what, w.Post(t, "/oauth/token", presented(compact)))
			}
		}
		for what, secret := range spellings(t, victim) {
			for _, alg := range []string{"HS256", "HS384", "HS512"} {
				header := map[string]any{"alg": alg, "kid": victim.Key.KID()}
				refusedAlike(t, string(registered)+", its public key as a secret: "+what, w.Post(t, "/oauth/token", presented(f.forge(t, header, good(w, victim), secret))))
			}
		}
	}
}

// The forger forges well: where it is registered, what it signs is taken.
//
// Requirement: svc-alg-confusion
func TestAForgersSignatureIsGoodWhereItsKeyIsRegistered(t *testing.T) {
	w, f := servertest.Start(t, nil), newForger(t)
	for _, alg := range []string{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"} {
		public := f.public(t, alg)
		app := w.App(t, application.NewApplication{AuthMethod: model.AuthPrivateKeyJWT, JWKS: []byte(`{"keys":[` + string(public) + `]}`),
			Settings: model.ApplicationSettings{AssertionAlgs: []string{"ES256", "EdDSA", "PS256", "RS256"}}})
		var jwk struct{ KID string }
		servertest.Check(t, json.Unmarshal(public, &jwk))
		compact := f.forge(t, map[string]any{"alg": alg, "kid": jwk.KID, "typ": "JWT"}, good(w, app), nil)
		if got := w.Post(t, "/oauth/token", presented(compact)); got.Status != http.StatusOK {
			t.Errorf("%s: %d %s", alg, got.Status, got.Body)
		}
	}
}

// good are claims that nothing is wrong with.
func good(w *servertest.World, app servertest.App) map[string]any {
	now := time.Now().Unix()
	return map[string]any{"iss": app.ID, "sub": app.ID, "aud": w.URL, "jti": ids.Secret(), "iat": now, "exp": now + 60}
}

// spellings are the forms in which a public key may be taken for a secret.
func spellings(t *testing.T, app servertest.App) map[string][]byte {
	t.Helper()
	text := app.Key.Public().JSON()
	var jwk struct{ X, Y, N string }
	servertest.Check(t, json.Unmarshal(text, &jwk))
	raw, err := base64.RawURLEncoding.DecodeString(jwk.X + jwk.Y + jwk.N)
	out := map[string][]byte{"the JWK": text, "its numbers": []byte(jwk.X + jwk.Y + jwk.N), "nothing": {}}
	if err == nil {
		out["its bytes"] = raw
	}
	if jwk.Y != "" {
		x, err := base64.RawURLEncoding.DecodeString(jwk.X)
		servertest.Check(t, err)
		y, err := base64.RawURLEncoding.DecodeString(jwk.Y)
		servertest.Check(t, err)
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
		servertest.Check(t, err)
		der, err := x509.MarshalPKIXPublicKey(public)
		servertest.Check(t, err)
		out["DER"], out["PEM"] = der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	}
	return out
}

// Requirement: svc-assertion-refused
func TestASignatureThatWasTouchedOrIsAnothersIsRefused(t *testing.T) {
	w := servertest.Start(t, nil)
	for _, alg := range []jose.Alg{jose.ES256, jose.EdDSA, jose.PS256} {
		app, thief := w.KeyApp(t, alg, application.NewApplication{}), w.KeyApp(t, alg, application.NewApplication{})
		compact := app.Assertion(t, w.URL, nil)
		parts := strings.Split(compact, ".")
		for i := range parts {
			for _, at := range []int{0, len(parts[i]) / 2} {
				raw := []byte(parts[i])
				raw[at] = map[bool]byte{true: 'B', false: 'A'}[raw[at] == 'A']
				touched := append([]string{}, parts...)
				touched[i] = string(raw)
				refusedAlike(t, string(alg)+" touched", w.Post(t, "/oauth/token", presented(strings.Join(touched, "."))))
			}
		}
		refusedAlike(t, "without a signature", w.Post(t, "/oauth/token", presented(parts[0]+"."+parts[1]+".")))
		refusedAlike(t, "with the signature of another", w.Post(t, "/oauth/token", presented(parts[0]+"."+parts[1]+"."+strings.Split(thief.Assertion(t, w.URL, nil), ".")[2])))
		refusedAlike(t, "as JSON", w.Post(t, "/oauth/token", presented(`{"protected":"`+parts[0]+`","payload":"`+parts[1]+`","signature":"`+parts[2]+`"}`)))
		stolen := servertest.App{ID: app.ID, Key: thief.Key}
		refusedAlike(t, "with the key of another", w.Post(t, "/oauth/token", stolen.AssertionForm(t, w.URL, nil, "grant_type", clientCredentials)))
		if got := w.Post(t, "/oauth/token", presented(compact)); got.Status != http.StatusOK {
			t.Errorf("%s: after all of this the assertion itself: %d %s", alg, got.Status, got.Body)
		}
	}
}

// Requirement: svc-jti-nodes, assertion-jti-once
func TestAnAssertionWorksOnceOnTwoServersOfOneDatabase(t *testing.T) {
	for name, database := range map[string]func(testing.TB) string{"sqlite": litetest.Database, "postgres": pgtest.Database} {
		t.Run(name, func(t *testing.T) {
			var cfg server.Config
			w := servertest.Start(t, func(c *server.Config) {
				c.Database = database(t)
				cfg = *c
			})
			second, err := server.Open(t.Context(), cfg)
			servertest.Check(t, err)
			defer func() { servertest.Check(t, second.Close()) }()
			node := httptest.NewServer(second.Handler())
			defer node.Close()
			nodes := []*servertest.World{w, {Server: second, Site: w.Site, URL: strings.Replace(node.URL, "127.0.0.1", "localhost", 1)}}
			app := w.KeyApp(t, jose.ES256, application.NewApplication{})
			form := app.AssertionForm(t, w.URL, nil, "grant_type", clientCredentials)
			var won atomic.Int32
			var wg sync.WaitGroup
			for i := range 32 {
				wg.Go(func() {
					switch got := nodes[i%2].Post(t, "/oauth/token", form); got.Status {
					case http.StatusOK:
						won.Add(1)
					default:
						refusedAlike(t, "another", got)
					}
				})
			}
			wg.Wait()
			if won.Load() != 1 {
				t.Errorf("%d of 32 won, want 1", won.Load())
			}
			for _, n := range nodes {
				refusedAlike(t, "later", n.Post(t, "/oauth/token", form))
			}
		})
	}
}
