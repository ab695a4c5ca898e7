package store_test

import (
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/assent-id/assent/bench/proc"
	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/store"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// benchmark runs f on both engines and reports processor time per operation
// over this process and the database server together.
func benchmark(b *testing.B, f func(*testing.B, *store.Store)) {
	b.Run("SQLite", func(b *testing.B) {
		measure(b, open(b, store.Config{URL: sqliteDatabase(b)}), f)
	})
	b.Run("PostgreSQL", func(b *testing.B) {
		c, err := pgtest.Start(b.Context()) // as durable as in production
		if err != nil {
			b.Skip(err)
		}
		b.Cleanup(func() { c.Stop() })
		url, err := c.CreateDatabase(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		measure(b, open(b, store.Config{URL: url}), f)
	})
}

// measure counts this process with all below it; the server is among them.
func measure(b *testing.B, s *store.Store, f func(*testing.B, *store.Store)) {
	before, err := proc.CPU(os.Getpid())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	f(b, s)
	b.StopTimer()
	after, err := proc.CPU(os.Getpid())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64((after-before)/time.Microsecond)/float64(b.N), "cpu-µs/op")
}

// parallel is how many callers there are at once.
const parallel = 64

// spread does n things on many goroutines.
func spread(b *testing.B, n int, do func() error) {
	var wg sync.WaitGroup
	work := make(chan struct{}, n)
	for range n {
		work <- struct{}{}
	}
	close(work)
	for range parallel {
		wg.Go(func() {
			for range work {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkConsume(b *testing.B) {
	benchmark(b, func(b *testing.B, s *store.Store) {
		ctx := b.Context()
		realm := model.RealmID(ids.New("rlm"))
		spread(b, b.N, func() error {
			o := model.Once{Namespace: model.OnceAssertion, RealmID: realm, Digest: ids.DigestOf(ids.Secret()), Until: model.MillisOf(time.Now().Add(time.Hour))}
			_, err := s.Consume(ctx, o)
			return err
		})
	})
}

func newApproval(realm model.RealmID) model.Approval {
	digest := ids.DigestOf(ids.Secret())
	now := model.MillisOf(time.Now())
	return model.Approval{RealmID: realm, ID: model.ApprovalID(ids.New("apr")), Kind: "ciba",
		IdentityID: model.IdentityID(ids.New("idn")), ApplicationID: "agt_bench", Statement: document(900),
		StatementHash: "h", AuthReqDigest: digest[:], Interval: 5, CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
}

func effects(a model.Approval, kind string) model.Effects {
	return model.Effects{
		Events:  []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: a.RealmID, Type: kind, Actor: "agt_bench", Target: string(a.ID), At: a.CreatedAt}},
		Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicApproval, Key: string(a.ID), At: a.CreatedAt}},
	}
}

func BenchmarkApprovalFromAskToFulfilment(b *testing.B) { benchmark(b, threeSteps) }

func threeSteps(b *testing.B, s *store.Store) {
	ctx := b.Context()
	realm := aRealm(b, s)
	person := aPerson(b, s, realm)
	spread(b, b.N, func() error {
		a := newApproval(realm)
		a.IdentityID = person
		if err := s.CreateApproval(ctx, a, 1<<40, effects(a, "approval.asked")); err != nil {
			return err
		}
		end := model.Ending{RealmID: realm, ID: a.ID, State: model.ApprovalApproved, At: a.CreatedAt, Evidence: document(1800)}
		if err := s.EndApproval(ctx, end, effects(a, "approval.approved")); err != nil {
			return err
		}
		g := model.Grant{RealmID: realm, ID: model.GrantID(ids.New("grt")), Kind: "ciba", IdentityID: a.IdentityID,
			ApplicationID: a.ApplicationID, ApprovalID: a.ID, CreatedAt: a.CreatedAt, ExpiresAt: a.ExpiresAt}
		return s.FulfilApproval(ctx, g, a.CreatedAt, effects(a, "approval.fulfilled"))
	})
}

func BenchmarkGrantOpening(b *testing.B) {
	benchmark(b, func(b *testing.B, s *store.Store) {
		realm := aRealm(b, s)
		person := aPerson(b, s, realm)
		spread(b, b.N, func() error {
			g := aGrant(realm, "app_bench", person)
			once := model.Once{Namespace: model.OncePushed, RealmID: realm, Digest: ids.DigestOf(ids.Secret()), Until: g.ExpiresAt}
			return s.OpenGrant(b.Context(), oauth.Opening{Grant: g, Once: &once, Decided: g.CreatedAt}, model.Effects{})
		})
	})
}

// Each turn reads the grant and moves its refresh token on, as a request does.
func BenchmarkGrantRefresh(b *testing.B) {
	benchmark(b, func(b *testing.B, s *store.Store) {
		realm := aRealm(b, s)
		person := aPerson(b, s, realm)
		idle := make(chan model.Grant, 4*parallel)
		for range cap(idle) {
			g := aGrant(realm, "app_bench", person)
			if err := s.OpenGrant(b.Context(), oauth.Opening{Grant: g}, model.Effects{}); err != nil {
				b.Fatal(err)
			}
			idle <- g
		}
		b.ResetTimer()
		spread(b, b.N, func() error {
			g := <-idle
			defer func() { idle <- g }()
			now, err := s.Grant(b.Context(), realm, g.ID)
			if err != nil {
				return err
			}
			r := model.Refreshing{RealmID: realm, ID: g.ID, From: now.Refresh, At: now.CreatedAt, Expires: now.ExpiresAt + 1}
			return s.RefreshGrant(b.Context(), r, model.Effects{})
		})
	})
}

// document is about as long as a real one, and as hard to compress.
func document(n int) []byte {
	var text []byte
	for len(text) < n {
		text = append(text, `{"label":"value","signature":"`+ids.Secret()+ids.Secret()+`"},`...)
	}
	return text
}

func BenchmarkApprovalRead(b *testing.B) {
	benchmark(b, func(b *testing.B, s *store.Store) {
		ctx := b.Context()
		a := newApproval("rlm_bench")
		if err := s.CreateApproval(ctx, a, 10, model.Effects{}); err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		b.ResetTimer()
		spread(b, b.N, func() error {
			_, err := s.Approval(ctx, a.RealmID, a.ID)
			return err
		})
	})
}
