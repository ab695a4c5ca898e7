package revocation_test

import (
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

// Requirement: feed-expiry
func TestWhatIsRevokedAsAWholeIsKeptUntilTheLastTokenOfItEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		n := w.node(t, nil)
		const lead = 30 * time.Second // of the clock that is furthest ahead
		engine := oauth.New(oauth.Config{Store: n.store, Now: n.now, Latest: func() time.Time { return n.now().Add(lead) }})
		// A node with that clock, which has just heard of a revocation by another one that
		// is as far ahead of it as any may be, dates tokens after that.
		last := n.ms().Add(lead + model.MaxAhead).Add(model.LongestToken)
		realm, person := w.site.Realm.ID, model.IdentityID(ids.New("idn"))
		open := func(session model.SessionID) string {
			g := model.Grant{RealmID: realm, ID: model.GrantID(ids.New("grt")), Kind: oauth.GrantCode, IdentityID: person, ApplicationID: "app_1",
				SessionID: session, CreatedAt: n.ms(), ExpiresAt: last}
			check(t, n.store.OpenGrant(t.Context(), oauth.Opening{Grant: g}, model.Effects{}))
			return string(g.ID)
		}
		jti, session := ids.New("tok"), model.SessionID(ids.New("ses"))
		grant, ofSession := open(""), open(session)
		check(t, engine.RevokeToken(t.Context(), w.site, jti, "operator"))
		check(t, engine.RevokeGrant(t.Context(), w.site, model.GrantID(grant), "operator"))
		check(t, engine.EndGrants(t.Context(), w.site, session))
		disallowed := open("")
		check(t, engine.Disallow(t.Context(), w.site, person, "app_1", "operator"))
		const margin = 20 * time.Second // less than lead and model.MaxAhead, and more than this machine can stall
		n.ahead.Store(int64(time.Until(last.Time()) - margin))
		check(t, n.store.Sweep(t.Context(), n.ms()))
		told := idsOf(n.read(t, ""))
		if len(told) != 4 {
			t.Errorf("before the last token ends: %q", told)
		}
		for key, kind := range map[string]model.RevocationKind{jti: model.RevokeToken, grant: model.RevokeGrant, ofSession: model.RevokeGrant, disallowed: model.RevokeGrant} {
			if at, err := n.store.Revoked(t.Context(), realm, kind, key); err != nil || at == 0 {
				t.Errorf("%s %s: %d, %v", kind, key, at, err)
			}
		}
	})
}
