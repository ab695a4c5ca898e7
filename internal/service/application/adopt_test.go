package application_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
)

func TestAChangedDocumentChangesTheClientOnEveryServer(t *testing.T) {
	p, url := newPress(t), sqlite(t)
	a, b := newReader(t, url), newReader(t, url)
	id := p.publish("/client", metadata{"token_endpoint_auth_method": "private_key_jwt", "jwks": json.RawMessage(set(publicKey(t, jose.ES256)))})
	old := a.get(id)
	b.get(id)
	second := publicKey(t, jose.EdDSA)
	p.publish("/client", metadata{"client_name": "Editor 2", "redirect_uris": []string{"https://editor.example/callback"},
		"token_endpoint_auth_method": "private_key_jwt", "jwks": json.RawMessage(set(second))})
	if got := a.get(id); got.Name != "Editor" || got.Key(string(old.Keys[0].KID), 0) == nil {
		t.Errorf("changed before it was read: %+v", got.Application)
	}
	a.pass(5 * time.Minute)
	got := a.get(id)
	if got.Name != "Editor 2" || got.Kind != model.KindWeb || got.Version != 2 || len(got.Keys) != 1 || got.Key("", 0) == nil ||
		got.Key(string(old.Keys[0].KID), 0) != nil {
		t.Errorf("after the change: %+v", got.Application)
	}
	for end := time.Now().Add(20 * time.Second); b.get(id).Name != "Editor 2"; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the other server has not heard of it in 5 s")
		}
	}
	// The one that has not read the new document does not put the old one back.
	if got := a.get(id); got.Version != 2 {
		t.Errorf("version %d", got.Version)
	}
	a.pass(5 * time.Minute)
	if got := a.get(id); got.Version != 2 {
		t.Errorf("version %d after the same document was read again", got.Version)
	}
}

// An operator's word comes before the document's.
func TestAStoppedClientStaysStoppedWhateverItsDocumentSays(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	id := p.publish("/client")
	r.get(id)
	for _, status := range []model.ApplicationStatus{model.ApplicationFrozen, model.ApplicationDisabled} {
		check(t, r.SetStatus(t.Context(), r.site, id, status, "op"))
		p.publish("/client", metadata{"client_name": string("New " + status)})
		reads := p.reads.Load()
		for range 3 {
			r.pass(6 * time.Minute)
			if got := r.get(id); got.Status != status || strings.HasPrefix(got.Name, "New") {
				t.Errorf("got %+v, want it %s", got.Application, status)
			}
		}
		if p.reads.Load() != reads {
			t.Errorf("%s: the document is still read", status)
		}
		again := newReader(t, sqlite(t)) // nothing of this in another database
		if again.get(id).Status != model.ApplicationActive {
			t.Error("it is stopped where nobody stopped it")
		}
	}
	dead := r.get(id).TokensInvalidBefore
	check(t, r.SetStatus(t.Context(), r.site, id, model.ApplicationActive, "op"))
	r.pass(6 * time.Minute)
	if got := r.get(id); got.Name != "New disabled" || got.TokensInvalidBefore != dead || dead == 0 {
		t.Errorf("thawed: %+v", got.Application)
	}
}

func TestSwitchesThatNoDocumentHasStayAsTheOperatorSetThem(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	id := p.publish("/client")
	r.get(id)
	check(t, r.Configure(t.Context(), r.site, id, "op", func(s *model.ApplicationSettings) {
		s.FirstParty, s.TokenLifetime, s.Scopes, s.AnyScope = true, 60, []string{"files"}, false
		s.RedirectURIs = []string{"https://operator.example/"}
	}))
	r.pass(6 * time.Minute)
	p.publish("/client", metadata{"client_name": "Changed"})
	got := r.get(id)
	if s := got.Settings; got.Name != "Changed" || !s.FirstParty || s.TokenLifetime != 60 || s.AnyScope || !slices.Equal(s.Scopes, []string{"files"}) {
		t.Errorf("the operator's: %+v", got.Application)
	}
	if !slices.Equal(got.Settings.RedirectURIs, []string{"http://127.0.0.1/callback"}) {
		t.Errorf("the document's: %q", got.Settings.RedirectURIs)
	}
}

func TestAFreezeThatMeetsAChangeOfTheDocumentWins(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	id := p.publish("/client")
	r.get(id)
	arrived, answerNow := make(chan struct{}), make(chan struct{})
	p.print("/client", func(w http.ResponseWriter, req *http.Request) {
		close(arrived)
		<-answerNow
		answer(p.document("/client", metadata{"client_name": "Changed"}), "application/json", "")(w, req)
	})
	r.pass(6 * time.Minute)
	done := make(chan *model.Client)
	go func() { done <- r.get(id) }()
	<-arrived
	check(t, r.SetStatus(t.Context(), r.site, id, model.ApplicationFrozen, "op"))
	close(answerNow)
	if got := <-done; got.Status != model.ApplicationFrozen {
		t.Errorf("who waited for the document got %+v", got.Application)
	}
	if got := r.get(id); got.Status != model.ApplicationFrozen {
		t.Errorf("got %+v", got.Application)
	}
}

func TestOfManyWhoMeetAClientFirstOneReadsAndOneWrites(t *testing.T) {
	p, url := newPress(t), sqlite(t)
	a, b := newReader(t, url), newReader(t, url)
	release := make(chan struct{})
	id := p.print("/client", func(w http.ResponseWriter, req *http.Request) {
		<-release
		answer(p.document("/client"), "application/json", "")(w, req)
	})
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			if got := []*reader{a, b}[i%2].get(id); got.ID != id || got.Version != 1 {
				t.Errorf("got %+v", got.Application)
			}
		})
	}
	for p.reads.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	close(release)
	wg.Wait()
	if n := p.reads.Load(); n != 2 {
		t.Errorf("read %d times by two servers", n)
	}
	if rows := a.rows(); len(rows) != 1 {
		t.Errorf("%d rows", len(rows))
	}
}

func TestTheDocumentOfOneRealmIsNoClientOfAnother(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	id := p.publish("/client")
	r.get(id)
	if _, err := r.Get(t.Context(), r.other, id); err == nil {
		t.Error("a realm that takes no documents knows it")
	}
	other := with(r.other, model.DocumentPolicy{Enabled: true})
	got, err := r.Get(t.Context(), other, id)
	check(t, err)
	if got.RealmID != other.Realm.ID {
		t.Errorf("got that of the realm %s", got.RealmID)
	}
	check(t, r.SetStatus(t.Context(), other, id, model.ApplicationFrozen, "op"))
	if r.get(id).Status != model.ApplicationActive {
		t.Error("one realm's freeze stopped it in another")
	}
}

func TestAURLThatAnOperatorRegisteredIsNotAskedFor(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	id := p.publish("/client")
	check(t, r.store.CreateApplication(t.Context(), model.Application{RealmID: r.site.Realm.ID, ID: id, Kind: model.KindWeb, Name: "Registered",
		Status: model.ApplicationActive, Settings: model.ApplicationSettings{AuthMethod: model.AuthNone}, Version: 1}, model.Effects{}))
	if got := r.get(id); got.Name != "Registered" {
		t.Errorf("got %+v", got.Application)
	}
	if got, err := r.Get(t.Context(), with(r.site, model.DocumentPolicy{}), id); err != nil || got.Name != "Registered" {
		t.Errorf("where no documents are taken: %+v, %v", got, err)
	}
	if n := p.reads.Load(); n != 0 {
		t.Errorf("read %d times", n)
	}
}

// A client that was reaped comes back when it is met again.
func TestAClientWhoseRowIsGoneIsReadAnew(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	id := p.publish("/client")
	r.get(id)
	now := model.Millis(r.clock.Load())
	check(t, r.store.DeleteApplication(t.Context(), r.site.Realm.ID, id, now, model.Effects{Changes: []model.Change{
		{ID: "chg_1", Topic: model.TopicApplication, Key: string(r.site.Realm.ID) + "/" + string(id), At: now}}}))
	if rows := r.rows(); len(rows) != 0 {
		t.Fatalf("the database has %q: this test shows nothing", rows)
	}
	r.get(id)
	if rows := r.rows(); len(rows) != 1 {
		t.Errorf("the database has %q", rows)
	}
}

func TestStrangersCannotMakeThisServerAskAHostAllDay(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	known := p.publish("/known")
	r.get(known)
	for i := range 100 {
		r.unknown("made up", model.ClientID(fmt.Sprint(p.URL, "/", i)))
	}
	if n := p.reads.Load(); n != 30 {
		t.Errorf("the host was asked %d times at once, want 30", n)
	}
	r.pass(5 * time.Minute)
	r.get(known) // those who are known are not held up
	reads := p.reads.Load()
	r.pass(-5 * time.Minute)
	r.pass(4 * time.Second)
	for i := range 100 {
		r.unknown("made up later", model.ClientID(fmt.Sprint(p.URL, "/later", i)))
	}
	if n := p.reads.Load() - reads; n != 2 {
		t.Errorf("after 4 s the host was asked %d times, want 2", n)
	}
}

// Requirement: keys-client-refetch
func TestAClientsKeysComeFromWhereItSays(t *testing.T) {
	p, r := newPress(t), newReader(t, sqlite(t))
	first, err := jose.Generate(jose.ES256)
	check(t, err)
	second, err := jose.Generate(jose.ES256)
	check(t, err)
	keys := p.print("/keys", answer(set(string(first.Public().JSON())), "application/json", ""))
	signed := metadata{"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256"}
	c := r.get(p.publish("/client", signed, metadata{"jwks_uri": string(keys)}))
	key := func(c *model.Client, kid string) *jose.PublicKey {
		k, err := r.Key(t.Context(), r.site, c, kid, model.Millis(r.clock.Load()))
		check(t, err)
		return k
	}
	if k := key(c, first.KID()); k == nil || k.KID() != first.KID() {
		t.Errorf("got %v", k)
	}
	reads := p.reads.Load()
	for range 5 {
		key(c, first.KID())
	}
	if p.reads.Load() != reads {
		t.Error("the keys are read on each request")
	}
	p.print("/keys", answer(set(string(second.Public().JSON())), "application/json", ""))
	if k := key(c, second.KID()); k == nil || p.reads.Load() != reads+1 {
		t.Errorf("an unknown key: %v after %d reads", k, p.reads.Load()-reads)
	}
	if k := key(c, "x"); k != nil || p.reads.Load() != reads+1 {
		t.Errorf("another unknown key: %v after %d reads", k, p.reads.Load()-reads)
	}

	inline := r.get(p.publish("/inline", signed, metadata{"jwks": json.RawMessage(set(string(first.Public().JSON())))}))
	if key(inline, first.KID()) == nil || key(inline, "") == nil || key(inline, second.KID()) != nil {
		t.Error("keys in the document: want the first one, named or not, and no other")
	}
	if !slices.Equal(inline.Settings.AssertionAlgs, []string{"ES256"}) {
		t.Errorf("algorithms %q", inline.Settings.AssertionAlgs)
	}
	plain := newNodeWithout(t)
	if k, err := plain.Key(t.Context(), plain.site, c, first.KID(), 0); k != nil || err != nil {
		t.Errorf("where nothing is fetched: %v, %v", k, err)
	}
}

// newNodeWithout is a server that fetches nothing.
func newNodeWithout(t *testing.T) *node {
	t.Helper()
	return openWith(t, sqlite(t), application.Config{})
}

func TestWithoutAFetcherThereAreNoDocuments(t *testing.T) {
	n := newNodeWithout(t)
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	if _, err := n.Get(t.Context(), with(n.site, model.DocumentPolicy{Enabled: true}), model.ClientID(s.URL+"/c")); err == nil {
		t.Error("got a client")
	}
}
