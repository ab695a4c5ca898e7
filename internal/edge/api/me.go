package api

import (
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/sdk/evidence"
)

type passkeyView struct {
	ID          model.PasskeyID `json:"id"`
	Name        string          `json:"name"`
	CreatedAt   string          `json:"created_at"`
	LastUsedAt  string          `json:"last_used_at,omitempty"`
	BackupState bool            `json:"backup_state"`
	Software    bool            `json:"software"`
}

func viewPasskey(p model.Passkey) passkeyView {
	software := strings.ReplaceAll(evidence.SoftwareAAGUID, "-", "")
	v := passkeyView{ID: p.ID, Name: p.Name, CreatedAt: rfc3339(p.CreatedAt), BackupState: p.BackupState,
		Software: hex.EncodeToString(p.AAGUID) == software}
	if p.LastUsedAt != 0 {
		v.LastUsedAt = rfc3339(p.LastUsedAt)
	}
	return v
}

// me answers who is signed in.
func (a *API) me(w http.ResponseWriter, r *http.Request) error {
	who, err := a.person(r)
	if err != nil {
		return err
	}
	site := httpx.Site(r)
	passkeys, err := a.cfg.Passkeys.Passkeys(r.Context(), site, who.ID)
	if err != nil {
		return err
	}
	views := make([]passkeyView, len(passkeys))
	for i, p := range passkeys {
		views[i] = viewPasskey(p)
	}
	return httpx.WriteJSON(w, http.StatusOK, map[string]any{
		"identity": map[string]any{"id": who.ID, "display_name": who.DisplayName, "username": who.Traits.Username},
		"realm":    map[string]any{"name": site.Realm.DisplayName, "issuer": site.Issuer},
		"passkeys": views,
		"demo":     a.demo(site),
	})
}

func (a *API) demo(site *model.Site) bool {
	return a.cfg.DemoAsk != nil && site.Realm.Policy.Development
}

// demoAsk makes the demo agent of a development realm ask this person.
func (a *API) demoAsk(w http.ResponseWriter, r *http.Request) error {
	site := httpx.Site(r)
	if !a.demo(site) {
		return notFound(nil)
	}
	who, err := a.person(r)
	if err != nil {
		return err
	}
	var ask DemoAsk
	if r.ContentLength != 0 {
		if err := httpx.ReadJSON(w, r, 4<<10, &ask); err != nil {
			return err
		}
	}
	if err := a.cfg.DemoAsk(r.Context(), site, who, ask); err != nil {
		return err
	}
	return httpx.WriteJSON(w, http.StatusAccepted, struct{}{})
}
