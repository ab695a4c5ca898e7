package main

import "encoding/json"

// metadata is a discovery document (OpenID Connect Discovery 1.0, Section 3)
// of about the size that a full server has.
func metadata(issuer string) []byte {
	methods := []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"}
	algorithms := []string{"ES256", "PS256", "EdDSA", "Ed25519", "RS256"}
	document := map[string]any{
		"issuer":                                                          issuer,
		"jwks_uri":                                                        issuer + "/oauth/jwks",
		"token_endpoint":                                                  issuer + "/oauth/token",
		"introspection_endpoint":                                          issuer + "/oauth/introspect",
		"revocation_endpoint":                                             issuer + "/oauth/revoke",
		"backchannel_authentication_endpoint":                             issuer + "/oauth/bc-authorize",
		"grant_types_supported":                                           []string{"client_credentials", "urn:openid:params:grant-type:ciba"},
		"response_types_supported":                                        []string{},
		"scopes_supported":                                                []string{"openid", "profile", "email", "offline_access"},
		"subject_types_supported":                                         []string{"public", "pairwise"},
		"token_endpoint_auth_methods_supported":                           methods,
		"token_endpoint_auth_signing_alg_values_supported":                algorithms,
		"introspection_endpoint_auth_methods_supported":                   methods,
		"introspection_endpoint_auth_signing_alg_values_supported":        algorithms,
		"revocation_endpoint_auth_methods_supported":                      methods,
		"id_token_signing_alg_values_supported":                           algorithms,
		"backchannel_token_delivery_modes_supported":                      []string{"poll", "ping"},
		"backchannel_user_code_parameter_supported":                       false,
		"authorization_details_types_supported":                           []string{"assent_action"},
		"code_challenge_methods_supported":                                []string{"S256"},
		"claims_supported":                                                []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "acr", "amr"},
		"authorization_response_iss_parameter_supported":                  true,
		"request_parameter_supported":                                     false,
		"request_uri_parameter_supported":                                 false,
		"claims_parameter_supported":                                      false,
		"service_documentation":                                           issuer + "/docs",
		"ui_locales_supported":                                            []string{"en"},
		"tls_client_certificate_bound_access_tokens":                      false,
		"dpop_signing_alg_values_supported":                               algorithms,
		"require_pushed_authorization_requests":                           false,
		"backchannel_authentication_request_signing_alg_values_supported": algorithms,
	}
	text, err := json.Marshal(document)
	if err != nil {
		panic(err) // strings, lists and booleans always marshal
	}
	return text
}
