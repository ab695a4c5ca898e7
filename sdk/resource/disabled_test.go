package resource_test

import (
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
)

// No feed that was silent for an hour says it: the issuer does.
// Requirement: feed-disabled
func TestTokensOfARealmThatIsDisabledAreRefusedBeforeTheFeedCountsAsLost(t *testing.T) {
	h := newHouse(t, nil)
	app := h.service(t, model.ApplicationSettings{})
	cfg := h.config()
	cfg.MaxStale = time.Hour
	s := ready(t, cfg)
	token := h.token(t, app)
	passes(t, s, token)
	servertest.Check(t, h.Server.Realms.SetStatus(t.Context(), h.Site.Realm.ID, model.RealmDisabled, "operator"))
	refused(t, s, token, revoked)
}
