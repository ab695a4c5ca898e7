package audit_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/audit"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/litetest"
)

func TestTheTrailIsReadInPagesNewestFirstAndByRealm(t *testing.T) {
	db, err := store.Open(t.Context(), store.Config{URL: litetest.Database(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := audit.New(db, func() time.Time { return now })
	site, other := &model.Site{Realm: model.Realm{ID: "rlm_1"}}, &model.Site{Realm: model.Realm{ID: "rlm_2"}}
	for i := range 7 {
		if err := s.Record(t.Context(), site, "thing.refused", "svc_1", strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
		if err := s.Record(t.Context(), other, "thing.refused", "svc_2", strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	var targets string
	var before model.EventID
	for pages := 1; ; pages++ {
		page, err := s.Page(t.Context(), site, before, 3)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			targets += e.Target
			if e.Actor != "svc_1" || e.RealmID != "rlm_1" || e.Type != "thing.refused" || e.At != model.MillisOf(now) {
				t.Errorf("event = %+v", e)
			}
		}
		if len(page) < 3 {
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			break
		}
		before = page[len(page)-1].ID
		if err := s.Record(t.Context(), site, "later", "svc_1", "x"); err != nil { // does not shift the pages
			t.Fatal(err)
		}
	}
	if targets != "6543210" {
		t.Errorf("read %q, want 6543210", targets)
	}
}
