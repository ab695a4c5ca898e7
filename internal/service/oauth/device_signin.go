package oauth

import (
	"context"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// A SignInAgainError says that before the person may answer a device, its application wants
// them to sign in anew, or better than they have.
type SignInAgainError struct {
	UserCode string // grouped; to come back with
	Passkey  bool   // nothing less will do
}

func (e *SignInAgainError) Error() string { return "the device's application wants another sign-in" }

// freshFor holds the sign-in against what the application registered. A device
// request has no max_age and no acr_values, so the defaults are all there is
// (OpenID Connect Dynamic Client Registration 1.0, Section 2).
func (e *Engine) freshFor(ctx context.Context, client *model.Client, who *SignedIn, d model.DeviceRequest) error {
	x := &exchange{client: client, now: model.MillisOf(e.cfg.Now()), scope: strings.Fields(d.Scope)}
	x.authz.since = d.CreatedAt
	for _, read := range []func(context.Context, *exchange) error{e.checkMaxAge, e.checkACR} {
		if err := read(ctx, x); err != nil {
			return err
		}
	}
	// However fresh: nobody knew for whom they signed in.
	must, err := e.mustStepUp(x, who, false)
	if !must && err == nil {
		must, err = e.mustSignIn(ctx, x, who)
	}
	if must && err == nil {
		err = &SignInAgainError{UserCode: GroupUserCode(d.UserCode), Passkey: needsPasskey(nil, client)}
	}
	return err
}
