package embedded

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/signin"
)

// b64 is a byte string that JSON carries as base64url without padding.
type b64 []byte

// MarshalText implements [encoding.TextMarshaler].
func (b b64) MarshalText() ([]byte, error) { return base64.RawURLEncoding.AppendEncode(nil, b), nil }

type authenticateBody struct {
	Request  string          `json:"request"`
	Response json.RawMessage `json:"response"` // AuthenticationResponseJSON
	Passkey  model.PasskeyID `json:"passkey"`  // that the person chose in the page; may be empty
}

type authenticated struct {
	RedirectURL string `json:"redirect_url"`
	Passkey     *key   `json:"passkey,omitempty"`
}

// authenticate answers a signed request with a passkey, and says where the person
// goes with the outcome.
func (e *Endpoints) authenticate(v visit) error {
	var body authenticateBody
	if err := v.read(&body); err != nil {
		return err
	}
	ctx := v.r.Context()
	request, err := e.cfg.Engine.OpenRequest(ctx, v.site, body.Request)
	if err != nil {
		return requestProblem(err)
	}
	httpx.SetActor(v.r, string(request.Client.ID))
	if err := v.of(request.Config); err != nil {
		return err
	}
	if err := v.ranHere(body.Response); err != nil {
		return err
	}
	session, err := e.cfg.SignIn.FinishEmbedded(ctx, v.site, signin.Embedded{RP: request.Config.RP(v.site, v.origin), Nonce: request.Nonce,
		Began: request.Began, Until: request.Until, Response: body.Response, UserAgent: v.r.UserAgent(), Passkey: body.Passkey})
	if err != nil {
		return signInProblem(err, requestUsed)
	}
	httpx.SetActor(v.r, string(session.IdentityID))
	out, err := e.cfg.Engine.FinishEmbedded(ctx, oauth.Request{Site: v.site, UserAgent: v.r.UserAgent()}, request, session)
	if err != nil {
		return requestProblem(err)
	}
	if refusal := out.Delivery.Refusal; refusal != nil {
		httpx.Note(v.r, string(refusal.Code), refusal.Cause)
	}
	used, err := e.used(ctx, v.site, session)
	if err != nil {
		return err
	}
	return httpx.WriteJSON(v.w, http.StatusOK, authenticated{out.Delivery.Location, used})
}
