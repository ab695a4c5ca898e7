package suite

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/assent-id/assent/bench/load"
)

// basic is the Authorization header of client_secret_basic (RFC 6749,
// Section 2.3.1).
func basic(id, secret string) [2]string {
	credentials := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	return [2]string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))}
}

func accessToken(body []byte) (string, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return "", fmt.Errorf("token answer: %w: %.300s", err, body)
	}
	if answer.AccessToken == "" {
		return "", fmt.Errorf("no access_token in %.300s", body)
	}
	return answer.AccessToken, nil
}

// checkToken checks token answers for the given client: the status of all,
// the token itself of those that are taken apart.
func (s *server) checkToken(client string) func(load.Answer, bool) error {
	return func(answer load.Answer, whole bool) error {
		if answer.Status != 200 || !bytes.Contains(answer.Body, []byte(`"access_token":"`)) {
			return fmt.Errorf("token: status %d: %.300s", answer.Status, answer.Body)
		}
		if !whole {
			return nil
		}
		token, err := accessToken(answer.Body)
		if err != nil {
			return err
		}
		claims, err := s.verify(token)
		if err != nil {
			return fmt.Errorf("access token: %w", err)
		}
		if claims.ClientID != client || claims.Scope != s.clients.Scope {
			return fmt.Errorf("access token is for %s with scope %q", claims.ClientID, claims.Scope)
		}
		return nil
	}
}

// claims are those of an access token that the benchmarks look at.
type claims struct {
	Iss      string `json:"iss"`
	Sub      string `json:"sub"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"`
	JTI      string `json:"jti"`
	Iat      int64  `json:"iat"`
	Exp      int64  `json:"exp"`
}

// verify checks an access token as a stranger would, with the published keys.
func (s *server) verify(token string) (claims, error) {
	var c claims
	payload, err := s.signed(token, "at+jwt")
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(payload, &c); err != nil {
		return c, err
	}
	now := time.Now().Unix()
	if c.Iss != s.issuer || c.JTI == "" || c.Iat > now+1 || c.Exp <= now {
		return c, errors.New("claims " + string(payload))
	}
	return c, nil
}
