package oauth

import "slices"

// administer stands, where people are asked, for all scopes of the management API:
// one sentence and not fifty.
const administer = "administer"

// administers reports whether the request is for scopes of the management API in a
// person's name. Only one application can have them so.
func (x *exchange) administers() bool {
	return x.client.ForAdmins() && slices.ContainsFunc(x.scope, managing)
}

// managing: the application for admins has no other scopes than these and those of
// OpenID Connect.
func managing(scope string) bool { return !slices.Contains(personScopes, scope) }

// mayAdminister: scopes of the management API are for admins, who have shown a
// passkey. The API asks again who is an admin, on each call.
func mayAdminister(x *exchange, who *SignedIn) error {
	switch {
	case !x.administers():
		return nil
	case who.Identity.AdminSince == 0:
		return &Error{Code: AccessDenied, Description: "the person is no admin of this realm"}
	case who.Session.PasskeyID == "":
		return &Error{Code: AccessDenied, Description: "admins sign in with a passkey"}
	}
	return nil
}

// summed puts the one word for people in the place of the scopes that it stands for.
func (x *exchange) summed(scopes []string) []string {
	if !x.administers() {
		return scopes
	}
	return append(slices.DeleteFunc(slices.Clone(scopes), managing), administer)
}
