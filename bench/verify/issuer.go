package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/assent-id/assent/sdk/resource"
)

const (
	api     = "https://api.example"
	entries = 1000 // of the feed
)

// An issuer is as little of one as sdk/resource needs: what it says costs the
// verification nothing, because it is asked in the background.
type issuer struct {
	url    string
	alg    string
	jwk    map[string]string
	server *http.Server
}

func newIssuer(alg string, key crypto.PublicKey) (*issuer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &issuer{url: "http://" + l.Addr().String(), alg: alg}
	if i.jwk, err = jwk(alg, key); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", i.discovery)
	mux.HandleFunc("/jwks", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{"keys": []any{i.jwk}}) })
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"access_token": "t", "token_type": "Bearer", "expires_in": 3600})
	})
	mux.HandleFunc("/feed", feed)
	i.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = i.server.Serve(l) }() // ends with Close
	return i, nil
}

func (i *issuer) close() { _ = i.server.Close() }

func (i *issuer) config() resource.Config {
	return resource.Config{Issuer: i.url, Resource: api, ClientID: "api", ClientSecret: "secret", MaxStale: 10 * time.Minute}
}

func (i *issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, map[string]any{"issuer": i.url, "jwks_uri": i.url + "/jwks", "token_endpoint": i.url + "/token",
		"revocation_feed_endpoint": i.url + "/feed", "backchannel_authentication_endpoint": i.url + "/bc",
		"revocation_endpoint": i.url + "/revoke", "introspection_endpoint": i.url + "/introspect",
		"backchannel_token_delivery_modes_supported": []string{"poll"}, "token_endpoint_auth_methods_supported": []string{"client_secret_basic"}})
}

// feed has entries that concern nobody, and then nothing new.
func feed(w http.ResponseWriter, r *http.Request) {
	list := []any{}
	if r.URL.Query().Has("after") {
		select {
		case <-time.After(time.Minute):
		case <-r.Context().Done():
		}
	} else {
		for range entries {
			list = append(list, map[string]any{"kind": "client", "id": rand.Text(), "before": 1, "expires": time.Now().Add(time.Hour).UnixMilli()})
		}
	}
	answer(w, map[string]any{"revocations": list, "cursor": "1", "complete": len(list) > 0})
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body) // whoever asked has gone
}

// token is as Assent makes them for a person's application.
func (i *issuer) token(key crypto.Signer) (string, error) {
	now := time.Now().Unix()
	claims, err := json.Marshal(map[string]any{"iss": i.url, "sub": "idn_01jd3v5k8e7q2s4a6c8e0g2j4m", "aud": api, "client_id": "app_01jd3v5k8e7q2s4a6c8e0g2j4m",
		"scope": "read write", "jti": "tok_01jd3v5k8e7q2s4a6c8e0g2j4m", "iat": now, "exp": now + 86400, "auth_time": now, "acr": "phr",
		"amr": []string{"hwk", "user"}, "grant_id": "grt_01jd3v5k8e7q2s4a6c8e0g2j4m"})
	if err != nil {
		return "", err
	}
	header, err := json.Marshal(map[string]string{"alg": i.alg, "kid": i.jwk["kid"], "typ": "at+jwt"})
	if err != nil {
		return "", err
	}
	signed := text(header) + "." + text(claims)
	signature, err := sign(key, []byte(signed))
	return signed + "." + text(signature), err
}

func sign(key crypto.Signer, signed []byte) ([]byte, error) {
	k, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return key.Sign(rand.Reader, signed, crypto.Hash(0))
	}
	digest := sha256.Sum256(signed)
	r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
	if err != nil {
		return nil, err
	}
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	s.FillBytes(out[32:])
	return out, nil
}

func jwk(alg string, key crypto.PublicKey) (map[string]string, error) {
	out := map[string]string{"kid": "2026-11-20T21:00:00Z", "use": "sig", "alg": alg}
	if k, ok := key.(ed25519.PublicKey); ok {
		out["kty"], out["crv"], out["x"] = "OKP", "Ed25519", text(k)
		return out, nil
	}
	point, err := key.(*ecdsa.PublicKey).Bytes()
	if err != nil {
		return nil, err
	}
	out["kty"], out["crv"], out["x"], out["y"] = "EC", "P-256", text(point[1:33]), text(point[33:])
	return out, nil
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
