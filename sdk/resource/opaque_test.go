package resource_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/server/servertest"
	"github.com/assent-id/assent/sdk/resource"
)

// An oracle stands between an API and the issuer and answers introspections.
type oracle struct {
	mu     sync.Mutex
	claims map[string]map[string]any // of the tokens that are active
	beside map[string]int64          // how many at most were held when one of them was asked about
	hold   chan struct{}             // who asks about another one waits for that; nil: nobody
	asked  atomic.Int64
	held   atomic.Int64
}

func newOracle() *oracle {
	return &oracle{claims: map[string]map[string]any{}, beside: map[string]int64{}}
}

func (o *oracle) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/introspect" {
		return http.DefaultTransport.RoundTrip(r)
	}
	o.asked.Add(1)
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	claims, hold := o.claims[form.Get("token")], o.hold
	if claims != nil {
		o.beside[form.Get("token")] = max(o.beside[form.Get("token")], o.held.Load())
	}
	o.mu.Unlock()
	if claims == nil && hold != nil {
		o.held.Add(1)
		defer o.held.Add(-1)
		select {
		case <-hold:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "application/json")
	answer := map[string]any{"active": claims != nil}
	if err := json.NewEncoder(w).Encode(override(answer, claims)); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// reference makes an opaque token that means something.
func (o *oracle) reference(f *forge) string {
	raw := "at_" + ids.Secret()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.claims[raw] = f.claims(nil)
	return raw
}

func (o *oracle) revoke(raw string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.claims, raw)
}

// Requirement: mw-opaque, mw-bounds
func TestTheIssuerIsAskedOnlyAboutWhatItMayHaveMade(t *testing.T) {
	b, o := newBoard(t), newOracle()
	cfg := b.config()
	cfg.HTTPClient = &http.Client{Transport: o}
	s := ready(t, cfg)
	good := o.reference(b.f)
	for _, raw := range []string{"at_", "at_x", good + "A", good[:len(good)-1], "AT_" + good[3:], "at_" + good, good[:20] + "." + good[21:], good[:20] + "=" + good[21:],
		good[:20] + "\n" + good[21:], strayBits(good), "at_" + strings.Repeat("A", 1000)} {
		checkRefusal(t, raw, refusal(t, s, bearer(raw)), resource.InvalidToken, "the token is malformed")
	}
	if n := o.asked.Load(); n != 0 {
		t.Errorf("the issuer was asked %d times", n)
	}
	passes(t, s, good)
	if n := o.asked.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// Requirement: mw-opaque, mw-bounds
func TestAnAPIThatTakesJWTsAloneAsksAboutNothing(t *testing.T) {
	b, o, key := newBoard(t), newOracle(), servertest.NewProver(t)
	b.f.publish(t, "k1", key, nil)
	cfg := b.config()
	cfg.HTTPClient, cfg.TokenFormat = &http.Client{Transport: o}, resource.JWTOnly
	s := ready(t, cfg)
	checkRefusal(t, "an opaque token", refusal(t, s, bearer(o.reference(b.f))), resource.InvalidToken, "opaque tokens are not taken here")
	passes(t, s, sign(t, key, "k1", nil, b.f.claims(nil)))
	if n := o.asked.Load(); n != 0 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// Requirement: mw-bounds
func TestStrangersTakeNoPlaceFromGoodTokens(t *testing.T) {
	b, o, key := newBoard(t), newOracle(), servertest.NewProver(t)
	b.f.publish(t, "k1", key, nil)
	cfg := b.config()
	cfg.HTTPClient = &http.Client{Transport: o}
	s := ready(t, cfg)
	known, signed := o.reference(b.f), sign(t, key, "k1", nil, b.f.claims(nil))
	passes(t, s, known)
	o.mu.Lock()
	o.claims[signed] = b.f.claims(nil)
	o.hold = make(chan struct{})
	o.mu.Unlock()
	b.mu.Lock()
	b.status = 403 // from now on the issuer is asked each time
	b.mu.Unlock()
	soon(t, "the feed is lost", func() bool { return s.Health() != nil })

	var all sync.WaitGroup
	var calm atomic.Bool
	for range 2 * resource.MaxAskingNow {
		all.Go(func() {
			for !calm.Load() {
				_ = refusal(t, s, bearer("at_"+ids.Secret()))
			}
		})
	}
	for _, good := range []string{known, signed} {
		soon(t, "it is asked about while strangers have all of their places", func() bool {
			passes(t, s, good)
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.beside[good] == resource.MaxAskingNow
		})
	}
	calm.Store(true)
	close(o.hold)
	all.Wait()

	made := "at_" + ids.Secret()
	for range 3 {
		checkRefusal(t, "made up", refusal(t, s, bearer(made)), resource.InvalidToken, "the token is not active")
	}
	before := o.asked.Load()
	o.revoke(known)
	checkRefusal(t, "revoked", refusal(t, s, bearer(known)), resource.InvalidToken, "the token is not active")
	if n := o.asked.Load() - before; n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// The feed is lost in the very moment between the look at what is remembered and
// the look at the feed.
//
// Requirement: mw-feed-lost
func TestAnAnswerThatIsRememberedDoesNotOutliveTheFeed(t *testing.T) {
	b, o := newBoard(t), newOracle()
	cfg := b.config()
	cfg.MaxStale = time.Hour
	cfg.HTTPClient = &http.Client{Transport: o}
	var s *resource.Server
	var lose atomic.Bool
	cfg.Now = func() time.Time { // asked when times are compared, which is between the two
		if lose.Load() {
			s.LoseFeed()
		}
		return time.Now()
	}
	s = ready(t, cfg)
	raw := o.reference(b.f)
	passes(t, s, raw)
	b.mu.Lock()
	b.status = 503
	b.mu.Unlock()
	polls := b.polls.Load()
	soon(t, "the feed is not heard", func() bool { return b.polls.Load() >= polls+2 })
	o.revoke(raw)
	passes(t, s, raw) // the feed counts as heard, and has said nothing
	lose.Store(true)
	checkRefusal(t, "the feed was lost meanwhile", refusal(t, s, bearer(raw)), resource.InvalidToken, "the token is not active")
}
