package manage

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// Sessions are those of people.
type Sessions interface {
	Sessions(context.Context, *model.Site, model.IdentityID) ([]model.Session, error)
	EndOne(ctx context.Context, site *model.Site, identity model.IdentityID, id model.SessionID, actor string) error
	EndAll(ctx context.Context, site *model.Site, identity model.IdentityID, actor string, except model.SessionID) (int, error)
}

// Session is a browser in which a person is signed in.
type Session struct {
	ID           string `json:"id"`
	TenantID     string `json:"tenant_id"`
	RealmID      string `json:"realm_id"`
	IdentityID   string `json:"identity_id"`
	PasskeyID    string `json:"passkey_id,omitempty" doc:"The passkey that opened it last; left out: a password did."`
	UserAgent    string `json:"user_agent" doc:"What the browser says it is. Untrusted text."`
	AuthTime     string `json:"auth_time" doc:"When the person last signed in in it."`
	LastSeenTime string `json:"last_seen_time" doc:"When it was last used, to the minute."`
	ExpireTime   string `json:"expire_time" doc:"When it ends however much it is used."`
}

// SessionList is one page, newest first.
type SessionList struct {
	Sessions []Session `json:"sessions" doc:"The sessions of this page, newest first."`
	Next     string    `json:"next_page_token"`
}

type (
	sessionListIn struct {
		Person
		Page
	}
	sessionListOut struct{ Body SessionList }
	sessionIn      struct {
		Person
		Session string `path:"session_id" doc:"Id of the session." example:"ses_01kagxw5z3e6er2m9mv8n9vpcx"`
	}
)

func (a *API) sessions() {
	a.describe(map[string]string{"Session": "A browser in which a person is signed in.", "SessionList": "One page of sessions."})
	example := Session{ID: "ses_01kagxw5z3e6er2m9mv8n9vpcx", TenantID: exampleTenant, RealmID: exampleRealm, IdentityID: exampleIdentity,
		PasskeyID: "psk_01kagxw5z19evhvr0bg9rrfkjq", UserAgent: "Mozilla/5.0", AuthTime: exampleTime, LastSeenTime: exampleTime, ExpireTime: "2026-12-20T12:00:00.000Z"}
	const path = "/identities/{identity_id}/sessions"
	add(a, operation{id: "listSessions", method: http.MethodGet, path: path, tag: "Sessions", scope: SessionsRead,
		summary: "List a person's sessions", about: "Those that live, newest first, in pages.", gives: SessionList{Sessions: []Session{example}}}, a.listSessions)
	add(a, operation{id: "endSession", method: http.MethodDelete, path: path + "/{session_id}", tag: "Sessions", scope: SessionsDelete, status: http.StatusNoContent,
		summary: "End a session", about: "The person is signed out of that browser. Applications that were used in it are told, and what was given to last as long as it ends."},
		func(ctx context.Context, c call, in *sessionIn) (*nothing, error) {
			if !ids.Valid("idn", in.Identity) || !ids.Valid("ses", in.Session) {
				return nil, model.ErrNotFound
			}
			return &nothing{}, a.cfg.Sessions.EndOne(ctx, c.site, model.IdentityID(in.Identity), model.SessionID(in.Session), c.actor)
		})
	add(a, operation{id: "endSessions", method: http.MethodDelete, path: path, tag: "Sessions", scope: SessionsDelete, status: http.StatusNoContent,
		summary: "End all sessions of a person", about: "The person is signed out everywhere, as by ending each session."},
		func(ctx context.Context, c call, in *personIn) (*nothing, error) {
			if !ids.Valid("idn", in.Identity) {
				return nil, model.ErrNotFound
			}
			_, err := a.cfg.Sessions.EndAll(ctx, c.site, model.IdentityID(in.Identity), c.actor, "")
			return &nothing{}, err
		})
}

func (a *API) listSessions(ctx context.Context, c call, in *sessionListIn) (*sessionListOut, error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	if !ids.Valid("idn", in.Identity) {
		return nil, model.ErrNotFound
	}
	all, err := a.cfg.Sessions.Sessions(ctx, c.site, model.IdentityID(in.Identity))
	if err != nil {
		return nil, err
	}
	// By id, which a sign-in in the same browser does not change.
	slices.SortFunc(all, func(x, y model.Session) int { return cmp.Compare(y.ID, x.ID) })
	all = slices.DeleteFunc(all, func(s model.Session) bool { return after != "" && string(s.ID) >= after })
	page, next := cut(in.Page, all, func(s model.Session) string { return string(s.ID) })
	out := &sessionListOut{Body: SessionList{Sessions: make([]Session, len(page)), Next: next}}
	for i, s := range page {
		out.Body.Sessions[i] = Session{ID: string(s.ID), TenantID: string(c.site.Realm.TenantID), RealmID: string(s.RealmID), IdentityID: string(s.IdentityID),
			PasskeyID: string(s.PasskeyID), UserAgent: s.UserAgent, AuthTime: instant(s.AuthTime), LastSeenTime: instant(s.LastSeenAt), ExpireTime: instant(s.ExpiresAt)}
	}
	return out, nil
}
