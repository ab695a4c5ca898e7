package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// The applications that people sign in to, and one whose tokens are bound. They
// are kept in a file, as an operator would who needs settings that `app create`
// has no flag for.
const (
	shopID    = "bench-shop"  // people sign in to it; it refreshes and exchanges what it got
	deviceID  = "bench-tv"    // public, on a device without a browser
	senderID  = "bench-bound" // a service with DPoP-bound tokens
	shopReply = "https://shop.example/callback"

	// personScope is what the shop and the device are given by a person.
	personScope = "openid bench:read"

	deviceGrant   = "urn:ietf:params:oauth:grant-type:device_code"
	exchangeGrant = "urn:ietf:params:oauth:grant-type:token-exchange"
)

// An entry is one application of the file (docs/operations.md).
type entry struct {
	ID        string   `json:"id"`
	Name      string   `json:"name"`
	Kind      string   `json:"kind"`
	Auth      string   `json:"token_endpoint_auth_method"`
	Grants    []string `json:"grant_types"`
	Scopes    []string `json:"scopes"`
	Redirects []string `json:"redirect_uris,omitempty"`
	Refresh   string   `json:"refresh_policy,omitempty"`
	Sender    string   `json:"sender_constraint,omitempty"`
	TokenAlg  string   `json:"access_token_alg"`
	IDAlg     string   `json:"id_token_signed_response_alg,omitempty"`
}

func applications() []entry {
	person := []string{"openid", benchScope}
	return []entry{
		{ID: shopID, Name: "Bench shop", Kind: "web", Auth: "client_secret_basic", Refresh: "rotate",
			Grants: []string{"authorization_code", "refresh_token", exchangeGrant}, Scopes: person,
			Redirects: []string{shopReply}, TokenAlg: "ES256", IDAlg: "ES256"},
		{ID: deviceID, Name: "Bench television", Kind: "native", Auth: "none", Refresh: "rotate",
			Grants: []string{deviceGrant, "refresh_token"}, Scopes: person, TokenAlg: "ES256", IDAlg: "ES256"},
		{ID: senderID, Name: "Bench bound service", Kind: "service", Auth: "client_secret_basic", Sender: "dpop",
			Grants: []string{"client_credentials"}, Scopes: []string{benchScope}, TokenAlg: "ES256"},
	}
}

// makeApplications applies the file and keeps the secrets that it made.
func (s *server) makeApplications(ctx context.Context) error {
	text, err := json.Marshal(map[string]any{"applications": applications()})
	if err != nil {
		return err
	}
	file := filepath.Join(s.dir, "applications.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	var applied struct {
		Applications []credentials `json:"applications"`
	}
	if err := s.operator().RunJSON(ctx, &applied, "app", "apply", file); err != nil {
		return err
	}
	for _, a := range applied.Applications {
		switch a.ClientID {
		case shopID:
			s.shop = a
		case senderID:
			s.sender = a
		}
	}
	if s.shop.ClientSecret == "" || s.sender.ClientSecret == "" {
		return fmt.Errorf("assent app apply made no secrets: %+v", applied)
	}
	return nil
}
