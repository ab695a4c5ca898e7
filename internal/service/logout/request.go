package logout

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// A Request asks to log the person at the browser out (OpenID Connect
// RP-Initiated Logout 1.0, Section 2).
type Request struct {
	Hint     string // id_token_hint
	ClientID string
	Redirect string // post_logout_redirect_uri
	State    string
}

// A Fault is what is wrong with a request.
type Fault string

// What can be wrong.
const (
	FaultNone     Fault = ""
	FaultHint     Fault = "id_token_hint" // not an ID token of ours, or another application's
	FaultClient   Fault = "client_id"     // there is no such application, or it was stopped
	FaultRedirect Fault = "post_logout_redirect_uri"
	FaultState    Fault = "state"
)

// An Intent is a request that was checked. It may travel, sealed.
type Intent struct {
	Client   model.ClientID `json:"c,omitempty"`
	Name     string         `json:"n,omitempty"` // of the application
	Subject  string         `json:"s,omitempty"` // whom the hint means, as the application knows them
	Redirect string         `json:"r,omitempty"` // registered, and complete
	Fault    Fault          `json:"f,omitempty"`
}

const maxState = 4096

// Read checks all that needs nobody at the browser. What is wrong is in the
// intent: it is for a page of ours, and never for a redirect (Section 4).
func (s *Service) Read(ctx context.Context, site *model.Site, r Request) (Intent, error) {
	in := Intent{Client: model.ClientID(r.ClientID)}
	if r.Hint != "" {
		hint, err := s.cfg.Engine.Hint(ctx, site, r.Hint)
		if errors.Is(err, oauth.ErrHint) {
			return Intent{Fault: FaultHint}, nil
		}
		if err != nil {
			return Intent{}, err
		}
		// Section 2: the client_id must be that of the ID token.
		if r.ClientID != "" && r.ClientID != string(hint.Client) {
			return Intent{Fault: FaultHint}, nil
		}
		in.Client, in.Subject = hint.Client, hint.Subject
	}
	if in.Client == "" {
		return in, nil // who asks is unknown, so there is nowhere to go on to
	}
	client, err := s.cfg.Clients.Known(ctx, site, in.Client) // anybody can ask
	if errors.Is(err, model.ErrNotFound) {
		return Intent{Fault: FaultClient}, nil
	}
	if err != nil {
		return Intent{}, err
	}
	if client.Status != model.ApplicationActive { // a stopped application is as good as unknown
		return Intent{Fault: FaultClient}, nil
	}
	in.Name = client.Name
	in.Redirect, in.Fault = target(client, r)
	return in, nil
}

// target is where to go on to: registered, exactly (Section 3), with the state
// as it came.
func target(client *model.Client, r Request) (string, Fault) {
	switch {
	case r.Redirect == "":
		return "", FaultNone
	case !slices.Contains(client.Settings.PostLogoutURIs, r.Redirect) || !leadsAway(r.Redirect):
		return "", FaultRedirect
	case len(r.State) > maxState:
		return "", FaultState
	case r.State == "":
		return r.Redirect, FaultNone
	}
	mark := "?"
	if strings.Contains(r.Redirect, "?") {
		mark = "&"
	}
	return r.Redirect + mark + "state=" + url.QueryEscape(r.State), FaultNone
}

// leadsAway reports whether an address is one to go to, and no program.
func leadsAway(target string) bool {
	u, err := url.Parse(target)
	if err != nil || u.Scheme == "" || u.Fragment != "" {
		return false
	}
	return !slices.Contains([]string{"javascript", "data", "vbscript", "blob", "file", "about"}, u.Scheme)
}

// Carry seals an intent for its way through the browser, and Open reads it
// again; seal.ErrOpen.
func (s *Service) Carry(site *model.Site, in Intent) (string, error) {
	return s.intents.Seal(in, s.cfg.Now(), []byte(site.Realm.ID))
}

// Open reads what Carry made.
func (s *Service) Open(site *model.Site, text string) (Intent, error) {
	in, _, err := s.intents.Open(text, s.cfg.Now(), []byte(site.Realm.ID))
	return in, err
}
