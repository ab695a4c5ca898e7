package store_test

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/pgtest"
)

func newGrant() model.Grant {
	return model.Grant{RealmID: "rlm_1", ID: model.GrantID(ids.New("grt")), Kind: "authorization_code", IdentityID: "idn_1",
		ApplicationID: "app_1", Refresh: 1, RefreshedAt: 1, CreatedAt: 1, ExpiresAt: 1000}
}

// A deed is a change of state that is cut off.
type deed struct {
	prepare, do func(*store.Store) error
	// look says whether it happened: then there is no error.
	look func(*store.Store) error
	// again is what whoever does it a second time is told; nil: success.
	again error
	reads int32 // how often do reads before it writes
}

// cutDeed does something whose outcome the caller cannot know, and looks at it
// through another connection.
func cutDeed(t *testing.T, d deed) {
	t.Helper()
	for _, tt := range cuts {
		t.Run(tt.name, func(t *testing.T) {
			direct := pgtest.Database(t)
			w, through := newWire(t, direct)
			var told atomic.Int32
			s := open(t, store.Config{URL: through, MaxConns: 1, Publish: func(list []model.Change) { told.Add(int32(len(list))) }})
			if err := errors.Join(s.Ping(t.Context()), d.prepare(s)); err != nil {
				t.Fatal(err)
			}
			w.spare.Store(d.reads)
			w.fault.Store(tt.fault)
			err := d.do(s)
			w.fault.Store(healthy)
			if !errors.Is(err, model.ErrCommitUnknown) {
				t.Errorf("got %v, want %v", err, model.ErrCommitUnknown)
			}
			if told.Load() == 0 {
				t.Error("a change that may have happened was not told")
			}
			other := open(t, store.Config{URL: direct})
			if err := d.look(other); (err == nil) != tt.happened {
				t.Errorf("afterwards: %v, happened should be %v", err, tt.happened)
			}
			// Doing it again does it now, or says that it was done.
			if err := d.do(s); tt.happened && !errors.Is(err, d.again) || !tt.happened && err != nil {
				t.Errorf("again: %v, happened was %v", err, tt.happened)
			}
		})
	}
}

var toldOf = model.Effects{Changes: []model.Change{{Topic: "x", Key: "y"}}}

func TestAGrantWhoseCommitIsUnknownIsThereWithWhatItUsedUpOrNeither(t *testing.T) {
	var once model.Once
	var tried []model.Grant
	cutDeed(t, deed{
		prepare: func(*store.Store) error {
			once, tried = newOnce(), nil
			return nil
		},
		do: func(s *store.Store) error { // each time another grant for the same thing
			g := newGrant()
			tried = append(tried, g)
			return s.OpenGrant(t.Context(), oauth.Opening{Grant: g, Once: &once}, toldOf)
		},
		look: func(s *store.Store) error {
			_, err := s.Grant(t.Context(), tried[0].RealmID, tried[0].ID)
			return err
		},
		again: model.ErrConflict,
	})
}

func TestARefreshWhoseCommitIsUnknownHappenedOrNot(t *testing.T) {
	g := newGrant()
	cutDeed(t, deed{
		prepare: func(s *store.Store) error { return s.OpenGrant(t.Context(), oauth.Opening{Grant: g}, model.Effects{}) },
		do: func(s *store.Store) error {
			return s.RefreshGrant(t.Context(), model.Refreshing{RealmID: g.RealmID, ID: g.ID, From: 1, At: 2, Expires: 2000}, toldOf)
		},
		look: func(s *store.Store) error {
			now, err := s.Grant(t.Context(), g.RealmID, g.ID)
			if err == nil && now.Refresh != 2 {
				return errors.New("the number did not move")
			}
			return err
		},
		again: model.ErrConflict,
	})
}

func TestARevocationWhoseCommitIsUnknownIsToldAndCanBeRepeated(t *testing.T) {
	g := newGrant()
	cutDeed(t, deed{
		prepare: func(s *store.Store) error { return s.OpenGrant(t.Context(), oauth.Opening{Grant: g}, model.Effects{}) },
		do: func(s *store.Store) error {
			_, err := s.RevokeGrants(t.Context(), oauth.GrantQuery{RealmID: g.RealmID, ID: g.ID, At: 2, Until: 3}, model.Effects{})
			return err
		},
		look: func(s *store.Store) error {
			now, err := s.Grant(t.Context(), g.RealmID, g.ID)
			if err == nil && now.RevokedAt == 0 {
				return errors.New("it is not revoked")
			}
			return err
		},
		reads: 2, // the grant, and its children
	})
}
