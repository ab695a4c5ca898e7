package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/edge/api"
	"github.com/assent-id/assent/internal/edge/httpx"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/service/realm"
	"github.com/assent-id/assent/internal/service/revocation"
)

// rows are revocations that are written while somebody waits.
type rows struct {
	hub  hub.Hub
	mu   sync.Mutex
	list []model.Revocation
}

func (r *rows) Revocations(context.Context, model.Millis, model.Millis) ([]model.Revocation, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.list), nil
}

func (r *rows) write(key string) {
	r.mu.Lock()
	now := model.MillisOf(time.Now())
	r.list = append(r.list, model.Revocation{RealmID: "rlm_1", Kind: model.RevokeToken, Key: key, Before: now, At: now, ExpiresAt: now.Add(time.Hour)})
	r.mu.Unlock()
	r.hub.Publish([]model.Change{{ID: key, Topic: model.TopicRevocation, Key: key, At: now}})
}

// A stopped reader is let in and then not any more. when runs between.
type stopped struct {
	anyToken
	when func()
}

func (s stopped) StillReads(_ context.Context, _ *model.Site, r oauth.Reader) (oauth.Reader, error) {
	s.when()
	return r, &oauth.Error{Code: oauth.InvalidGrant, Description: "stopped"}
}

// begun says when somebody waits.
type begun struct {
	*revocation.Feed
	now chan struct{}
}

func (b begun) Await(ctx context.Context, q revocation.Query, wait time.Duration) (revocation.Page, error) {
	close(b.now)
	return b.Feed.Await(ctx, q, wait)
}

// one is the only realm.
type one struct{ *model.Site }

func (o one) ByID(context.Context, model.RealmID) (*model.Site, error) { return o.Site, nil }

// Requirement: feed-readers-again
func TestAPollThatIsStoppedWhileItWaitsHearsWhatStoppedIt(t *testing.T) {
	for _, tt := range []struct {
		name         string
		before, then bool // when what stops it is written: before it is asked for again, or then
		status       int
	}{
		{"it was woken by that", true, false, 200},
		{"it was asked for again first", false, true, 200},
		{"nothing says why", false, false, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			site := &model.Site{Issuer: "https://id.example", Realm: model.Realm{ID: "rlm_1", Policy: model.RealmPolicy{
				Resources: []model.ResourcePolicy{{Resource: "https://api.example", Clients: []model.ClientID{"svc_1"}}}}}}
			store := &rows{}
			memory := revocation.NewMemory(revocation.Config{Store: store, Hub: &store.hub})
			feed := begun{revocation.NewFeed(revocation.FeedConfig{Memory: memory}), make(chan struct{})}
			first, err := feed.Read(t.Context(), revocation.Query{Site: site, Resources: []string{"https://api.example"}})
			servertest.Check(t, err)
			mux := http.NewServeMux()
			api.New(api.Config{Feed: feed, Realms: one{site}, Readers: stopped{"svc_1", func() {
				if tt.then {
					store.write("tok_1")
				}
			}}}).Register(mux)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, feedPath+"?after="+first.Cursor, nil)
			r.Header.Set("Authorization", "Bearer x")
			r.Header.Set("Prefer", "wait=1")
			if tt.before {
				r.Header.Set("Prefer", "wait=30")
				go func() {
					<-feed.now
					store.write("tok_1")
				}()
			}
			got := httptest.NewRecorder()
			mux.ServeHTTP(got, httpx.WithSite(r, site))
			if got.Code != tt.status || tt.status == 200 && !slices.Equal(toldIn(pageOf(t, got.Body.Bytes())), []string{"tok_1"}) {
				t.Errorf("%d %s", got.Code, got.Body)
			}
			if challenged := got.Header().Get("WWW-Authenticate") != ""; challenged != (tt.status == 401) {
				t.Errorf("WWW-Authenticate is %q", got.Header().Values("WWW-Authenticate"))
			}
		})
	}
}

// Requirement: feed-disabled
func TestReadersHearThatTheirRealmIsDisabledAndNothingElse(t *testing.T) {
	w := newFeedWorld(t)
	site, err := w.Server.Realms.Create(t.Context(), realm.NewRealm{Name: "shop", DisplayName: "Shop"})
	servertest.Check(t, err)
	app := func() servertest.App { return w.AppIn(t, site, application.NewApplication{}) }
	reader, stranger, frozen := app(), app(), app()
	servertest.Check(t, w.Server.Realms.ChangePolicy(t.Context(), site.Realm.ID, func(p *model.RealmPolicy) {
		p.Resources = []model.ResourcePolicy{{Resource: "https://api.example", Name: "API", Clients: []model.ClientID{model.ClientID(reader.ID), model.ClientID(frozen.ID)}}}
	}, "operator"))
	at := func(path string) string { return site.Path + path }
	bearer := func(a servertest.App, pairs ...string) string {
		got := w.Post(t, at("/oauth/token"), a.Form(append([]string{"grant_type", oauth.GrantClientCredentials}, pairs...)...))
		if got.Status != 200 {
			t.Fatalf("token: %d %s", got.Status, got.Body)
		}
		return "Bearer " + got.Text("access_token")
	}
	good, revoked, other, cold := bearer(reader), bearer(reader), bearer(stranger), bearer(frozen)
	key := servertest.NewProver(t)
	bound := w.Post(t, at("/oauth/token"), reader.Form("grant_type", oauth.GrantClientCredentials), "DPoP", key.Proof(t, "POST", site.Issuer+"/oauth/token", nil)).Text("access_token")
	w.Post(t, at("/oauth/revoke"), reader.Form("token", strings.TrimPrefix(revoked, "Bearer ")))
	servertest.Check(t, w.Server.Applications.SetStatus(t.Context(), site, model.ClientID(frozen.ID), model.ApplicationFrozen, "operator"))
	servertest.Check(t, w.Server.Realms.SetStatus(t.Context(), site.Realm.ID, model.RealmDisabled, "operator"))
	read := func(bearer string, headers ...string) servertest.Answer {
		return w.Get(t, at(feedPath), append([]string{"Authorization", bearer}, headers...)...)
	}
	page := pageOf(t, read(good).Body)
	if len(page.Entries) != 1 || page.Entries[0].Kind != revocation.KindRealm || page.Entries[0].ID != site.Issuer || !page.Complete {
		t.Errorf("a reader is told %+v", page)
	}
	if got := w.Get(t, at(feedPath)+"?after="+page.Cursor, "Authorization", good, "Prefer", "wait=1"); got.Status != 200 || pageOf(t, got.Body).News() {
		t.Errorf("and then: %d %s", got.Status, got.Body)
	}
	proof := key.ResourceProof(t, "GET", site.Issuer+feedPath, bound, nil)
	if got := read("DPoP "+bound, "DPoP", proof); got.Status != 200 {
		t.Errorf("with a proof: %d %s", got.Status, got.Body)
	}
	for name, got := range map[string]servertest.Answer{
		"a token that was revoked before":   read(revoked),
		"a client that was frozen before":   read(cold),
		"a token without its proof":         read("Bearer " + bound),
		"a proof that was used":             read("DPoP "+bound, "DPoP", proof),
		"the token elsewhere":               w.Get(t, at("/v1/approvals/apr_x"), "Authorization", good),
		"userinfo":                          w.Get(t, at("/userinfo"), "Authorization", good),
		"a new token":                       w.Post(t, at("/oauth/token"), reader.Form("grant_type", oauth.GrantClientCredentials)),
		"the token in the realm that works": w.Get(t, feedPath, "Authorization", good),
	} {
		if got.Status != 401 {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := read(other); got.Status != 403 {
		t.Errorf("another client: %d %s", got.Status, got.Body)
	}
	w.clock.Turn(time.Hour)
	if got := read(good); got.Status != 401 {
		t.Errorf("once it has expired: %d %s", got.Status, got.Body)
	}
}

// Requirement: feed-disabled
func TestAStreamHearsThatItsRealmIsDisabled(t *testing.T) {
	w := newFeedWorld(t)
	s := w.follow(t)
	s.page(t)
	servertest.Check(t, w.Server.Realms.SetStatus(t.Context(), w.Site.Realm.ID, model.RealmDisabled, "operator"))
	if page, _ := s.page(t); !slices.ContainsFunc(page.Entries, func(e revocation.Entry) bool { return e.Kind == revocation.KindRealm && e.ID == w.Site.Issuer }) {
		t.Errorf("the stream is told %+v", page)
	}
}
