package application_test

import (
	"testing"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
)

// Requirement: feed-sector
func TestResourceServersHearOfAnApplicationThatLeavesItsSector(t *testing.T) {
	type where struct {
		subject, host string
	}
	// Each way to register an application, and then to change it.
	ways := map[string]func(t *testing.T, s *shore, was, is where) model.ClientID{
		"configured": func(t *testing.T, s *shore, was, is where) model.ClientID {
			made, err := s.Create(t.Context(), s.site, application.NewApplication{Name: "A", Kind: model.KindWeb, AuthMethod: model.AuthClientSecretPost,
				GrantTypes: []string{"authorization_code"}, Settings: model.ApplicationSettings{SubjectType: was.subject, RedirectURIs: []string{"https://" + was.host + "/"}}})
			check(t, err)
			check(t, s.Configure(t.Context(), s.site, made.Application.ID, "operator", func(a *model.ApplicationSettings) {
				a.SubjectType, a.RedirectURIs = is.subject, []string{"https://" + is.host + "/"}
			}))
			return made.Application.ID
		},
		"in a file": func(t *testing.T, s *shore, was, is where) model.ClientID {
			for _, w := range []where{was, is} {
				did(t, s.node, static("shop", func(st *application.Static) {
					st.Settings.SubjectType, st.Settings.RedirectURIs = w.subject, []string{"https://" + w.host + "/"}
				}))
			}
			return "shop"
		},
		"by itself": func(t *testing.T, s *shore, was, is where) model.ClientID {
			body := func(w where, more string) []byte {
				return []byte(`{"redirect_uris":["https://` + w.host + `/"],"subject_type":"` + w.subject + `"` + more + `}`)
			}
			made, err := s.Register(t.Context(), s.open, application.Registration{Body: body(was, "")})
			check(t, err)
			id := made.Application.ID
			_, err = s.Reregister(t.Context(), s.open, id, application.Registration{Token: made.Token, Body: body(is, `,"client_id":"`+string(id)+`"`)})
			check(t, err)
			return id
		},
	}
	for way, change := range ways {
		for _, tt := range []struct {
			name    string
			was, is where
			want    bool
		}{
			{"to another sector", where{"pairwise", "one.example"}, where{"pairwise", "two.example"}, true},
			{"to public names", where{"pairwise", "one.example"}, where{"public", "one.example"}, true},
			{"to another host, with public names", where{"public", "one.example"}, where{"public", "two.example"}, false},
			{"to pairwise names", where{"public", "one.example"}, where{"pairwise", "one.example"}, false},
			{"nowhere", where{"pairwise", "one.example"}, where{"pairwise", "ONE.example"}, false},
		} {
			t.Run(way+" "+tt.name, func(t *testing.T) {
				s := newShore(t, sqlite(t))
				began := time.Now()
				latest := func() time.Time { return time.Now().Add(30 * time.Second) } // somebody's clock is ahead
				s.Service = application.New(application.Config{Store: s.store, Latest: latest})
				id := change(t, s, tt.was, tt.is)
				list, err := s.store.Revocations(t.Context(), 0, model.MillisOf(s.now()))
				check(t, err)
				told := len(list) == 1 && list[0].Kind == model.RevokeApplication && list[0].Key == string(id)
				if told != tt.want || !tt.want && len(list) != 0 {
					t.Errorf("got %+v, want one: %t", list, tt.want)
				}
				a, err := s.store.Application(t.Context(), s.site.Realm.ID, id)
				check(t, err)
				if told && (list[0].Before != a.TokensInvalidBefore || list[0].Before < model.MillisOf(began.Add(30*time.Second))) {
					t.Errorf("resource servers refuse what was issued by %d, this server by %d", list[0].Before, a.TokensInvalidBefore)
				}
			})
		}
	}
}
