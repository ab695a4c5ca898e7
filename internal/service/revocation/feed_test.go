package revocation_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/revocation"
)

// Requirement: feed-entries
func TestEachRevocationIsToldInTheWordsOfTokens(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		n := w.node(t, nil)
		tests := []struct {
			kind model.RevocationKind
			key  string
			want revocation.Entry // Before 0: until it expires
		}{
			{model.RevokeToken, "tok_1", revocation.Entry{Kind: revocation.KindToken, ID: "tok_1"}},
			{model.RevokeGrant, "grt_1", revocation.Entry{Kind: revocation.KindGrant, ID: "grt_1"}},
			{model.RevokeGrantTokens, "grt_2", revocation.Entry{Kind: revocation.KindGrant, ID: "grt_2", Before: 1}},
			{model.RevokeApplication, "svc_1", revocation.Entry{Kind: revocation.KindClient, ID: "svc_1", Before: 1}},
			{model.RevokeRealm, string(w.site.Realm.ID), revocation.Entry{Kind: revocation.KindRealm, ID: w.site.Issuer, Before: 1}},
		}
		cursor := n.read(t, "").Cursor
		for _, tt := range tests {
			r := n.revoke(t, tt.kind, tt.key)
			tt.want.Expires = r.ExpiresAt
			if tt.want.Before = r.Before; tt.kind == model.RevokeToken || tt.kind == model.RevokeGrant {
				tt.want.Before = r.ExpiresAt
			}
			page := n.read(t, cursor)
			if diff := cmp.Diff([]revocation.Entry{tt.want}, page.Entries); diff != "" || page.Complete {
				t.Errorf("%s: complete %t, %s", tt.kind, page.Complete, diff)
			}
			cursor = page.Cursor
		}
		if all := n.read(t, ""); len(all.Entries) != len(tests) || !all.Complete {
			t.Errorf("everything is %d entries, complete %t, want %d", len(all.Entries), all.Complete, len(tests))
		}
	})
}

// Requirement: feed-names
func TestAPersonIsToldUnderEveryNameThatTokensHave(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		n := w.node(t, nil)
		register := func(host, subject string, resources ...string) {
			_, err := n.apps.Create(t.Context(), w.site, application.NewApplication{Name: host, Kind: model.KindWeb, AuthMethod: model.AuthClientSecretPost,
				GrantTypes: []string{"authorization_code"}, Resources: resources, Settings: model.ApplicationSettings{RedirectURIs: []string{"https://" + host + "/cb"}, SubjectType: subject}})
			check(t, err)
		}
		register("one.example", "pairwise", "https://other.example", api)
		register("one.example", "pairwise", api) // the same sector
		register("two.example", "pairwise", api+"/")
		register("clinic.example", "pairwise", "https://other.example") // whose tokens are for somebody else
		register("casino.example", "pairwise")
		register("open.example", "", api)
		person := ids.New("idn")
		cursor := n.read(t, "").Cursor
		r := n.revoke(t, model.RevokeIdentity, person)
		page := n.read(t, cursor)
		names := idsOf(page)
		if len(names) != 4 || !slices.IsSorted(names) || !slices.Contains(names, person) ||
			!slices.ContainsFunc(names, func(n string) bool { return strings.HasSuffix(n, ":"+person) && strings.HasPrefix(n, "did:web:") }) {
			t.Fatalf("got %q, want the id, the DID, and a name for each of two sectors, by name", names)
		}
		for _, e := range page.Entries {
			if e.Kind != revocation.KindSubject || e.Before != r.Before || e.Expires != r.ExpiresAt {
				t.Errorf("%+v", e)
			}
		}
		// A sector that comes later is in later tokens, and so in later revocations.
		register("three.example", "pairwise", api)
		if again := idsOf(n.read(t, cursor)); !slices.Equal(again, names) {
			t.Errorf("the same entry was %q and is %q", names, again)
		}
		n.ahead.Store(int64(time.Second))
		n.revoke(t, model.RevokeIdentity, person)
		if now := idsOf(n.read(t, page.Cursor)); len(now) != 5 || slices.ContainsFunc(names, func(n string) bool { return !slices.Contains(now, n) }) {
			t.Errorf("with a third sector: %q", now)
		}
	})
}

// Requirement: feed-names
func TestStrangersWhoRegisterAddNoNamesOfPeopleWhoGaveThemNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		n := w.node(t, nil)
		open := *w.site
		open.Realm.Policy.Registration.Mode = model.RegistrationOpen
		var used model.ClientID
		for i := range 5 {
			made, err := n.apps.Register(t.Context(), &open, application.Registration{
				Body: fmt.Appendf(nil, `{"redirect_uris":["https://s%d.example/cb"],"subject_type":"pairwise","token_endpoint_auth_method":"none"}`, i)})
			check(t, err)
			used = made.Application.ID
		}
		person, someone := ids.New("idn"), ids.New("idn")
		grant := func(person, resource string, ends time.Duration) {
			g := model.Grant{RealmID: w.site.Realm.ID, ID: model.GrantID(ids.New("grt")), Kind: "authorization_code", IdentityID: model.IdentityID(person), ApplicationID: used,
				Terms: model.GrantTerms{Resources: []string{resource}}, CreatedAt: n.ms(), ExpiresAt: n.ms().Add(ends)}
			check(t, n.store.OpenGrant(t.Context(), oauth.Opening{Grant: g}, model.Effects{}))
		}
		names := func() int {
			cursor := n.read(t, "").Cursor
			n.ahead.Add(int64(time.Second))
			n.revoke(t, model.RevokeIdentity, person)
			return len(n.read(t, cursor).Entries)
		}
		for _, tt := range []struct {
			what string
			do   func()
			want int
		}{
			{"nobody used a stranger", func() {}, 2},
			{"somebody else used one", func() { grant(someone, api, time.Hour) }, 2},
			{"the person used one, for another API", func() { grant(person, "https://other.example", time.Hour) }, 2},
			{"the person used one for this API, and it is over", func() { grant(person, api, -time.Hour) }, 3},
		} {
			tt.do()
			if got := names(); got != tt.want {
				t.Errorf("%s: %d names, want %d", tt.what, got, tt.want)
			}
		}
	})
}

// Requirement: feed-raised
func TestWhatIsRevokedAgainIsToldAgainAndOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		n := w.node(t, nil)
		first := n.revoke(t, model.RevokeApplication, "svc_1")
		n.revoke(t, model.RevokeApplication, "svc_2")
		before := n.read(t, "")
		first.Before++
		n.write(t, first)
		if got := n.read(t, before.Cursor); len(got.Entries) != 1 || got.Entries[0].ID != "svc_1" || got.Entries[0].Before != first.Before {
			t.Errorf("after it was raised: %+v", got.Entries)
		}
		if all := idsOf(n.read(t, "")); !slices.Equal(slices.Sorted(slices.Values(all)), []string{"svc_1", "svc_2"}) {
			t.Errorf("everything: %q", all)
		}
		// Nothing new is heard of: nothing is told.
		if got := n.read(t, n.read(t, "").Cursor); got.News() {
			t.Errorf("nothing happened: %+v", got)
		}
	})
}

// Requirement: feed-cursor
func TestACursorThatANodeCannotReadIsAnsweredWithEverything(t *testing.T) {
	w := newWorld(t, sqlite(t))
	n := w.node(t, nil)
	n.revoke(t, model.RevokeToken, "tok_1")
	good, other := n.read(t, "").Cursor, "AAAAAAAAAAAA-1"
	name, _, _ := strings.Cut(good, "-")
	for _, cursor := range []string{"", "x", "-", ".", name, name + "-", name + "-zz", name + "-0x1", name + "--1", "other-1", strings.Repeat(".", 1000),
		strings.Repeat(other+".", 8) + good, good + "\x00"} {
		if got := n.read(t, cursor); !got.Complete || len(got.Entries) != 1 {
			t.Errorf("%q: %+v", cursor, got)
		}
	}
	for _, cursor := range []string{good, other + "." + good, good + "." + other, "x." + good} {
		if got := n.read(t, cursor); got.News() {
			t.Errorf("%q: %+v", cursor, got)
		}
	}
	for _, r := range good {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~", r) {
			t.Errorf("the cursor %q needs quoting in a URL", good)
		}
	}
}

// Requirement: feed-cursor
func TestAReaderThatChangesNodesMissesNothingAndHearsLittleTwice(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		a, b := w.node(t, nil), w.node(t, nil)
		// Its clock is behind, and what it writes says so.
		b.ahead.Store(int64(-30 * time.Minute))
		cursor := a.read(t, "").Cursor
		page := b.read(t, cursor)
		if !page.Complete {
			t.Fatalf("the first time at a node: %+v", page)
		}
		heard, cursor := map[string]int{}, page.Cursor
		nodes := []*node{a, b}
		for i := range 6 {
			id := fmt.Sprint("tok_", i)
			nodes[i%2].revoke(t, model.RevokeToken, id)
			for _, n := range nodes { // it takes turns
				until(t, id, func() bool {
					page := n.read(t, cursor)
					if cursor = page.Cursor; page.Complete {
						t.Fatalf("%s: a node that was asked before told everything", id)
					}
					for _, told := range idsOf(page) {
						heard[told]++
					}
					all := idsOf(n.read(t, ""))
					return slices.Contains(all, id)
				})
			}
		}
		for i := range 6 {
			if got := heard[fmt.Sprint("tok_", i)]; got < 1 || got > 2 {
				t.Errorf("tok_%d was told %d times, want once or by each node", i, got)
			}
		}
		if again := a.read(t, cursor); again.News() {
			t.Errorf("nothing happened since: %+v", again)
		}
	})
}

// Requirement: feed-cursor
func TestAfterARestartEverythingIsToldOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		a := w.node(t, nil)
		a.revoke(t, model.RevokeToken, "tok_1")
		cursor := a.read(t, "").Cursor
		b := w.node(t, nil) // is a, started anew
		b.revoke(t, model.RevokeToken, "tok_2")
		page := b.read(t, cursor)
		if got := idsOf(page); !page.Complete || !slices.Equal(slices.Sorted(slices.Values(got)), []string{"tok_1", "tok_2"}) {
			t.Errorf("got %q, complete %t", got, page.Complete)
		}
		if next := b.read(t, page.Cursor); next.News() {
			t.Errorf("then: %+v", next)
		}
	})
}

// Requirement: feed-expiry
func TestWhatHasExpiredIsNotToldAnyMore(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		n := w.node(t, nil)
		cursor := n.read(t, "").Cursor
		n.revoke(t, model.RevokeToken, "tok_1")
		mid := n.read(t, "").Cursor
		n.ahead.Store(int64(59 * time.Minute))
		n.revoke(t, model.RevokeToken, "tok_2")
		if got := idsOf(n.read(t, cursor)); !slices.Equal(got, []string{"tok_1", "tok_2"}) {
			t.Fatalf("before: %q", got)
		}
		n.ahead.Store(int64(61 * time.Minute))
		for _, since := range []string{"", cursor, mid} {
			if got := idsOf(n.read(t, since)); !slices.Equal(got, []string{"tok_2"}) {
				t.Errorf("since %q: %q", since, got)
			}
		}
		check(t, n.store.Sweep(t.Context(), n.ms().Add(10*time.Minute)))
		n.revoke(t, model.RevokeToken, "tok_3")
		n.read(t, "") // memory looks around
		// A clock that is set back does not bring back what was forgotten.
		n.ahead.Store(0)
		n.hub.Resync()
		for _, since := range []string{"", cursor, mid} {
			if got := idsOf(n.read(t, since)); !slices.Equal(got, []string{"tok_2", "tok_3"}) {
				t.Errorf("after the sweep, since %q: %q", since, got)
			}
		}
		if before, err := n.memory.Before(t.Context(), w.site.Realm.ID, model.RevokeToken, "tok_1"); err != nil || before != 0 {
			t.Errorf("memory still holds it: %d, %v", before, err)
		}
	})
}

// What never expires in the database is told for as long as a token can live.
// Requirement: feed-expiry
func TestARevocationWithoutAnEndIsToldWhileATokenCanLive(t *testing.T) {
	w := newWorld(t, sqlite(t))
	n := w.node(t, nil)
	now := n.ms()
	n.write(t, model.Revocation{RealmID: w.site.Realm.ID, Kind: model.RevokeToken, Key: "tok_1", Before: now, At: now})
	want := []revocation.Entry{{Kind: revocation.KindToken, ID: "tok_1", Before: now.Add(model.LongestToken), Expires: now.Add(model.LongestToken)}}
	if diff := cmp.Diff(want, n.read(t, "").Entries); diff != "" {
		t.Error(diff)
	}
	n.ahead.Store(int64(model.LongestToken + time.Second))
	if got := n.read(t, ""); len(got.Entries) != 0 {
		t.Errorf("later: %+v", got.Entries)
	}
	if before, err := n.memory.Before(t.Context(), w.site.Realm.ID, model.RevokeToken, "tok_1"); err != nil || before != now {
		t.Errorf("the gate is told %d, %v, want %d", before, err, now)
	}
}

// Requirement: feed-realms-apart
func TestARealmIsToldItsOwnRevocationsAlone(t *testing.T) {
	w := newWorld(t, sqlite(t))
	n := w.node(t, nil)
	other := *w.site
	other.Realm.ID = "rlm_other"
	mine := n.revoke(t, model.RevokeToken, "tok_1")
	mine.RealmID, mine.Key = other.Realm.ID, "tok_2"
	n.write(t, mine)
	here := n.read(t, "")
	there, err := n.Read(t.Context(), revocation.Query{Site: &other})
	check(t, err)
	if !slices.Equal(idsOf(here), []string{"tok_1"}) || !slices.Equal(idsOf(there), []string{"tok_2"}) {
		t.Errorf("here %q, there %q", idsOf(here), idsOf(there))
	}
	// A place in one realm's journal is none in another's.
	if got, err := n.Read(t.Context(), revocation.Query{Site: &other, Since: here.Cursor}); err != nil || !got.Complete {
		t.Errorf("with the cursor of another realm: %+v, %v", got, err)
	}
}

// Requirement: feed-conditional
func TestWhoWantsTheWholeGetsItWhenItChanged(t *testing.T) {
	w := newWorld(t, sqlite(t))
	n := w.node(t, nil)
	n.revoke(t, model.RevokeToken, "tok_1")
	q := revocation.Query{Site: w.site, Since: n.read(t, "").Cursor, Whole: true, Resources: []string{api}}
	got, err := n.Read(t.Context(), q)
	check(t, err)
	if got.News() || got.Cursor != q.Since {
		t.Errorf("nothing changed: %+v", got)
	}
	n.revoke(t, model.RevokeToken, "tok_2")
	got, err = n.Read(t.Context(), q)
	check(t, err)
	if !got.Complete || !slices.Equal(idsOf(got), []string{"tok_1", "tok_2"}) || got.Cursor == q.Since {
		t.Errorf("something changed: %+v", got)
	}
}
