package pages

import (
	"errors"
	"net/http"
	"slices"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
)

// askAddPasskey is where the sign-in page leads back to. Making the link changes
// something, so a form does it.
func (p *Pages) askAddPasskey(w http.ResponseWriter, r *http.Request, m *member) error {
	return p.render(w, http.StatusOK, "account_add.html", p.memberView(r, m, "account.add_title"))
}

func (p *Pages) addPasskey(w http.ResponseWriter, r *http.Request, m *member) error {
	b, err := p.account.Passkeys.InviteSelf(r.Context(), m.site, m.identity.ID)
	if err != nil {
		return p.unlessTooOften(w, r, err)
	}
	seeOther(w, b.Link)
	return nil
}

// unlessTooOften says it in words where a person did the same too often.
func (p *Pages) unlessTooOften(w http.ResponseWriter, r *http.Request, err error) error {
	e, ok := errors.AsType[*directory.TooOftenError](err)
	if !ok {
		return err
	}
	w.Header().Set("Retry-After", seconds(e.Wait))
	return p.problem(r, tooOften, err)
}

// ref names one of the person's passkeys, as the path does. What is no id is not
// found without a question to the database.
func (m *member) ref(r *http.Request) (directory.PasskeyRef, bool) {
	id := r.PathValue("id")
	return directory.PasskeyRef{IdentityID: m.identity.ID, PasskeyID: model.PasskeyID(id), Actor: m.actor()}, ids.Valid("psk", id)
}

func (p *Pages) renamePasskey(w http.ResponseWriter, r *http.Request, m *member) error {
	ref, valid := m.ref(r)
	if !valid {
		return p.problem(r, nothingHere, nil)
	}
	if err := p.readForm(w, r); err != nil {
		return err
	}
	err := p.account.Passkeys.RenamePasskey(r.Context(), m.site, ref, r.PostForm.Get("name"))
	_, invalid := errors.AsType[*directory.InvalidError](err)
	switch {
	case errors.Is(err, model.ErrNotFound):
		return p.problem(r, nothingHere, err)
	case invalid:
		v, readErr := p.accountPage(r, m)
		if readErr != nil {
			return readErr
		}
		httpx.Note(r, "invalid_name", err)
		v.Account.Fault = v.T("account.name_fault")
		return p.render(w, http.StatusUnprocessableEntity, "account.html", v)
	case err != nil:
		return err
	}
	return m.done(w, "renamed")
}

// A removal is the question whether to remove a passkey.
type removal struct {
	key    model.Passkey
	last   bool // it is the only one
	codes  int  // recovery codes that are left
	missed bool // the box was not ticked
	kept   bool // nobody else could manage the server
}

// confirm: without a way back the person must say that they know.
func (q removal) confirm() bool { return q.last && q.codes == 0 }

func (p *Pages) findRemoval(r *http.Request, m *member) (removal, error) {
	ref, valid := m.ref(r)
	if !valid {
		return removal{}, p.problem(r, nothingHere, nil)
	}
	keys, err := p.account.Passkeys.Passkeys(r.Context(), m.site, m.identity.ID)
	if err != nil {
		return removal{}, err
	}
	i := slices.IndexFunc(keys, func(k model.Passkey) bool { return k.ID == ref.PasskeyID })
	if i < 0 {
		return removal{}, p.problem(r, nothingHere, model.ErrNotFound)
	}
	q := removal{key: keys[i], last: !slices.ContainsFunc(keys, func(k model.Passkey) bool { return k.ID != ref.PasskeyID && opens(m.site, k) })}
	codes, err := p.account.Passkeys.RecoveryCodes(r.Context(), m.site, m.identity.ID)
	q.codes = codes.Left
	return q, err
}

// opens reports whether a passkey signs in to the realm's own pages. One that was
// made for another relying party does not.
func opens(site *model.Site, k model.Passkey) bool { return k.RPID == "" || k.RPID == site.RPID }

func (p *Pages) askRemovePasskey(w http.ResponseWriter, r *http.Request, m *member) error {
	q, err := p.findRemoval(r, m)
	if err != nil {
		return err
	}
	return p.removalPage(w, r, m, q)
}

func (p *Pages) removalPage(w http.ResponseWriter, r *http.Request, m *member, q removal) error {
	v := p.memberView(r, m, "account.remove_title")
	row := speaker{v, m}.passkey(q.key)
	v.Account.Removal = &removalView{Passkey: row, Last: q.last, Confirm: q.confirm(), Codes: q.codes, Own: m.session.OpenedBy(q.key.ID)}
	status := http.StatusOK
	switch {
	case q.kept:
		status, v.Account.Fault = http.StatusConflict, v.T("account.remove_last_admin")
	case q.missed:
		status, v.Account.Fault = http.StatusUnprocessableEntity, v.T("account.remove_unconfirmed")
	}
	return p.render(w, status, "account_remove.html", v)
}

// removePasskey also ends the sessions that the passkey opened, and so perhaps this
// one. The database decides whether it is the last way in: of two that go at once,
// one stays unless the person said that they know.
func (p *Pages) removePasskey(w http.ResponseWriter, r *http.Request, m *member) error {
	if err := p.readForm(w, r); err != nil {
		return err
	}
	ref, valid := m.ref(r)
	if !valid {
		return p.problem(r, nothingHere, nil)
	}
	ref.KeepOne = r.PostForm.Get("last") != "yes"
	err := p.account.Passkeys.RevokePasskey(r.Context(), m.site, ref)
	missed, kept := errors.Is(err, directory.ErrLastPasskey), errors.Is(err, directory.ErrLastAdmin)
	switch {
	case errors.Is(err, model.ErrNotFound):
		return p.problem(r, nothingHere, err)
	case missed || kept:
		q, readErr := p.findRemoval(r, m)
		if readErr != nil {
			return readErr
		}
		httpx.Note(r, "passkey_kept", err)
		q.missed, q.kept = missed, kept
		return p.removalPage(w, r, m, q)
	case err != nil:
		return err
	}
	if m.session.OpenedBy(ref.PasskeyID) {
		return p.left(w, r, "account.left_passkey")
	}
	return m.done(w, "removed")
}

func (p *Pages) askRecoveryCodes(w http.ResponseWriter, r *http.Request, m *member) error {
	v := p.memberView(r, m, "account.codes_title")
	codes, err := p.account.Passkeys.RecoveryCodes(r.Context(), m.site, m.identity.ID)
	if err != nil {
		return err
	}
	v.Account.Codes = speaker{v, m}.codes(codes)
	return p.render(w, http.StatusOK, "account_codes.html", v)
}

// makeRecoveryCodes shows the codes in the answer to the form: nothing keeps them,
// so there is no other page that could.
func (p *Pages) makeRecoveryCodes(w http.ResponseWriter, r *http.Request, m *member) error {
	codes, err := p.account.Passkeys.NewRecoveryCodes(r.Context(), m.site, m.identity.ID, m.actor())
	if err != nil {
		return p.unlessTooOften(w, r, err)
	}
	v := p.memberView(r, m, "account.new_codes_title")
	v.Account.NewCodes = codes
	v.Account.Username = m.identity.Traits.Username
	v.Account.Today = speaker{v, m}.date(m.now)
	return p.render(w, http.StatusOK, "account_new_codes.html", v)
}
