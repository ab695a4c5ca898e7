package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/model"
)

// adminSignIn is how old an admin's sign-in may be when a program is let manage in
// their name: whoever finds their browser open must not be able to.
const adminSignIn = 5 * time.Minute

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

// asksToAdminister is [exchange.administers] of a request that was not read yet.
func asksToAdminister(p Params, c *model.Client) bool {
	asked := strings.Fields(p.Get("scope"))
	return c.ForAdmins() && (len(asked) == 0 || slices.ContainsFunc(asked, managing))
}

// stillAdministers holds every token for the management API in a person's name, the
// first and each that comes of a refresh, to who is an admin now. Rights that were
// taken and given back are new ones: what was given before does not come back with
// them. Nor does what outlives the sign-in that it was given by.
func (e *Engine) stillAdministers(ctx context.Context, x *exchange, ent *entitlement) error {
	if !x.client.ForAdmins() || !slices.ContainsFunc(ent.scope, managing) {
		return nil
	}
	who, err := e.cfg.People.Identity(ctx, x.Site, ent.identity)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return fmt.Errorf("read the admin: %w", err)
	}
	if err != nil || who.AdminSince == 0 || ent.decided <= who.AdminSince {
		return adminRefused(errors.New("the person is no admin, or was none in between"))
	}
	alive, err := e.AdminSession(ctx, x.Site, who.ID, ent.sid)
	if err == nil && !alive {
		err = adminRefused(errors.New("the admin's session is over"))
	}
	return err
}

func adminRefused(cause error) error {
	return &Error{Code: InvalidGrant, Description: "the grant is not valid", Cause: cause}
}

// AdminSession reports whether a session by which an admin lets a program manage
// still lives, and was opened by a passkey. It asks the database: that a passkey was
// revoked must not wait for word of it.
func (e *Engine) AdminSession(ctx context.Context, site *model.Site, who model.IdentityID, id model.SessionID) (bool, error) {
	list, err := e.cfg.Sessions.Sessions(ctx, site, who)
	if errors.Is(err, model.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("list the sessions of %s: %w", who, err)
	}
	return slices.ContainsFunc(list, func(s model.Session) bool { return s.ID == id && s.PasskeyID != "" }), nil
}

// summed puts the one word for people in the place of the scopes that it stands for.
func (x *exchange) summed(scopes []string) []string {
	if !x.administers() {
		return scopes
	}
	return append(slices.DeleteFunc(slices.Clone(scopes), managing), administer)
}
