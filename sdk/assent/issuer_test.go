package assent_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/evidence"
)

const (
	issuerURL = "http://localhost:8420"
	clientID  = "agt_test"
	personID  = "idn_alex"
	secret    = "s3cret:with/odd characters"
)

// An issuer is a small realm behind a RoundTripper: it signs real tokens and
// real evidence with real keys, and a test may bend any part of it. It has no
// network, so that time in a synctest bubble can pass.
type issuer struct {
	t       testing.TB
	mux     *http.ServeMux
	key     jose.JSONWebKey
	person  *passkey.Software
	cred    passkey.Credential
	handle  []byte
	mu      sync.Mutex
	request url.Values // the last bc-authorize form
	calls   map[string]int
	redeems int

	// What a test may bend. Nil members leave things as they are.
	metadata  func(map[string]any)
	asked     func(map[string]any)
	statement func(*evidence.Statement)
	decision  func(*evidence.Decision)
	claims    func(map[string]any)
	header    string // typ of tokens
	evidence  func([]byte) []byte
	redeem    func(w http.ResponseWriter)
	poll      func(w http.ResponseWriter, r *http.Request) bool // true: answered
	away      func(r *http.Request) error                       // the network
	expiresIn int
	own       func(w http.ResponseWriter, n int) bool // client_credentials, the n-th time; true: answered
	life      int                                     // of those tokens, in seconds

	st      evidence.Statement
	sealed  []byte
	stHash  string
	granted *evidence.Action
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	person, err := passkey.NewSoftware("localhost", issuerURL)
	check(t, err)
	i := &issuer{t: t, mux: http.NewServeMux(), person: person, handle: []byte(personID), header: "at+jwt", expiresIn: 300, life: 300,
		key: jose.JSONWebKey{Key: key, KeyID: "k1", Algorithm: "ES256", Use: "sig"}, calls: map[string]int{}}
	i.bind()
	i.mux.HandleFunc("GET /.well-known/openid-configuration", i.serveMetadata)
	i.mux.HandleFunc("GET /oauth/jwks", i.serveKeys)
	i.mux.HandleFunc("GET /v1/evidence/keys", i.serveKeys)
	i.mux.HandleFunc("POST /oauth/bc-authorize", i.serveAsk)
	i.mux.HandleFunc("POST /oauth/token", i.serveToken)
	i.mux.HandleFunc("POST /oauth/revoke", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	i.mux.HandleFunc("GET /v1/approvals/{id}/evidence", i.serveEvidence)
	i.mux.HandleFunc("POST /v1/approvals/{id}/redeem", i.serveRedeem)
	return i
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bind registers the person's passkey as the real ceremony does.
func (i *issuer) bind() {
	rp := passkey.RP{ID: "localhost", Name: "Test", Origins: []string{issuerURL}}
	challenge := passkey.NewChallenge()
	options, err := passkey.CreationOptions(rp, passkey.User{Handle: i.handle, Name: "alex", DisplayName: "Alex"}, challenge, nil)
	check(i.t, err)
	response, err := i.person.Create(options)
	check(i.t, err)
	i.cred, err = passkey.VerifyRegistration(rp, challenge, response)
	check(i.t, err)
}

// RoundTrip serves a request in the caller's goroutine.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	i.calls[r.URL.Path]++
	i.mu.Unlock()
	if i.away != nil {
		if err := i.away(r); err != nil {
			return nil, err
		}
	}
	w := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		i.mux.ServeHTTP(w, r)
	}()
	select {
	case <-done:
		return w.Result(), nil
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func (i *issuer) client(t testing.TB, change ...func(*assent.Config)) *assent.Client {
	t.Helper()
	config := assent.Config{Issuer: issuerURL, ClientID: clientID, ClientSecret: secret, HTTPClient: &http.Client{Transport: i}}
	for _, f := range change {
		f(&config)
	}
	c, err := assent.NewClient(t.Context(), config)
	check(t, err)
	return c
}

func (i *issuer) count(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.calls[path]
}

func (i *issuer) serveMetadata(w http.ResponseWriter, _ *http.Request) {
	m := map[string]any{
		"issuer": issuerURL, "token_endpoint": issuerURL + "/oauth/token", "jwks_uri": issuerURL + "/oauth/jwks",
		"backchannel_authentication_endpoint": issuerURL + "/oauth/bc-authorize", "revocation_endpoint": issuerURL + "/oauth/revoke",
		"backchannel_token_delivery_modes_supported": []string{"poll"},
		"token_endpoint_auth_methods_supported":      []string{"client_secret_basic", "private_key_jwt"},
	}
	if i.metadata != nil {
		i.metadata(m)
	}
	reply(w, 200, m)
}

func (i *issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	reply(w, 200, map[string]any{"keys": []jose.JSONWebKey{i.key.Public()}})
}

func (i *issuer) serveAsk(w http.ResponseWriter, r *http.Request) {
	if id, pass, ok := r.BasicAuth(); ok {
		gotID, _ := url.QueryUnescape(id)
		gotPass, _ := url.QueryUnescape(pass)
		if gotID != clientID || gotPass != secret {
			reply(w, 401, map[string]any{"error": "invalid_client"})
			return
		}
	} else if r.FormValue("client_assertion") == "" {
		reply(w, 401, map[string]any{"error": "invalid_client"})
		return
	}
	check(i.t, r.ParseForm())
	i.request = maps.Clone(r.PostForm)
	i.state(r)
	answer := map[string]any{"auth_req_id": "secret-request", "expires_in": i.expiresIn, "interval": 5,
		"approval_id": i.st.ID, "statement_hash": i.stHash, "comparison": evidence.Comparison(i.stHash)}
	if i.asked != nil {
		i.asked(answer)
	}
	reply(w, 200, answer)
}

// state makes the statement of what was asked.
func (i *issuer) state(r *http.Request) {
	var details []json.RawMessage
	if text := r.PostForm.Get("authorization_details"); text != "" {
		check(i.t, json.Unmarshal([]byte(text), &details))
	}
	now := time.Now().Unix()
	i.st = evidence.Statement{
		Typ: evidence.StatementType, Iss: issuerURL, ID: "apr_1", Kind: "ciba", Sub: personID, ClientID: clientID, ClientName: "Test agent",
		Action: evidence.Action{BindingMessage: r.PostForm.Get("binding_message"), Scope: r.PostForm.Get("scope"),
			AuthorizationDetails: details, Resource: r.PostForm["resource"]},
		Shown: evidence.Shown{Template: "ciba.v1", Locale: "en", Title: r.PostForm.Get("binding_message"), Lines: []evidence.Line{}},
		Nonce: base64.RawURLEncoding.EncodeToString(make([]byte, 32)), Iat: now, Exp: now + int64(i.expiresIn),
	}
	if i.statement != nil {
		i.statement(&i.st)
	}
	canonical, err := i.st.Canonical()
	check(i.t, err)
	i.stHash = evidence.Hash(canonical)
}

func (i *issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	if r.FormValue("grant_type") == "client_credentials" {
		i.serveOwn(w, r)
		return
	}
	if i.poll != nil && i.poll(w, r) {
		return
	}
	i.decide()
	reply(w, 200, map[string]any{"access_token": i.token(), "token_type": "Bearer", "expires_in": 300})
}

// serveOwn gives tokens t1, t2, and so on.
func (i *issuer) serveOwn(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.calls["own"]++
	n := i.calls["own"]
	i.mu.Unlock()
	if i.own != nil && i.own(w, n) {
		return
	}
	answer := map[string]any{"access_token": fmt.Sprint("t", n), "token_type": "bearer", "scope": r.FormValue("scope")}
	if i.life > 0 {
		answer["expires_in"] = i.life
	}
	reply(w, 200, answer)
}

// decide makes the evidence of a yes.
func (i *issuer) decide() {
	now := time.Now().Unix()
	d := evidence.Decision{Typ: evidence.DecisionType, Statement: i.stHash, Answer: evidence.Approve, Granted: &i.st.Action, At: now}
	if i.decision != nil {
		i.decision(&d)
	}
	i.granted = d.Granted
	decision, err := d.Canonical()
	check(i.t, err)
	challenge := evidence.Challenge(decision)
	response, err := i.person.Assert(challenge[:])
	check(i.t, err)
	a, err := passkey.ParseAssertion(response)
	check(i.t, err)
	aaguid, err := evidence.AAGUID(i.cred.AAGUID)
	check(i.t, err)
	statement, err := i.st.Canonical()
	check(i.t, err)
	binding, err := evidence.NewBinding(evidence.BindingClaims{Iss: i.st.Iss, Sub: i.st.Sub, CredentialID: i.cred.ID,
		PublicKey: i.cred.PublicKey, AAGUID: aaguid, RPID: "localhost", Iat: now})
	check(i.t, err)
	e := evidence.Evidence{Typ: evidence.EvidenceType, Statement: statement, Outcome: evidence.Approved, EndedAt: now, Decision: decision,
		Passkey: &evidence.Passkey{CredentialID: i.cred.ID, PublicKey: i.cred.PublicKey, AAGUID: aaguid,
			BackupEligible: i.cred.BackupEligible, BackupState: i.cred.BackupState,
			AuthenticatorData: a.AuthenticatorData, ClientDataJSON: a.ClientDataJSON, Signature: a.Signature},
		Binding: i.sign(evidence.BindingHeaderType, binding)}
	if d.Answer == evidence.Deny {
		e.Outcome = evidence.Denied
	}
	seal, err := evidence.NewSeal(&e, now)
	check(i.t, err)
	e.Server = i.sign(evidence.SealHeaderType, seal)
	i.sealed, err = json.Marshal(e)
	check(i.t, err)
}

// token is the access token of the decision.
func (i *issuer) token() string {
	claims := map[string]any{
		"iss": issuerURL, "sub": i.st.Sub, "aud": issuerURL, "client_id": clientID, "jti": "t1",
		"iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix(),
		"approval": map[string]any{"id": i.st.ID, "statement": i.stHash},
	}
	if i.granted != nil {
		if i.granted.Scope != "" {
			claims["scope"] = i.granted.Scope
		}
		if i.granted.AuthorizationDetails != nil {
			claims["authorization_details"] = i.granted.AuthorizationDetails
		}
		if i.granted.Resource != nil {
			claims["aud"] = i.granted.Resource
		}
	}
	if i.claims != nil {
		i.claims(claims)
	}
	payload, err := json.Marshal(claims)
	check(i.t, err)
	return i.sign(i.header, payload)
}

func (i *issuer) sign(typ string, payload []byte) string {
	opts := (&jose.SignerOptions{}).WithType(jose.ContentType(typ))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: i.key}, opts)
	check(i.t, err)
	jws, err := signer.Sign(payload)
	check(i.t, err)
	compact, err := jws.CompactSerialize()
	check(i.t, err)
	return compact
}

func (i *issuer) serveEvidence(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") || r.PathValue("id") != i.st.ID {
		reply(w, 404, map[string]any{"code": "not_found"})
		return
	}
	text := bytes.Clone(i.sealed)
	if i.evidence != nil {
		text = i.evidence(text)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text)
}

func (i *issuer) serveRedeem(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.redeems++
	first := i.redeems == 1
	i.mu.Unlock()
	switch {
	case i.redeem != nil:
		i.redeem(w)
	case first:
		reply(w, 200, map[string]any{"id": r.PathValue("id"), "redeemed_at": time.Now().UTC()})
	default:
		reply(w, 409, map[string]any{"code": "already_redeemed"})
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

var errNetwork = errors.New("connection refused")
