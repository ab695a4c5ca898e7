package assent_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assent-id/assent/sdk/assent"
)

// own gets a token that must be there.
func own(t *testing.T, c *assent.Client, r assent.TokenRequest) string {
	t.Helper()
	got, err := c.Token(t.Context(), r)
	check(t, err)
	return got.Token
}

func wantToken(t *testing.T, c *assent.Client, want string) {
	t.Helper()
	if got := own(t, c, assent.TokenRequest{}); got != want {
		t.Errorf("after %v: got token %s, want %s", time.Now(), got, want)
	}
}

func wantCount(t *testing.T, i *issuer, what string, want int) {
	t.Helper()
	if got := i.count(what); got != want {
		t.Errorf("%s was asked %d times, want %d", what, got, want)
	}
}

// Requirement: client-token-cache
func TestEachSetOfScopesAndResourcesIsAskedForOnce(t *testing.T) {
	i := newIssuer(t)
	c := i.client(t)
	sets := [][]assent.TokenRequest{
		{{}, {Scope: " "}, {Resource: []string{}}},
		{{Scope: "read write"}, {Scope: "write  read"}, {Scope: "read read write"}},
		{{Scope: "read"}},
		{{Scope: "read", Resource: []string{"https://a.example", "https://b.example"}}, {Scope: "read", Resource: []string{"https://b.example", "https://a.example"}}},
		{{Scope: "read", Resource: []string{"https://a.example"}}},
	}
	for n, set := range sets {
		for _, r := range set {
			if got := own(t, c, r); got != fmt.Sprint("t", n+1) {
				t.Errorf("%+v: got %s, want t%d", r, got, n+1)
			}
		}
	}
	wantCount(t, i, "own", len(sets))
}

// Requirement: client-token-cache
func TestWhatACallerDoesWithATokenConcernsNobodyElse(t *testing.T) {
	c := newIssuer(t).client(t)
	first, err := c.Token(t.Context(), assent.TokenRequest{})
	check(t, err)
	first.Token = "changed"
	wantToken(t, c, "t1")
}

// Requirement: client-token-early
func TestATokenIsRenewedInTheBackgroundBeforeItEnds(t *testing.T) {
	for _, life := range []time.Duration{10 * time.Second, 300 * time.Second, time.Hour} {
		t.Run(life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(t)
				i.life = int(life.Seconds())
				slow := false
				i.own = func(http.ResponseWriter, int) bool {
					if slow {
						time.Sleep(3 * time.Second)
					}
					return false
				}
				c := i.client(t)
				wantToken(t, c, "t1")
				slow = true
				time.Sleep(life*4/5 - time.Millisecond)
				wantToken(t, c, "t1")
				wantCount(t, i, "own", 1)
				time.Sleep(time.Millisecond)
				asked := time.Now()
				wantToken(t, c, "t1")
				if took := time.Since(asked); took != 0 {
					t.Errorf("somebody waited %v for the new token", took)
				}
				synctest.Wait()
				wantCount(t, i, "own", 2)
				time.Sleep(3 * time.Second)
				synctest.Wait()
				wantToken(t, c, "t2")
				wantCount(t, i, "own", 2)
			})
		})
	}
}

// Requirement: client-token-early
func TestNobodyIsGivenATokenThatMightExpireOnItsWayIfThereIsABetterOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		c := i.client(t)
		wantToken(t, c, "t1")
		time.Sleep(270 * time.Second)
		wantToken(t, c, "t2")
		time.Sleep(time.Hour)
		wantToken(t, c, "t3")
	})
}

// Requirement: client-token-away
func TestAKeptTokenIsGoodUntilItExpiresWhileTheIssuerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		c := i.client(t)
		wantToken(t, c, "t1")
		i.away = func(*http.Request) error { return errNetwork }
		for range 299 {
			time.Sleep(time.Second)
			wantToken(t, c, "t1")
		}
		time.Sleep(time.Second)
		if got, err := c.Token(t.Context(), assent.TokenRequest{}); !errors.Is(err, assent.ErrUnreachable) || got != nil {
			t.Errorf("got %v, %v of a token that has expired", got, err)
		}
		i.away = nil
		time.Sleep(time.Second)
		wantToken(t, c, "t2")
	})
}

// Requirement: client-token-one-flight
func TestAHundredCallersAreOneRequestAndWhoGivesUpHarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		c := i.client(t)
		i.own = func(http.ResponseWriter, int) bool { time.Sleep(5 * time.Second); return false }
		impatient, giveUp := context.WithCancel(t.Context())
		ends := make(chan error, 100)
		for n := range 100 {
			ctx := t.Context()
			if n%2 == 0 {
				ctx = impatient
			}
			go func() {
				got, err := c.Token(ctx, assent.TokenRequest{Scope: "read"})
				if err == nil && got.Token != "t1" {
					err = errors.New("another token: " + got.Token)
				}
				ends <- err
			}()
			synctest.Wait() // the first is one of those who give up
		}
		giveUp()
		for range 50 {
			if err := <-ends; !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up got %v", err)
			}
		}
		for range 50 {
			check(t, <-ends)
		}
		wantCount(t, i, "own", 1)
	})
}

// Requirement: client-token-backoff
func TestErrorsAreNotKeptAndATokenIsAskedForOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		c := i.client(t)
		i.own = func(w http.ResponseWriter, n int) bool {
			if n <= 5 {
				reply(w, 400, map[string]any{"error": "invalid_scope", "error_description": "not yours"})
			}
			return n <= 5
		}
		start, failed := time.Now(), 0
		for {
			_, err := c.Token(t.Context(), assent.TokenRequest{})
			if err == nil {
				break
			}
			failed++
			refused, ok := errors.AsType[*assent.ServerError](err)
			if !errors.Is(err, assent.ErrInvalid) || !ok || refused.Code != "invalid_scope" {
				t.Fatalf("got %v", err)
			}
		}
		if took := time.Since(start); failed != 5 || took != 5*time.Second {
			t.Errorf("%d refusals in %v, want 5 in 5s", failed, took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		c.Forget("t6")
		if _, err := c.Token(ctx, assent.TokenRequest{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who has no time got %v", err)
		}
	})
}

// Requirement: client-token-forget
func TestARefusedTokenIsDroppedOnceHoweverManyWereRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		c := i.client(t)
		wantToken(t, c, "t1")
		time.Sleep(time.Minute)
		c.Forget("t1")
		wantToken(t, c, "t2")
		for range 100 {
			c.Forget("t1")
			wantToken(t, c, "t2")
		}
		wantCount(t, i, "own", 2)
		start := time.Now()
		for range 10 { // whatever an API that refuses all of them does
			c.Forget(own(t, c, assent.TokenRequest{}))
		}
		if asked, took := i.count("own")-2, time.Since(start); float64(asked) > took.Seconds()+1 {
			t.Errorf("%d tokens in %v", asked, took)
		}
	})
}

// Requirement: client-token-cache
func TestTheNumberOfKeptTokensIsBounded(t *testing.T) {
	i := newIssuer(t)
	c := i.client(t)
	for n := range 300 {
		own(t, c, assent.TokenRequest{Scope: fmt.Sprint("s", n)})
		own(t, c, assent.TokenRequest{Scope: "s0"})
	}
	if c.Kept() != 256 {
		t.Errorf("%d are kept", c.Kept())
	}
	wantCount(t, i, "own", 300) // the one that is used always is among them
}

// Requirement: client-token-cache
func TestATokenWhoseEndNobodyKnowsIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		i.life = 0
		c := i.client(t)
		wantToken(t, c, "t1")
		wantToken(t, c, "t2")
	})
}

// Requirement: client-token-cache
func TestTheInjectedClockSaysWhenATokenExpires(t *testing.T) {
	i := newIssuer(t)
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	c := i.client(t, func(c *assent.Config) { c.Now = func() time.Time { return now } })
	got, err := c.Token(t.Context(), assent.TokenRequest{Scope: "read"})
	check(t, err)
	if want := now.Add(5 * time.Minute); !got.ExpiresAt.Equal(want) || got.Type != "Bearer" || got.Scope != "read" {
		t.Errorf("got %+v, want one until %v", got, want)
	}
}

func TestTokenAnswersThatHoldNoTokenAreRefused(t *testing.T) {
	for _, body := range []string{`{}`, `[]`, `{"access_token":"x"}`, `{"token_type":"Bearer"}`, `{"access_token":"","token_type":"Bearer"}`,
		`{"access_token":"secret-1","token_type":"Bearer"`, `{"access_token":7,"token_type":"Bearer"}`, `<html>`} {
		i := newIssuer(t)
		i.own = func(w http.ResponseWriter, _ int) bool { _, _ = w.Write([]byte(body)); return true }
		got, err := i.client(t).Token(t.Context(), assent.TokenRequest{})
		if !errors.Is(err, assent.ErrInvalid) || got != nil || strings.Contains(err.Error(), "secret-1") {
			t.Errorf("%s: got %v, %v", body, got, err)
		}
	}
}

// Requirement: client-lazy
func TestALazyClientStartsWhileTheIssuerIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		i.away = func(*http.Request) error { return errNetwork }
		c := i.client(t, func(c *assent.Config) { c.Lazy = true })
		if n := i.count("/.well-known/openid-configuration"); n != 0 || c.Issuer() != issuerURL {
			t.Errorf("%d requests at the start, issuer %s", n, c.Issuer())
		}
		for range 3 {
			if _, err := c.Token(t.Context(), assent.TokenRequest{}); !errors.Is(err, assent.ErrUnreachable) {
				t.Errorf("got %v", err)
			}
			if _, err := c.Start(t.Context(), deploy); !errors.Is(err, assent.ErrUnreachable) {
				t.Errorf("got %v", err)
			}
		}
		i.away = nil
		wantToken(t, c, "t1")
		before := i.count("/.well-known/openid-configuration")
		_, err := c.Approve(t.Context(), deploy)
		check(t, err)
		wantCount(t, i, "/.well-known/openid-configuration", before)
		if _, err := assent.NewClient(t.Context(), assent.Config{Issuer: "http://id.example.com", Lazy: true}); err == nil {
			t.Error("a Config that cannot work was taken")
		}
	})
}

// Requirement: client-token-one-flight
func TestWhoGivesUpWaitingForTheKeysHarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		c := i.client(t)
		req, err := c.Start(t.Context(), deploy)
		check(t, err)
		i.away = func(r *http.Request) error {
			if r.URL.Path == "/oauth/jwks" {
				time.Sleep(5 * time.Second)
			}
			return nil
		}
		approval, err := c.Wait(t.Context(), req)
		check(t, err)
		api := i.client(t)
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		gaveUp := make(chan error)
		go func() {
			_, err := api.VerifyApproval(impatient, approval.Token, deploy)
			gaveUp <- err
		}()
		synctest.Wait()
		start := time.Now()
		patient := make(chan error)
		go func() {
			_, err := api.VerifyApproval(t.Context(), approval.Token, deploy)
			patient <- err
		}()
		if err := <-gaveUp; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Second {
			t.Errorf("who gave up got %v after %v", err, time.Since(start))
		}
		check(t, <-patient)
		wantCount(t, i, "/oauth/jwks", 2) // one for each client
	})
}
