package suite

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/bench/jws"
	"github.com/assent-id/assent/bench/load"
)

// tokens are the answer of the token endpoint.
type tokens struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"`
	Issued  string `json:"issued_token_type"` // RFC 8693, Section 2.2.1
}

// readTokens reads an answer that holds an access token.
func readTokens(answer load.Answer) (tokens, error) {
	var t tokens
	if answer.Status != 200 {
		return t, fmt.Errorf("token: status %d: %.500s", answer.Status, answer.Body)
	}
	if err := json.Unmarshal(answer.Body, &t); err != nil {
		return t, fmt.Errorf("token answer: %w: %.300s", err, answer.Body)
	}
	if t.Access == "" {
		return t, fmt.Errorf("no access_token in %.300s", answer.Body)
	}
	return t, nil
}

// expected is what tokens must say that came for a person.
type expected struct {
	client, scope string
	nonce         string // of the ID token; empty: it has none
	noID          bool   // there is no ID token and no refresh token
}

// verifyTokens takes the tokens apart: both signatures, and whom they are for.
func (s *server) verifyTokens(t tokens, want expected) error {
	c, err := s.verify(t.Access)
	if err != nil {
		return fmt.Errorf("access token: %w", err)
	}
	if c.ClientID != want.client || c.Scope != want.scope || c.Sub == "" {
		return fmt.Errorf("access token is for %s of %s with scope %q", c.Sub, c.ClientID, c.Scope)
	}
	if want.noID {
		if t.ID != "" || t.Refresh != "" {
			return errors.New("an ID token or refresh token came along")
		}
		return nil
	}
	if t.Refresh == "" {
		return errors.New("no refresh token")
	}
	return s.verifyID(t.ID, c.Sub, want)
}

// verifyID checks an ID token (OpenID Connect Core 1.0, Section 3.1.3.7).
func (s *server) verifyID(token, sub string, want expected) error {
	payload, err := s.signed(token, "JWT")
	if err != nil {
		return fmt.Errorf("ID token: %w", err)
	}
	var c struct {
		Iss   string `json:"iss"`
		Sub   string `json:"sub"`
		Aud   string `json:"aud"`
		Nonce string `json:"nonce"`
		Exp   int64  `json:"exp"`
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return fmt.Errorf("ID token: %w: %s", err, payload)
	}
	if c.Iss != s.issuer || c.Sub != sub || c.Aud != want.client || c.Nonce != want.nonce || c.Exp <= time.Now().Unix() {
		return fmt.Errorf("ID token says %s", payload)
	}
	return nil
}

// signed verifies a JWT of the given type with the published keys and answers its
// payload.
func (s *server) signed(token, typ string) ([]byte, error) {
	encoded, _, _ := strings.Cut(token, ".")
	var header jws.Header
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &header); err != nil {
		return nil, err
	}
	key := s.keys[header.KID]
	if key == nil || header.Typ != typ {
		return nil, fmt.Errorf("header %s", text)
	}
	_, payload, err := jws.Verify([]byte(token), key)
	return payload, err
}
