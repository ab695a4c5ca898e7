package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/revocation"
)

// follow reads on at once for as long as there is more, and answers all that it was
// told and the cursor at the end.
func (n *node) follow(t *testing.T, q revocation.Query) (all []string, cursor string) {
	t.Helper()
	for part := 1; ; part++ {
		page, err := n.Await(t.Context(), q, time.Minute)
		check(t, err)
		if len(page.Entries) > 3 || page.Complete != (part == 1) {
			t.Errorf("part %d: %d entries, complete %t", part, len(page.Entries), page.Complete)
		}
		if all = append(all, idsOf(page)...); !page.More {
			return all, page.Cursor
		}
		if q.Since, q.Whole = page.Cursor, false; len(page.Entries) == 0 || part > 10 {
			t.Fatalf("there is more after part %d: %+v", part, page)
		}
	}
}

// Requirement: feed-pages
func TestWhatIsTooMuchForOneAnswerComesInParts(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		n := w.node(t, func(c *revocation.FeedConfig) { c.PageSize = 3 })
		var want []string
		revoke := func(kind model.RevocationKind, key string, names ...string) {
			n.revoke(t, kind, key)
			want = append(want, names...)
		}
		for i := range 5 {
			id := fmt.Sprint("tok_", i)
			revoke(model.RevokeToken, id, id)
		}
		q := revocation.Query{Site: w.site, Resources: []string{api}}
		all, cursor := n.follow(t, q)
		if slices.Sort(all); !slices.Equal(all, want) {
			t.Errorf("got %q, want %q", all, want)
		}
		if got := n.read(t, cursor); got.News() {
			t.Errorf("at the end: %+v", got)
		}
		// Exactly one answer full is one answer.
		for i := range 3 {
			id := fmt.Sprint("tok_", 5+i)
			revoke(model.RevokeToken, id, id)
		}
		if got := n.read(t, cursor); len(got.Entries) != 3 || got.More || got.Complete {
			t.Errorf("three more: %+v", got)
		}
		// The names of a person are in one, and nothing is told twice.
		revoke(model.RevokeToken, "tok_8", "tok_8")
		revoke(model.RevokeToken, "tok_9", "tok_9")
		person := ids.New("idn")
		n.revoke(t, model.RevokeIdentity, person)
		q.Since, q.Whole = cursor, true
		again, end := n.follow(t, q)
		for _, id := range want {
			if i := slices.Index(again, id); i < 0 || slices.Contains(again[i+1:], id) {
				t.Errorf("%s is not once in %q", id, again)
			}
		}
		if !slices.Contains(again, person) || len(again) != len(want)+2 {
			t.Errorf("got %q, want %q and both names of %s", again, want, person)
		}
		if got := n.read(t, end); got.News() {
			t.Errorf("at the end: %+v", got)
		}
	})
}

// Requirement: feed-names
func TestThePlaceOfANameDoesNotSayWhoseItIs(t *testing.T) {
	w := newWorld(t, sqlite(t))
	n := w.node(t, nil)
	_, err := n.apps.Create(t.Context(), w.site, application.NewApplication{Name: "shop", Kind: model.KindWeb, AuthMethod: model.AuthClientSecretPost,
		GrantTypes: []string{"authorization_code"}, Resources: []string{api}, Settings: model.ApplicationSettings{SubjectType: "pairwise", RedirectURIs: []string{"https://shop.example/"}}})
	check(t, err)
	now := n.ms()
	for range 20 { // all in one instant
		n.write(t, model.Revocation{RealmID: w.site.Realm.ID, Kind: model.RevokeIdentity, Key: ids.New("idn"), Before: now, At: now, ExpiresAt: now.Add(time.Hour)})
	}
	names := idsOf(n.read(t, ""))
	if len(names) != 60 || !slices.IsSorted(names) {
		t.Errorf("%d names in the order %q", len(names), names)
	}
}

// Requirement: feed-names, feed-cursor
func TestWhoActsForAnotherResourceServerIsToldEverythingAgain(t *testing.T) {
	w := newWorld(t, sqlite(t))
	n := w.node(t, nil)
	n.revoke(t, model.RevokeToken, "tok_1")
	read := func(since string, resources ...string) revocation.Page {
		t.Helper()
		page, err := n.Read(t.Context(), revocation.Query{Site: w.site, Since: since, Resources: resources})
		check(t, err)
		return page
	}
	first := read("", api)
	if got := read(first.Cursor, api, "https://other.example"); !got.Complete || len(got.Entries) != 1 {
		t.Errorf("for one more: %+v", got)
	}
	both := read(first.Cursor, api, "https://other.example")
	if got := read(both.Cursor, "https://other.example", api); got.News() {
		t.Errorf("for the same two: %+v", got)
	}
}

// hung is a database that does not answer, until it does.
type hung struct{ released chan struct{} }

func (h hung) wait(ctx context.Context) error {
	select {
	case <-h.released:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h hung) Revocations(ctx context.Context, _, _ model.Millis) ([]model.Revocation, error) {
	now := model.MillisOf(time.Now())
	return []model.Revocation{{RealmID: "rlm_1", Kind: model.RevokeIdentity, Key: "idn_1", Before: now, At: now, ExpiresAt: now.Add(time.Hour)}}, h.wait(ctx)
}

// stuck finds no names, and hears of nobody who gives up.
type stuck hung

func (s stuck) SubjectNames(_ context.Context, _ *model.Site, id model.IdentityID) (map[string][]string, error) {
	<-s.released
	return map[string][]string{string(id): nil}, nil
}

// Requirement: feed-unsure
func TestADatabaseThatHangsHoldsNobodyForLong(t *testing.T) {
	for _, hangs := range []string{"revocations", "names"} {
		t.Run(hangs, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rows, names := hung{make(chan struct{})}, stuck{make(chan struct{})}
				if hangs == "names" {
					close(rows.released)
				} else {
					close(names.released)
				}
				memory := revocation.NewMemory(revocation.Config{Store: rows})
				feed := revocation.NewFeed(revocation.FeedConfig{Memory: memory, Names: names})
				q := revocation.Query{Site: &model.Site{Realm: model.Realm{ID: "rlm_1"}}, Since: "x"}
				began := time.Now()
				var wg sync.WaitGroup
				for range 100 {
					wg.Go(func() {
						_, err := feed.Await(t.Context(), q, time.Minute)
						if took := time.Since(began); !errors.Is(err, model.ErrUnavailable) || took > 10*time.Second {
							t.Errorf("after %s: %v", took, err)
						}
					})
				}
				wg.Wait()
				if hangs == "names" {
					close(names.released)
				} else {
					close(rows.released)
				}
				synctest.Wait()
				if page, err := feed.Read(t.Context(), q); err != nil || len(page.Entries) != 1 {
					t.Errorf("then: %+v, %v", page, err)
				}
			})
		})
	}
}
