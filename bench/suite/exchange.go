package suite

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/assent-id/assent/bench/load"
)

var errNotRotated = errors.New("the refresh token was not rotated")

const accessTokenType = "urn:ietf:params:oauth:token-type:access_token"

// exchangeSteps exchanges a person's access token for one with less scope (RFC
// 8693): the grant of the new one is written under that of the old.
func exchangeSteps(s *server, n, operations int) ([]load.Step, func(), error) {
	all, err := s.sharedTokens(n)
	if err != nil {
		return nil, nil, err
	}
	requests := make([][]byte, len(all))
	for i, t := range all {
		requests[i] = load.Form(s.host, "/oauth/token", url.Values{
			"grant_type": {exchangeGrant}, "subject_token": {t.Access}, "subject_token_type": {accessTokenType}, "scope": {benchScope},
		}, basic(s.shop.ClientID, s.shop.ClientSecret))
	}
	return feedSteps(s, n, repeat(requests, operations), func(answer load.Answer, whole bool) error {
		t, err := readTokens(answer)
		if err != nil {
			return err
		}
		if t.Issued != accessTokenType {
			return fmt.Errorf("issued_token_type is %q", t.Issued)
		}
		if !whole {
			return nil
		}
		return s.verifyTokens(t, expected{client: shopID, scope: benchScope, noID: true})
	})
}

// introspectPeopleSteps asks about tokens that people gave the shop, so that each
// answer depends on another person.
func introspectPeopleSteps(s *server, n, operations int) ([]load.Step, func(), error) {
	all, err := s.sharedTokens(n)
	if err != nil {
		return nil, nil, err
	}
	requests := make([][]byte, len(all))
	for i, t := range all {
		requests[i] = load.Form(s.host, "/oauth/introspect", url.Values{"token": {t.Access}}, basic(s.shop.ClientID, s.shop.ClientSecret))
	}
	shop := s.clients
	shop.SecretID, shop.Scope = shopID, personScope
	return feedSteps(s, n, repeat(requests, operations), checkActive(shop))
}
