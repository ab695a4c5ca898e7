package application_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// A shore is a node in whose realm anybody may register, with a clock that is
// turned by hand.
type shore struct {
	*node
	t     *testing.T
	open  *model.Site
	ahead atomic.Int64
}

func newShore(t *testing.T, url string) *shore {
	t.Helper()
	s := &shore{t: t}
	s.node = openWith(t, url, application.Config{Now: s.now})
	site := *s.site
	site.Realm.Policy.Registration.Mode = model.RegistrationOpen
	s.open = &site
	return s
}

func (s *shore) now() time.Time { return time.Now().Add(time.Duration(s.ahead.Load())) }

func (s *shore) register() model.ClientID {
	s.t.Helper()
	got, err := s.Register(s.t.Context(), s.open, application.Registration{Body: []byte(`{"redirect_uris":["https://app.example/"]}`)})
	check(s.t, err)
	return got.Application.ID
}

// grant gives a client a grant that lives so long.
func (s *shore) grant(id model.ClientID, life time.Duration) model.GrantID {
	s.t.Helper()
	at := model.MillisOf(s.now())
	g := model.Grant{RealmID: s.site.Realm.ID, ID: model.GrantID(ids.New("grt")), Kind: oauth.GrantCode, IdentityID: "idn_1", ApplicationID: id,
		CreatedAt: at, ExpiresAt: at.Add(life)}
	check(s.t, s.store.OpenGrant(s.t.Context(), oauth.Opening{Grant: g}, model.Effects{}))
	return g.ID
}

func (s *shore) reap() {
	s.t.Helper()
	_, err := s.Reap(s.t.Context())
	check(s.t, err)
}

// left are those of the clients that are still there.
func (s *shore) left(all ...model.ClientID) []model.ClientID {
	s.t.Helper()
	return slices.DeleteFunc(slices.Clone(all), func(id model.ClientID) bool {
		_, err := s.Get(s.t.Context(), s.site, id)
		if err != nil && !errors.Is(err, model.ErrNotFound) {
			s.t.Fatal(err)
		}
		return err != nil
	})
}

// Requirement: register-reaped
func TestRegistrationsThatNobodyUsesAreRemoved(t *testing.T) {
	for name, url := range map[string]string{"sqlite": sqlite(t), "postgres": pgtest.Database(t)} {
		t.Run(name, func(t *testing.T) {
			s := newShore(t, url)
			unused, short, long, stopped := s.register(), s.register(), s.register(), s.register()
			operators, err := s.Create(t.Context(), s.site, good())
			check(t, err)
			all := []model.ClientID{unused, short, long, stopped, operators.Application.ID}
			s.grant(short, time.Hour)
			last := s.grant(long, 30*24*time.Hour)
			check(t, s.SetStatus(t.Context(), s.site, stopped, model.ApplicationFrozen, "operator"))

			s.ahead.Store(int64(23 * time.Hour))
			if s.reap(); len(s.left(all...)) != 5 {
				t.Errorf("within a day: %v are left of %v", s.left(all...), all)
			}
			s.ahead.Store(int64(25*time.Hour - time.Minute)) // the short grant ended less than a day ago
			if s.reap(); !slices.Equal(s.left(all...), all[1:]) {
				t.Errorf("after a day: %v are left of %v", s.left(all...), all)
			}
			s.ahead.Store(int64(26 * time.Hour))
			if s.reap(); !slices.Equal(s.left(all...), all[2:]) {
				t.Errorf("a day after its grant ended: %v are left of %v", s.left(all...), all)
			}
			at := model.MillisOf(s.now())
			_, err = s.store.RevokeGrants(t.Context(), oauth.GrantQuery{RealmID: s.site.Realm.ID, ID: last, At: at, Until: at.Add(time.Hour)}, model.Effects{})
			check(t, err)
			// What an operator stopped stays stopped, and what they made is theirs.
			if s.reap(); !slices.Equal(s.left(all...), all[3:]) {
				t.Errorf("after the last grant was revoked: %v are left of %v", s.left(all...), all)
			}
		})
	}
}

// A client that was found idle and is used at that very moment stays.
//
// Requirement: register-reaped
func TestARegistrationThatIsUsedMeanwhileStays(t *testing.T) {
	s := newShore(t, sqlite(t))
	id := s.register()
	s.ahead.Store(int64(25 * time.Hour))
	olderThan := model.MillisOf(s.now()).Add(-24 * time.Hour)
	idle, err := s.store.IdleRegistrations(t.Context(), olderThan, 10)
	check(t, err)
	if len(idle) != 1 || idle[0].ID != id {
		t.Fatalf("idle: %v", idle)
	}
	s.grant(id, time.Hour)
	if err := s.store.ReapRegistration(t.Context(), s.site.Realm.ID, id, olderThan, model.Effects{}); !errors.Is(err, model.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if len(s.left(id)) != 1 {
		t.Error("it is gone")
	}
}
