package oauth

import (
	"encoding/json"
	"fmt"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
)

// metadata is what the server says of itself: OpenID Connect Discovery 1.0,
// Section 3, RFC 8414, Section 2, and CIBA Core 1.0, Section 4. It advertises what
// works and nothing else.
type metadata struct {
	Issuer                   string   `json:"issuer"`
	JWKSURI                  string   `json:"jwks_uri"`
	TokenEndpoint            string   `json:"token_endpoint"`
	BackchannelEndpoint      string   `json:"backchannel_authentication_endpoint"`
	IntrospectionEndpoint    string   `json:"introspection_endpoint"`
	RevocationEndpoint       string   `json:"revocation_endpoint"`
	GrantTypes               []string `json:"grant_types_supported"`
	ResponseTypes            []string `json:"response_types_supported"` // REQUIRED in RFC 8414, Section 2; none yet
	SubjectTypes             []string `json:"subject_types_supported"`
	Scopes                   []string `json:"scopes_supported"`
	Claims                   []string `json:"claims_supported"`
	ACRValues                []string `json:"acr_values_supported"`
	IDTokenAlgs              []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods              []string `json:"token_endpoint_auth_methods_supported"`
	AuthAlgs                 []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAuthAlgs    []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RevocationAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAuthAlgs       []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	DeliveryModes            []string `json:"backchannel_token_delivery_modes_supported"`
	UserCode                 bool     `json:"backchannel_user_code_parameter_supported"`
	DetailsTypes             []string `json:"authorization_details_types_supported"`
	CodeChallengeMethods     []string `json:"code_challenge_methods_supported"`
	RequestParameter         bool     `json:"request_parameter_supported"`
	RequestURIParameter      bool     `json:"request_uri_parameter_supported"`
	ClaimsParameter          bool     `json:"claims_parameter_supported"`
	EvidenceKeys             string   `json:"assent_evidence_keys_uri"`
}

// Metadata is the discovery document of a realm, as JSON.
func Metadata(site *model.Site) ([]byte, error) {
	authMethods := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	authAlgs := []string{"ES256", "EdDSA", "Ed25519", "PS256", "RS256"}
	m := metadata{
		Issuer:                   site.Issuer,
		JWKSURI:                  site.Issuer + "/oauth/jwks",
		TokenEndpoint:            site.Issuer + token.path(),
		BackchannelEndpoint:      site.Issuer + ciba.path(),
		IntrospectionEndpoint:    site.Issuer + introspect.path(),
		RevocationEndpoint:       site.Issuer + revoke.path(),
		GrantTypes:               GrantTypes(),
		ResponseTypes:            []string{},
		SubjectTypes:             []string{"public"},
		Scopes:                   []string{"openid"},
		Claims:                   []string{"iss", "sub", "aud", "iat", "exp", "auth_time", "acr", "amr"},
		ACRValues:                []string{passkeyACR},
		IDTokenAlgs:              []string{"ES256", "EdDSA", "RS256"},
		AuthMethods:              authMethods,
		AuthAlgs:                 authAlgs,
		IntrospectionAuthMethods: authMethods,
		IntrospectionAuthAlgs:    authAlgs,
		RevocationAuthMethods:    append([]string{"none"}, authMethods...),
		RevocationAuthAlgs:       authAlgs,
		DeliveryModes:            []string{"poll"},
		DetailsTypes:             approval.DetailsTypes(),
		CodeChallengeMethods:     []string{"S256"},
		EvidenceKeys:             site.Issuer + "/v1/evidence/keys",
	}
	out, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	return out, nil
}
