package embedded

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin"
)

type bindBody struct {
	Token string `json:"token"`
}

type answerBody struct {
	State    string          `json:"state"`
	Response json.RawMessage `json:"response"`
}

// A step is what the page does next: prove a passkey that the person has, or make
// the new one.
type step struct {
	State    string          `json:"state"`
	Options  json.RawMessage `json:"options,omitempty"`
	Proof    json.RawMessage `json:"proof,omitempty"`
	Identity *person         `json:"identity,omitempty"`
	Realm    realm           `json:"realm"`
}

// bind opens a link. What it is for is told to its own application only.
func (e *Endpoints) bind(v visit) error {
	var body bindBody
	if err := v.read(&body); err != nil {
		return err
	}
	good, err := e.guess(v)
	if err != nil {
		return err
	}
	link, err := e.cfg.Directory.OpenLink(v.r.Context(), v.site, body.Token)
	if !errors.Is(err, directory.ErrLinkUnknown) {
		good()
	}
	if err != nil {
		return linkProblem(err)
	}
	if !link.Embedded() { // it leads to a page of the realm, and to no other
		return errOrigin
	}
	if err := v.of(link.Config); err != nil {
		return err
	}
	return e.begin(v, directory.EmbeddedOpening{Token: body.Token, Origin: v.origin})
}

// begin answers with the ceremony that comes next.
func (e *Endpoints) begin(v visit, o directory.EmbeddedOpening) error {
	ctx := v.r.Context()
	c, err := e.cfg.Directory.BeginEmbeddedBinding(ctx, v.site, o)
	switch {
	case errors.Is(err, directory.ErrProofRequired) && o.Proof == (directory.Proof{}):
		return e.beginProof(v, o)
	case errors.Is(err, directory.ErrProofRequired): // somebody else's passkey
		return because(signInRefused, err)
	case err != nil:
		return linkProblem(err)
	}
	return httpx.WriteJSON(v.w, http.StatusOK, step{State: c.State, Options: c.Options, Realm: realm{v.site.Realm.DisplayName},
		Identity: &person{string(c.Identity.ID), c.Identity.DisplayName, c.Identity.Traits.Username}})
}

// beginProof tells nothing of the person yet: the link may have been stolen.
func (e *Endpoints) beginProof(v visit, o directory.EmbeddedOpening) error {
	c, err := e.cfg.Directory.BeginEmbeddedProof(v.r.Context(), v.site, o)
	if err != nil {
		return linkProblem(err)
	}
	return httpx.WriteJSON(v.w, http.StatusOK, step{State: c.State, Proof: c.Options, Realm: realm{v.site.Realm.DisplayName}})
}

// prove takes the proof of a passkey that the person has, and goes on to the new
// one.
func (e *Endpoints) prove(v visit) error {
	var body answerBody
	if err := v.read(&body); err != nil {
		return err
	}
	ctx := v.r.Context()
	p, err := e.cfg.Directory.OpenEmbeddedProof(ctx, v.site, body.State, v.origin)
	if err != nil {
		return v.linkProblem(err)
	}
	if err := v.ranHere(body.Response); err != nil {
		return err
	}
	by, err := e.cfg.SignIn.Prove(ctx, v.site, signin.Embedded{RP: p.RP, Nonce: p.Nonce, Began: p.Began, Until: p.Until,
		Response: body.Response, UserAgent: v.r.UserAgent()})
	if err != nil {
		return signInProblem(err, ceremonyExpired)
	}
	httpx.SetActor(v.r, string(by.IdentityID))
	p.Opening.Proof = directory.Proof{IdentityID: by.IdentityID, PasskeyID: by.PasskeyID, At: by.AuthTime}
	return e.begin(v, p.Opening)
}

type bound struct {
	Passkey *key   `json:"passkey"`
	Next    string `json:"post_binding_redirect_uri,omitempty"`
}

// finish binds the new passkey.
func (e *Endpoints) finish(v visit) error {
	var body answerBody
	if err := v.read(&body); err != nil {
		return err
	}
	if err := v.ranHere(body.Response); err != nil {
		return err
	}
	b, err := e.cfg.Directory.FinishBinding(v.r.Context(), v.site, directory.BindingAnswer{State: body.State, Response: body.Response,
		UserAgent: v.r.UserAgent(), Origin: v.origin})
	if err != nil {
		return v.linkProblem(err)
	}
	httpx.SetActor(v.r, string(b.Identity.ID))
	return httpx.WriteJSON(v.w, http.StatusOK, bound{shown(v.site, b.Passkey, b.Identity), b.ReturnTo})
}
