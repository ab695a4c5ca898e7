package manage

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Whoever can give an admin a passkey, a link or a password can be that admin. So what
// gives, takes or changes a person's way in needs the scope that makes admins as well,
// where the person is one: a token for less must not become all.

// adminsToo is what the document says of such an operation.
const adminsToo = " About a person who is an admin this needs the scope `admins:create` as well (`insufficient_scope`)."

// addWayIn declares an operation about a person's way in.
func addWayIn[I any, P interface {
	*I
	identity() (model.IdentityID, error)
}, O any](a *API, op operation, do func(context.Context, call, P) (*O, error)) {
	op.about += adminsToo
	add(a, op, func(ctx context.Context, c call, in *I) (*O, error) {
		id, err := P(in).identity()
		if err != nil {
			return nil, err
		}
		if c.sparesAdmins() {
			// The database says who is an admin now, not memory.
			who, err := a.cfg.People.Identity(ctx, c.site, id)
			if err == nil {
				err = c.mayLetIn(who)
			}
			if err != nil {
				return nil, err
			}
		}
		return do(ctx, c, P(in))
	})
}

// sparesAdmins: the caller may not touch the way in of an admin.
func (c call) sparesAdmins() bool { return c.needs(AdminsCreate) != nil }

// mayLetIn refuses a caller who may not touch this person's way in.
func (c call) mayLetIn(who model.Identity) error {
	if who.AdminSince == 0 {
		return nil
	}
	return c.needs(AdminsCreate)
}

// sameWayIn reports whether a change leaves alone how a person is found and let in:
// links and codes go to their address, and their username is half of a password.
func sameWayIn(old, next model.Identity) bool {
	a, b := old.Traits, next.Traits
	return old.Status == next.Status && a.Username == b.Username && a.PrimaryEmailAddress == b.PrimaryEmailAddress && a.EmailVerified == b.EmailVerified
}
