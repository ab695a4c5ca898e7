package manage

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

// Passkeys are those of people.
type Passkeys interface {
	Passkeys(context.Context, *model.Site, model.IdentityID) ([]model.Passkey, error)
	RenamePasskey(ctx context.Context, site *model.Site, ref directory.PasskeyRef, name string) error
	RevokePasskey(ctx context.Context, site *model.Site, ref directory.PasskeyRef) error
}

// PasskeyInput is what can be changed of a passkey.
type PasskeyInput struct {
	Name string `json:"name" minLength:"1" maxLength:"64" doc:"What its owner recognises it by." example:"Alice's phone"`
}

// Passkey is a WebAuthn credential of a person.
type Passkey struct {
	ID             string   `json:"id" doc:"Id of the passkey." example:"psk_01kagxw5z19evhvr0bg9rrfkjq"`
	RealmID        string   `json:"realm_id" doc:"Id of its realm." example:"rlm_01kagxw5yzf0bvvq3jr0d0gckm"`
	TenantID       string   `json:"tenant_id" doc:"Id of the realm's tenant." example:"ten_01kagxw5yye2w8s1zk1d5fx0p3"`
	IdentityID     string   `json:"identity_id" doc:"Id of its owner." example:"idn_01kagxw5z0e9y8mpp6wknfsb2r"`
	Name           string   `json:"name" doc:"What its owner recognises it by." example:"Alice's phone"`
	Authenticator  string   `json:"authenticator" doc:"What kind of authenticator its AAGUID stands for; empty: not a known one. Without attestation it is its own word." example:"iCloud Keychain"`
	AAGUID         string   `json:"aaguid" doc:"Which kind of authenticator it says to be in (a UUID)." example:"fbfc3007-154e-4ecc-8c0b-6e020557d7bd"`
	Attestation    string   `json:"attestation,omitempty" doc:"What is known of the authenticator's make; left out: nothing." example:"packed"`
	CredentialID   string   `json:"credential_id" doc:"Its id in WebAuthn (base64url)." example:"q83vEjRWeJA"`
	RPID           string   `json:"rp_id" doc:"The relying party that it was made for." example:"id.example.com"`
	BackupEligible bool     `json:"backup_eligible" doc:"It may be copied to other devices of its owner." example:"true"`
	BackupState    bool     `json:"backup_state" doc:"It was, when it was last used." example:"true"`
	Transports     []string `json:"transports" doc:"How browsers reach it." example:"[\"internal\",\"hybrid\"]"`
	SignCount      uint32   `json:"sign_count" doc:"Its signature counter; 0: it does not count." example:"0"`
	CreateTime     string   `json:"create_time" doc:"When it was bound (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
	LastUseTime    string   `json:"last_use_time,omitempty" doc:"When it was last used (RFC 3339)." example:"2026-11-20T12:00:00.000Z"`
}

// PasskeyChange renames a passkey.
type PasskeyChange struct {
	Passkey Patch[PasskeyInput] `json:"passkey" doc:"What is to be different."`
}

// PasskeyAnswer is one passkey.
type PasskeyAnswer struct {
	Passkey Passkey `json:"passkey" doc:"The passkey."`
}

// PasskeyList is one page of passkeys.
type PasskeyList struct {
	Passkeys      []Passkey `json:"passkeys" doc:"The passkeys of this page, ordered by id."`
	NextPageToken string    `json:"next_page_token" doc:"page_token of the next page; empty at the end." example:""`
}

// PasskeyPath is the input that names a passkey.
type PasskeyPath struct {
	Person
	Passkey string `path:"passkey_id" doc:"Id of the passkey." example:"psk_01kagxw5z19evhvr0bg9rrfkjq"`
}

type (
	passkeysOut    struct{ Body PasskeyList }
	passkeyIn      struct{ PasskeyPath }
	passkeyOut     = shown[PasskeyAnswer]
	passkeyPatchIn struct {
		PasskeyPath
		TextMatch
		Body PasskeyChange
	}
)

func (a *API) passkeys() {
	a.describe(map[string]string{"Passkey": "A WebAuthn credential of a person.", "PasskeyInput": "What can be changed of a passkey.",
		"PasskeyChange": "A change of a passkey.", "PasskeyAnswer": "A passkey.", "PasskeyList": "One page of passkeys."})
	example := Passkey{ID: "psk_01kagxw5z19evhvr0bg9rrfkjq", RealmID: exampleRealm, TenantID: exampleTenant, IdentityID: exampleIdentity, Name: "Alice's phone",
		Authenticator: "iCloud Keychain", AAGUID: "fbfc3007-154e-4ecc-8c0b-6e020557d7bd", CredentialID: "q83vEjRWeJA", RPID: "id.example.com", BackupEligible: true,
		BackupState: true, Transports: []string{"internal", "hybrid"}, CreateTime: exampleTime, LastUseTime: exampleTime}
	answer := PasskeyAnswer{example}
	const path = "/identities/{identity_id}/passkeys"
	add(a, operation{id: "listPasskeys", method: http.MethodGet, path: path, tag: "Passkeys", scope: PasskeysRead,
		summary: "List the passkeys of a person", about: "Those with which the person can sign in, ordered by id, in pages. Revoked ones are left out.",
		gives: PasskeyList{Passkeys: []Passkey{example}}}, a.listPasskeys)
	add(a, operation{id: "getPasskey", method: http.MethodGet, path: path + "/{passkey_id}", tag: "Passkeys", scope: PasskeysRead,
		summary: "Read a passkey", about: "One passkey of the person.", gives: answer}, a.getPasskey)
	addWayIn(a, operation{id: "changePasskey", method: http.MethodPatch, path: path + "/{passkey_id}", tag: "Passkeys", scope: PasskeysUpdate,
		summary: "Rename a passkey", about: "Gives it a name that its owner recognises.",
		takes: map[string]any{"passkey": PasskeyInput{"Alice's phone"}}, gives: answer}, a.changePasskey)
	addWayIn(a, operation{id: "revokePasskey", method: http.MethodDelete, path: path + "/{passkey_id}", tag: "Passkeys", scope: PasskeysDelete, status: http.StatusNoContent,
		summary: "Revoke a passkey", about: "Makes it useless, ends the sessions that it opened and takes back the open links of the person that are not for recovery. What it signed stays valid. The person is told. The last passkey of the last admin of the default realm stays.",
		refusals: []string{"last_admin"}}, a.revokePasskey)
}

func passkeyShown(c call, k model.Passkey) Passkey {
	p := Passkey{ID: string(k.ID), RealmID: string(k.RealmID), TenantID: string(c.site.Realm.TenantID), IdentityID: string(k.IdentityID), Name: k.Name,
		Authenticator: passkey.AuthenticatorName(k.AAGUID), AAGUID: passkey.Credential{AAGUID: k.AAGUID}.AAGUIDText(), Attestation: k.Attestation,
		CredentialID: base64.RawURLEncoding.EncodeToString(k.CredentialID), RPID: cmp.Or(k.RPID, c.site.RPID), BackupEligible: k.BackupEligible,
		BackupState: k.BackupState, Transports: k.Transports, SignCount: k.SignCount, CreateTime: instant(k.CreatedAt), LastUseTime: instant(k.LastUsedAt)}
	if p.Transports == nil {
		p.Transports = []string{}
	}
	return p
}

func (a *API) listPasskeys(ctx context.Context, c call, in *personPageIn) (*passkeysOut, error) {
	after, err := in.afterID("psk")
	if err != nil {
		return nil, err
	}
	found, err := a.person(ctx, c, in.Person)
	if err != nil {
		return nil, err
	}
	keys, err := a.cfg.Passkeys.Passkeys(ctx, c.site, found.ID)
	if err != nil {
		return nil, err
	}
	keys = slices.DeleteFunc(keys, func(k model.Passkey) bool { return string(k.ID) <= after })
	slices.SortFunc(keys, func(x, y model.Passkey) int { return cmp.Compare(x.ID, y.ID) })
	page, next := cut(in.Page, keys, func(k model.Passkey) string { return string(k.ID) })
	out := &passkeysOut{Body: PasskeyList{Passkeys: make([]Passkey, len(page)), NextPageToken: next}}
	for i := range page {
		out.Body.Passkeys[i] = passkeyShown(c, page[i])
	}
	return out, nil
}

// ref names the passkey that an operation is about.
func (p PasskeyPath) ref(c call) (directory.PasskeyRef, error) {
	id, err := p.identity()
	if err == nil && !ids.Valid("psk", p.Passkey) {
		err = model.ErrNotFound
	}
	return directory.PasskeyRef{IdentityID: id, PasskeyID: model.PasskeyID(p.Passkey), Actor: c.actor}, err
}

// passkey finds the one that an operation is about.
func (a *API) passkey(ctx context.Context, c call, p PasskeyPath) (directory.PasskeyRef, model.Passkey, error) {
	ref, err := p.ref(c)
	if err != nil {
		return ref, model.Passkey{}, err
	}
	keys, err := a.cfg.Passkeys.Passkeys(ctx, c.site, ref.IdentityID)
	if err != nil {
		return ref, model.Passkey{}, err
	}
	i := slices.IndexFunc(keys, func(k model.Passkey) bool { return k.ID == ref.PasskeyID })
	if i < 0 {
		return ref, model.Passkey{}, model.ErrNotFound
	}
	return ref, keys[i], nil
}

// TextMatch is the input of what changes something whose ETag is no number.
type TextMatch struct {
	Header string `header:"If-Match" maxLength:"64" doc:"ETag that it must still have; left out: any." example:"\"Rm9yIEFsaWNl\""`
}

// passkeyETag is the ETag of a passkey: a digest of its name, which is all that can be
// changed of it. Each use changes what is told of it, and must be in nobody's way.
func passkeyETag(k model.Passkey) string {
	sum := sha256.Sum256([]byte(string(k.ID) + "/" + k.Name))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

func (a *API) getPasskey(ctx context.Context, c call, in *passkeyIn) (*passkeyOut, error) {
	_, k, err := a.passkey(ctx, c, in.PasskeyPath)
	if err != nil {
		return nil, err
	}
	return &passkeyOut{passkeyETag(k), PasskeyAnswer{passkeyShown(c, k)}}, nil
}

func (a *API) changePasskey(ctx context.Context, c call, in *passkeyPatchIn) (*passkeyOut, error) {
	ref, k, err := a.passkey(ctx, c, in.PasskeyPath)
	if err != nil {
		return nil, err
	}
	if in.Header != "" && in.Header != "*" && in.Header != passkeyETag(k) {
		return nil, directory.ErrChanged
	}
	next, err := patch(a, c, "passkey", PasskeyInput{k.Name}, in.Body.Passkey)
	if err != nil {
		return nil, err
	}
	if next.Name != k.Name {
		if err := a.cfg.Passkeys.RenamePasskey(ctx, c.site, ref, next.Name); err != nil {
			return nil, located(c, err, func(field string) string { return "body.passkey." + field })
		}
	}
	k.Name = next.Name
	return &passkeyOut{passkeyETag(k), PasskeyAnswer{passkeyShown(c, k)}}, nil
}

func (a *API) revokePasskey(ctx context.Context, c call, in *passkeyIn) (*nothing, error) {
	ref, err := in.ref(c)
	if err != nil {
		return nil, err
	}
	return &nothing{}, a.cfg.Passkeys.RevokePasskey(ctx, c.site, ref)
}
