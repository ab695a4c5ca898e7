package server_test

import (
	"testing"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/litetest"
)

// Requirement: rs-named-by-identifier
func TestResourceServersThatAnEarlierVersionWroteHaveIdsOnceTheServerStarts(t *testing.T) {
	cfg := server.Config{Database: litetest.Database(t), BaseURL: "https://id.example", Keyring: developmentRing(t), Development: true, BehindProxy: true}
	first, err := server.Open(t.Context(), cfg)
	servertest.Check(t, err)
	site, err := first.Realms.Default(t.Context())
	servertest.Check(t, err)
	servertest.Check(t, first.Close())

	db, err := store.Open(t.Context(), store.Config{URL: cfg.Database})
	servertest.Check(t, err)
	r := site.Realm
	r.Status, r.Policy.Resources = model.RealmDisabled, []model.ResourcePolicy{{Resource: "https://a.example"}} // stopped ones too
	servertest.Check(t, db.UpdateRealm(t.Context(), r, model.Effects{}))
	servertest.Check(t, db.Close())

	var id model.ResourceServerID
	for start := range 2 {
		s, err := server.Open(t.Context(), cfg)
		servertest.Check(t, err)
		list, err := s.Realms.ResourceServers(t.Context(), r.ID)
		servertest.Check(t, err)
		if len(list) != 1 || !ids.Valid("rsv", string(list[0].ID)) || list[0].Version != 1 || start == 1 && list[0].ID != id {
			t.Errorf("start %d: %+v", start, list)
		}
		id = list[0].ID
		servertest.Check(t, s.Close())
	}
}
