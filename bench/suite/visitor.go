package suite

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"

	"github.com/assent-id/assent/bench/load"
	"github.com/assent-id/assent/internal/softperson"
)

// A visitor is somebody with a live session who has agreed to the shop before.
type visitor struct {
	cookie [2]string // header field
}

// seatVisitors makes n people sign in and agree to the shop once, as people do.
// Where a database was filled beforehand they are there already.
func (s *server) seatVisitors(n int) error {
	if len(s.visitors) >= n {
		return nil
	}
	if err := s.seatPeople(n); err != nil {
		return err
	}
	for i := len(s.visitors); i < n; i++ {
		p := s.pairs[i].person
		page, err := p.Authorize(context.Background(), s.issuer+s.newFlow().path, softperson.Choices{}) // its client has a time limit
		if err != nil {
			return fmt.Errorf("agree to the shop: %w", err)
		}
		if !page.Left || page.URL.Query().Get("code") == "" {
			return fmt.Errorf("agree to the shop: %d %s: %.500s", page.Status, page.URL, page.Body)
		}
		p.HTTP.CloseIdleConnections()
		s.visitors = append(s.visitors, visitor{cookie: p.cookie()})
	}
	return nil
}

// cookie is the header field that carries the person's session.
func (p *person) cookie() [2]string {
	for _, field := range p.header {
		if field[0] == "Cookie" {
			return field
		}
	}
	return [2]string{}
}

// A flow is one authorization request with what its client keeps to itself.
type flow struct {
	path     string // of the authorization request
	verifier string // PKCE (RFC 7636)
	nonce    string
	state    string
}

// newFlow makes what the client makes: verifier, challenge, nonce, state.
func (s *server) newFlow() flow {
	f := flow{verifier: rand.Text() + rand.Text(), nonce: rand.Text(), state: rand.Text()}
	sum := sha256.Sum256([]byte(f.verifier))
	f.path = "/oauth/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {shopID}, "redirect_uri": {shopReply}, "scope": {personScope},
		"state": {f.state}, "nonce": {f.nonce}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}.Encode()
	return f
}

// code reads the answer to the flow's authorization request.
func (f flow) code(s *server, answer load.Answer) (string, error) {
	if answer.Status != 303 {
		return "", fmt.Errorf("authorize: status %d: %.500s", answer.Status, answer.Body)
	}
	back, err := url.Parse(answer.Location)
	if err != nil {
		return "", err
	}
	q := back.Query()
	if back.Scheme+"://"+back.Host+back.Path != shopReply || q.Get("state") != f.state || q.Get("iss") != s.issuer {
		return "", fmt.Errorf("authorize leads to %s", answer.Location)
	}
	if q.Get("code") == "" {
		return "", errors.New("no code in " + answer.Location)
	}
	return q.Get("code"), nil
}

// redeem is the shop's token request for a code of the flow.
func (f flow) redeem(s *server, code string) []byte {
	return load.Form(s.host, "/oauth/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {shopReply}, "code_verifier": {f.verifier},
	}, basic(s.shop.ClientID, s.shop.ClientSecret))
}

// signedIn performs one whole flow of a visitor and answers the tokens.
func (s *server) signedIn(conn *load.Conn, v visitor) (tokens, error) {
	f := s.newFlow()
	answer, err := conn.Do(load.Get(s.host, f.path, v.cookie))
	if err != nil {
		return tokens{}, err
	}
	code, err := f.code(s, answer)
	if err != nil {
		return tokens{}, err
	}
	if answer, err = conn.Do(f.redeem(s, code)); err != nil {
		return tokens{}, err
	}
	t, err := readTokens(answer)
	if err != nil {
		return t, err
	}
	return t, s.verifyTokens(t, expected{client: shopID, scope: personScope, nonce: f.nonce})
}
