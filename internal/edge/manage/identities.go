package manage

import (
	"context"
	"net/http"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/standin"
)

// PasswordChange is a new password.
type PasswordChange struct {
	Password string `json:"password,omitempty" minLength:"12" maxLength:"1024" writeOnly:"true"`
}

// PasswordSet says that a person has a new password.
type PasswordSet struct {
	IdentityID string `json:"identity_id"`
	Password   string `json:"password,omitempty"`
}

// SoftwarePasskey is a passkey that the server keeps.
type SoftwarePasskey struct {
	ID         string `json:"passkey_id"`
	IdentityID string `json:"identity_id"`
	Name       string `json:"name"`
	CreatedAt  string `json:"created_at"`
}

// Person is the input that names an identity.
type Person struct {
	Target
	Identity string `path:"identity_id" doc:"Id of the identity." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
}

type (
	passwordIn struct {
		Person
		Body *PasswordChange
	}
	passwordOut struct{ Body PasswordSet }
	personIn    struct{ Person }
	nothing     struct{}
	passkeyOut  struct{ Body SoftwarePasskey }
)

const exampleIdentity = "idn_01kagxw5z0e9y8mpp6wknfsb2r"

func (a *API) identities() {
	add(a, operation{id: "setPassword", method: http.MethodPut, path: "/identities/{identity_id}/password", tag: "Identities", scope: PasswordsUpdate,
		summary: "Give a person a password",
		about: "Sets the password, or makes one where the body has none and answers it this once. Sessions that the password before opened end. " +
			"It opens nothing until the realm's policy allows passwords.",
		takes: PasswordChange{Password: "seven brown kettles"}, gives: PasswordSet{IdentityID: exampleIdentity}},
		func(ctx context.Context, c call, in *passwordIn) (*passwordOut, error) {
			n, err := in.password(c)
			if err != nil {
				return nil, err
			}
			if in.Body != nil {
				n.Password = in.Body.Password
			}
			made := n.Password == ""
			set, err := a.cfg.Passwords.SetPassword(ctx, c.site, n)
			out := &passwordOut{Body: PasswordSet{IdentityID: in.Identity}}
			if made {
				out.Body.Password = set
			}
			return out, err
		})
	add(a, operation{id: "removePassword", method: http.MethodDelete, path: "/identities/{identity_id}/password", tag: "Identities", scope: PasswordsDelete,
		status: http.StatusNoContent, summary: "Take a person's password away",
		about: "Sessions that it opened end. Passkeys stay."},
		func(ctx context.Context, c call, in *personIn) (*nothing, error) {
			n, err := in.password(c)
			if err != nil {
				return nil, err
			}
			return &nothing{}, a.cfg.Passwords.RemovePassword(ctx, c.site, n)
		})
	add(a, operation{id: "createSoftwarePasskey", method: http.MethodPost, path: "/identities/{identity_id}/software-passkey", tag: "Identities",
		scope: PasskeysCreate, status: http.StatusCreated, summary: "Give a person a software passkey (development realms)",
		about: "Binds a passkey whose private half the server keeps sealed, so that approvals of this person can be answered by API. It says by its AAGUID " +
			"that no device and no person stands behind it. In a realm that is not for development this does not exist.",
		gives: SoftwarePasskey{ID: "psk_01kagxw5z19evhvr0bg9rrfkjq", IdentityID: exampleIdentity, Name: "Software passkey", CreatedAt: "2026-11-20T12:00:00Z"}},
		a.createSoftwarePasskey)
}

// password is what to do with the person's password. What is no id is not found,
// without a question to the database.
func (p Person) password(c call) (signin.NewPassword, error) {
	if !ids.Valid("idn", p.Identity) {
		return signin.NewPassword{}, model.ErrNotFound
	}
	return signin.NewPassword{IdentityID: model.IdentityID(p.Identity), Actor: c.actor}, nil
}

func (a *API) createSoftwarePasskey(ctx context.Context, c call, in *personIn) (*passkeyOut, error) {
	if !c.site.Realm.Policy.Development {
		return nil, standin.ErrNotDevelopment
	}
	if !ids.Valid("idn", in.Identity) {
		return nil, model.ErrNotFound
	}
	k, err := a.cfg.StandIn.Bind(ctx, c.site, model.IdentityID(in.Identity), c.actor)
	if err != nil {
		return nil, err
	}
	return &passkeyOut{Body: SoftwarePasskey{ID: string(k.ID), IdentityID: string(k.IdentityID), Name: k.Name, CreatedAt: instant(k.CreatedAt)}}, nil
}
