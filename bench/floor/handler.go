package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/assent-id/assent/bench/fixture"
	"github.com/assent-id/assent/bench/jws"
)

// bodyLimit is the largest form in bytes.
const bodyLimit = 64 << 10

// handler holds everything that can be computed before the first request.
type handler struct {
	who         fixture.Clients
	secretHash  [sha256.Size]byte
	assertions  *ecdsa.PublicKey // of who.KeyID
	signer      *jws.Signer
	tokens      *ecdsa.PublicKey
	life        time.Duration
	spent       *spent
	claimsHead  string // the claims that are the same in every token, up to client_id
	answerTail  string // of a token answer, after the token
	boundTail   string // the same of a token that is bound by DPoP
	contentJSON []string
}

func newHandler(who fixture.Clients, s *spent) (http.Handler, error) {
	key, err := jws.Generate()
	if err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	assertions, err := who.Key.Public()
	if err != nil {
		return nil, fmt.Errorf("parse client key: %w", err)
	}
	h := &handler{
		who: who, secretHash: sha256.Sum256([]byte(who.Secret)), assertions: assertions,
		signer: jws.NewSigner(key, "at+jwt", "floor"), tokens: &key.PublicKey,
		life: time.Duration(who.TokenSeconds) * time.Second, spent: s,
		claimsHead:  fmt.Sprintf(`{"iss":%q,"aud":%q,"scope":%q`, who.Issuer, who.Audience, who.Scope),
		answerTail:  fmt.Sprintf(`","token_type":"Bearer","expires_in":%d,"scope":%q}`, who.TokenSeconds, who.Scope),
		boundTail:   fmt.Sprintf(`","token_type":"DPoP","expires_in":%d,"scope":%q}`, who.TokenSeconds, who.Scope),
		contentJSON: []string{"application/json"},
	}
	public, err := jws.PublicJWK(&key.PublicKey, "floor")
	if err != nil {
		return nil, err
	}
	set, err := json.Marshal(jws.Set{Keys: []jws.JWK{public}})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", h.static(metadata(who.Issuer)))
	mux.HandleFunc("GET /oauth/jwks", h.static(set))
	mux.HandleFunc("POST /oauth/token", h.token)
	mux.HandleFunc("POST /oauth/introspect", h.introspect)
	mux.HandleFunc("GET /readyz", h.static([]byte(`{}`)))
	return mux, nil
}

// static answers the same bytes every time.
func (h *handler) static(body []byte) http.HandlerFunc {
	length := []string{strconv.Itoa(len(body))}
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = h.contentJSON
		w.Header()["Content-Length"] = length
		_, _ = w.Write(body)
	}
}

func (h *handler) refuse(w http.ResponseWriter, status int, code string) {
	w.Header()["Content-Type"] = h.contentJSON
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":%q}`, code)
}

// token is the client_credentials grant (RFC 6749, Section 4.4).
func (h *handler) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "client_credentials" {
		h.refuse(w, http.StatusBadRequest, "invalid_request")
		return
	}
	client, err := h.client(r)
	if err != nil {
		h.refuse(w, http.StatusInternalServerError, "server_error")
		return
	}
	if client == "" {
		h.refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	h.issue(w, r, client)
}

// issue answers an authenticated client with a token, bound to the key of its
// DPoP proof if it sent one.
func (h *handler) issue(w http.ResponseWriter, r *http.Request, client string) {
	now, jkt, tail := time.Now(), "", h.answerTail
	if r.Header.Get("DPoP") != "" {
		var err error
		if jkt, err = h.dpopKey(r.Context(), r, now); err != nil {
			h.refuse(w, http.StatusInternalServerError, "server_error")
			return
		}
		if jkt == "" {
			h.refuse(w, http.StatusBadRequest, "invalid_dpop_proof")
			return
		}
		tail = h.boundTail
	}
	token, err := h.signer.Sign(h.claims(client, jkt, now))
	if err != nil {
		h.refuse(w, http.StatusInternalServerError, "server_error")
		return
	}
	h.answer(w, append(append(append(make([]byte, 0, len(token)+256), `{"access_token":"`...), token...), tail...))
}

func (h *handler) answer(w http.ResponseWriter, body []byte) {
	w.Header()["Content-Type"] = h.contentJSON
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body)
}

// client authenticates the caller by whichever of the two methods it used and
// returns its id, or "" when it is not who it says.
func (h *handler) client(r *http.Request) (string, error) {
	if assertion := r.PostForm.Get("client_assertion"); assertion != "" {
		if r.PostForm.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			return "", nil
		}
		return h.assertionClient(r.Context(), assertion, time.Now())
	}
	if !h.secretClient(r) {
		return "", nil
	}
	return h.who.SecretID, nil
}

// secretClient checks client_secret_basic (RFC 6749, Section 2.3.1).
func (h *handler) secretClient(r *http.Request) bool {
	id, secret, given := r.BasicAuth()
	if !given {
		return false
	}
	id, err := url.QueryUnescape(id)
	if err != nil {
		return false
	}
	if secret, err = url.QueryUnescape(secret); err != nil {
		return false
	}
	hash := sha256.Sum256([]byte(secret))
	return id == h.who.SecretID && subtle.ConstantTimeCompare(hash[:], h.secretHash[:]) == 1
}

// claims writes the claims of an RFC 9068 access token. jkt is the key that it is
// bound to (RFC 9449, Section 6.1); empty: none.
func (h *handler) claims(client, jkt string, now time.Time) []byte {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails since Go 1.24
	b := make([]byte, 0, 512)
	b = append(b, h.claimsHead...)
	b = append(b, `,"sub":"`...)
	b = append(b, client...)
	b = append(b, `","client_id":"`...)
	b = append(b, client...)
	b = append(b, `","jti":"`...)
	b = base64.RawURLEncoding.AppendEncode(b, id[:])
	b = append(b, `","iat":`...)
	b = strconv.AppendInt(b, now.Unix(), 10)
	b = append(b, `,"exp":`...)
	b = strconv.AppendInt(b, now.Add(h.life).Unix(), 10)
	if jkt != "" {
		b = append(append(append(b, `,"cnf":{"jkt":"`...), jkt...), `"}`...)
	}
	return append(b, '}')
}

// introspect is RFC 7662 for the floor's own JWTs.
func (h *handler) introspect(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
	if err := r.ParseForm(); err != nil {
		h.refuse(w, http.StatusBadRequest, "invalid_request")
		return
	}
	if !h.secretClient(r) {
		h.refuse(w, http.StatusUnauthorized, "invalid_client")
		return
	}
	header, payload, err := jws.Verify([]byte(r.PostForm.Get("token")), h.tokens)
	var times struct {
		Exp int64  `json:"exp"`
		Iss string `json:"iss"`
	}
	if err != nil || header.Typ != "at+jwt" || json.Unmarshal(payload, &times) != nil ||
		times.Iss != h.who.Issuer || times.Exp <= time.Now().Unix() {
		h.answer(w, []byte(`{"active":false}`))
		return
	}
	// The claims are an object that this server wrote: its members are
	// answered as they stand.
	body := append(make([]byte, 0, len(payload)+64), `{"active":true,"token_type":"Bearer",`...)
	h.answer(w, append(body, bytes.TrimPrefix(payload, []byte("{"))...))
}
