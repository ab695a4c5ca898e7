// Package assent asks a person before a program acts, and proves the answer. It
// also gets the access tokens with which services call APIs.
//
// A client of this package belongs to one application of an Assent realm, such
// as an agent. [Client.Approve] asks a person to approve one exact action and
// returns only when that person's passkey has signed exactly this action, when
// the evidence of it has been verified on this side (package evidence) and when
// the approval has been used up by redeeming it. Every other end is an error: there is no result
// that means "probably".
//
//	client, err := assent.NewClient(ctx, assent.Config{
//		Issuer:   "https://id.example.com",
//		ClientID: "agt_01jd3v0000000000000000000",
//		Key:      key, // a private JWK
//	})
//	if err != nil {
//		return err
//	}
//	approval, err := client.Approve(ctx, assent.Action{
//		Person:  "alex",
//		Message: "Deploy shop 2.4.1 to production",
//		Details: map[string]string{"service": "shop", "version": "2.4.1"},
//	})
//	if err != nil {
//		return err // nobody approved: do not deploy
//	}
//
// [Client.Token] gets access tokens for the application itself and keeps them;
// [Transport] puts them on the requests of an [net/http.Client] to the APIs that they
// are for, replaces those that were revoked, and asks a person where such an API wants
// an approval for one request. [Client.Exchange] gets a token in place of another,
// for a call on behalf of a caller, and [Client.Introspect] tells what a token means.
//
// Who asks people must be an application that may: a service client of `assent client
// create --may-ask`, or one with the grant type urn:openid:params:grant-type:ciba.
//
// The wire is OpenID Connect CIBA Core 1.0 in poll mode with
// authorization_details (RFC 9396); client authentication is
// client_secret_basic (RFC 6749, Section 2.3.1) or private_key_jwt (RFC 7523,
// Section 2.2); waiting uses the Prefer header of RFC 7240. Tokens are those of RFC
// 6749, Section 4.4, and RFC 8693, for resources of RFC 8707, bound by RFC 9449 if
// there is a key for that; introspection is RFC 7662.
//
// If this package is wrong, a program acts although nobody agreed, or a token goes
// to somebody who should not have it. So it fails
// closed: denied, expired, unreachable, malformed and "approved, but something
// else" are all errors, told apart by [ErrDenied], [ErrExpired],
// [ErrUnreachable] and [ErrInvalid].
package assent
