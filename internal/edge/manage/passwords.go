package manage

import (
	"context"
	"net/http"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/signin"
	"github.com/assent-id/assent/internal/service/standin"
)

// Passwords are those of people.
type Passwords interface {
	SetPassword(context.Context, *model.Site, signin.NewPassword) (string, error)
	RemovePassword(context.Context, *model.Site, signin.NewPassword) error
}

// NewPassword is what a password is to be.
type NewPassword struct {
	Value string `json:"value,omitempty" minLength:"12" maxLength:"1024" writeOnly:"true" doc:"At least 12 characters; none of the commonest, nor a name of the person. Left out: one is made."`
}

// Password says that a person has a new password.
type Password struct {
	IdentityID string `json:"identity_id"`
	Value      string `json:"value,omitempty" doc:"The one that was made, this once."`
}

// PasswordRequest is the body of a new password.
type PasswordRequest struct {
	Password NewPassword `json:"password"`
}

// PasswordAnswer is the answer to it.
type PasswordAnswer struct {
	Password Password `json:"password"`
}

// SoftwarePasskey is a passkey that the server keeps.
type SoftwarePasskey struct {
	ID         string `json:"id"`
	TenantID   string `json:"tenant_id"`
	RealmID    string `json:"realm_id"`
	IdentityID string `json:"identity_id"`
	Name       string `json:"display_name"`
	CreateTime string `json:"create_time"`
}

// SoftwarePasskeyAnswer is one that was made.
type SoftwarePasskeyAnswer struct {
	Passkey SoftwarePasskey `json:"passkey"`
}

type (
	passwordIn struct {
		Person
		Body *PasswordRequest
	}
	passwordOut struct{ Body PasswordAnswer }
	softwareOut struct{ Body SoftwarePasskeyAnswer }
)

func (a *API) passwords() {
	a.describe(map[string]string{
		"NewPassword": "A new password.", "Password": "The person has a new password.", "PasswordRequest": "A new password for a person.",
		"PasswordRequest.password": "What it is to be.", "PasswordAnswer": "A person's new password.", "PasswordAnswer.password": "What was set.",
		"SoftwarePasskey": "A passkey that the server keeps, for development.", "SoftwarePasskeyAnswer": "A passkey that was made.", "passkey": "The passkey.",
		"SoftwarePasskey.display_name": "What people read.",
	})
	addWayIn(a, operation{id: "setPassword", method: http.MethodPut, path: "/identities/{identity_id}/password", tag: "Identities", scope: PasswordsUpdate,
		summary: "Give a person a password",
		about: "Sets the password, or makes one where the body has none and answers it this once. Sessions that the password before opened end. " +
			"It opens nothing until the realm's policy allows passwords.",
		refusals: []string{"weak_password"},
		takes:    PasswordRequest{NewPassword{"seven brown kettles"}}, gives: PasswordAnswer{Password{IdentityID: exampleIdentity}}},
		a.setPassword)
	addWayIn(a, operation{id: "removePassword", method: http.MethodDelete, path: "/identities/{identity_id}/password", tag: "Identities", scope: PasswordsDelete,
		status: http.StatusNoContent, summary: "Take a person's password away",
		about: "Sessions that it opened end. Passkeys stay."},
		func(ctx context.Context, c call, in *personIn) (*nothing, error) {
			n, err := in.password(c)
			if err != nil {
				return nil, err
			}
			return &nothing{}, a.cfg.Passwords.RemovePassword(ctx, c.site, n)
		})
	addWayIn(a, operation{id: "createSoftwarePasskey", method: http.MethodPost, path: "/identities/{identity_id}/software-passkey", tag: "Identities",
		scope: PasskeysCreate, status: http.StatusCreated, summary: "Give a person a software passkey (development realms)",
		about: "Binds a passkey whose private half the server keeps sealed, so that approvals of this person can be answered by API. It says by its AAGUID " +
			"that no device and no person stands behind it. In a realm that is not for development this does not exist.",
		refusals: []string{"not_allowed"},
		gives: SoftwarePasskeyAnswer{SoftwarePasskey{ID: "psk_01kagxw5z19evhvr0bg9rrfkjq", TenantID: exampleTenant, RealmID: exampleRealm,
			IdentityID: exampleIdentity, Name: "Software passkey", CreateTime: exampleTime}}},
		a.createSoftwarePasskey)
}

func (a *API) setPassword(ctx context.Context, c call, in *passwordIn) (*passwordOut, error) {
	n, err := in.password(c)
	if err != nil {
		return nil, err
	}
	if in.Body != nil {
		n.Password = in.Body.Password.Value
	}
	made := n.Password == ""
	set, err := a.cfg.Passwords.SetPassword(ctx, c.site, n)
	out := &passwordOut{Body: PasswordAnswer{Password{IdentityID: in.Identity}}}
	if made {
		out.Body.Password.Value = set
	}
	return out, err
}

// password is what to do with the person's password. What is no id is not found,
// without a question to the database.
func (p Person) password(c call) (signin.NewPassword, error) {
	if !ids.Valid("idn", p.Identity) {
		return signin.NewPassword{}, model.ErrNotFound
	}
	return signin.NewPassword{IdentityID: model.IdentityID(p.Identity), Actor: c.actor}, nil
}

func (a *API) createSoftwarePasskey(ctx context.Context, c call, in *personIn) (*softwareOut, error) {
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
	return &softwareOut{Body: SoftwarePasskeyAnswer{SoftwarePasskey{ID: string(k.ID), TenantID: string(c.site.Realm.TenantID), RealmID: string(c.site.Realm.ID),
		IdentityID: string(k.IdentityID), Name: k.Name, CreateTime: instant(k.CreatedAt)}}}, nil
}
