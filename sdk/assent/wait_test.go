package assent_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/assent-id/assent/sdk/assent"
)

// after answers polls with an OAuth error until the time has come.
func after(d time.Duration, code string) func(http.ResponseWriter, *http.Request) bool {
	start := time.Now()
	return func(w http.ResponseWriter, _ *http.Request) bool {
		if time.Since(start) >= d {
			return false
		}
		reply(w, 400, map[string]any{"error": code})
		return true
	}
}

// hold is a server that knows long polls: it answers when the decision falls.
func hold(t *testing.T, decided time.Time) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		wait, err := strconv.Atoi(strings.TrimPrefix(r.Header.Get("Prefer"), "wait="))
		if err != nil {
			t.Errorf("Prefer: %q", r.Header.Get("Prefer"))
		}
		select {
		case <-time.After(time.Until(decided)):
			return false
		case <-time.After(time.Duration(wait) * time.Second):
			reply(w, 400, map[string]any{"error": "authorization_pending"})
			return true
		}
	}
}

func TestWaitLearnsOfTheDecisionAtOnceFromALongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		c := i.client(t)
		start := time.Now()
		i.poll = hold(t, start.Add(61*time.Second))
		_, err := c.Approve(t.Context(), deploy)
		check(t, err)
		if took := time.Since(start); took != 61*time.Second {
			t.Errorf("took %v, want 61s", took)
		}
		if n := i.count("/oauth/token"); n != 3 {
			t.Errorf("%d polls, want 3", n)
		}
	})
}

func TestWaitPollsAtTheIntervalWhereLongPollsAreNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		c := i.client(t)
		i.poll = after(58*time.Second, "authorization_pending")
		_, err := c.Approve(t.Context(), deploy)
		check(t, err)
		if n := i.count("/oauth/token"); n != 13 { // at 0, 5, ..., 60 seconds
			t.Errorf("%d polls, want 13", n)
		}
	})
}

func TestWaitSlowsDownWhenToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		c := i.client(t)
		i.poll = after(58*time.Second, "slow_down")
		_, err := c.Approve(t.Context(), deploy)
		check(t, err)
		if n := i.count("/oauth/token"); n != 5 { // at 0, 10, 25, 45, 70 seconds
			t.Errorf("%d polls, want 5", n)
		}
	})
}

func TestWaitEndsAsTheServerSays(t *testing.T) {
	tests := []struct {
		code string
		want error
	}{
		{"access_denied", assent.ErrDenied},
		{"expired_token", assent.ErrExpired},
		{"invalid_grant", assent.ErrInvalid},
		{"invalid_client", assent.ErrInvalid},
		{"nonsense", assent.ErrInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.code, func(t *testing.T) {
			i := newIssuer(t)
			i.poll = after(time.Hour, tt.code)
			a, err := i.client(t).Approve(t.Context(), deploy)
			e, ok := errors.AsType[*assent.Error](err)
			if a != nil || !errors.Is(err, tt.want) || !ok || e.ApprovalID != "apr_1" {
				t.Errorf("got %v, want %v of apr_1", err, tt.want)
			}
		})
	}
}

func TestWaitExpiresByItsOwnClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		i.expiresIn = 60
		c := i.client(t)
		i.poll = after(time.Hour, "authorization_pending") // a server that never ends it
		start := time.Now()
		_, err := c.Approve(t.Context(), deploy)
		if !errors.Is(err, assent.ErrExpired) || time.Since(start) > 65*time.Second {
			t.Errorf("got %v after %v, want expired after a minute", err, time.Since(start))
		}
	})
}

func TestWaitOutlivesAServerThatComesBack(t *testing.T) {
	for _, fault := range []string{"refused", "status 503"} {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				i := newIssuer(t)
				c := i.client(t)
				start := time.Now()
				gone := func() bool { return time.Since(start) > 10*time.Second && time.Since(start) < 40*time.Second }
				i.poll = func(w http.ResponseWriter, r *http.Request) bool {
					if gone() {
						w.WriteHeader(503)
						return true
					}
					return after(time.Until(start.Add(50*time.Second)), "authorization_pending")(w, r)
				}
				if fault == "refused" {
					i.away = func(*http.Request) error {
						if gone() {
							return errNetwork
						}
						return nil
					}
				}
				_, err := c.Approve(t.Context(), deploy)
				check(t, err)
				if n := i.count("/oauth/token"); n > 25 {
					t.Errorf("%d polls: no back-off", n)
				}
			})
		})
	}
}

func TestWaitIsUnreachableWhenTheServerStaysAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		c := i.client(t)
		start := time.Now()
		i.poll = after(time.Hour, "authorization_pending")
		i.away = func(*http.Request) error {
			if time.Since(start) > 20*time.Second {
				return errNetwork
			}
			return nil
		}
		a, err := c.Approve(t.Context(), deploy)
		if a != nil || !errors.Is(err, assent.ErrUnreachable) || errors.Is(err, assent.ErrExpired) {
			t.Errorf("got %v, want unreachable", err)
		}
		if took := time.Since(start); took < 290*time.Second || took > 310*time.Second {
			t.Errorf("gave up after %v, want the life of the approval", took)
		}
	})
}

func TestATokenLostOnItsWayIsNoYes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		c := i.client(t)
		first := true
		i.away = func(r *http.Request) error {
			if r.URL.Path == "/oauth/token" && first {
				first = false
				i.poll = after(time.Hour, "invalid_grant") // it was handed out
				return errors.New("connection reset by peer")
			}
			return nil
		}
		if _, err := c.Approve(t.Context(), deploy); !errors.Is(err, assent.ErrUnreachable) {
			t.Errorf("got %v, want unreachable", err)
		}
	})
}

func TestALostRedemptionIsNeverTriedAgain(t *testing.T) {
	i := newIssuer(t)
	c := i.client(t)
	i.redeem = func(w http.ResponseWriter) { w.WriteHeader(502) }
	if _, err := c.Approve(t.Context(), deploy); !errors.Is(err, assent.ErrUnreachable) || i.redeems != 1 {
		t.Errorf("got %v after %d redemptions, want unreachable after one", err, i.redeems)
	}
}

func TestTheEndOfTheContextWithdrawsTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := newIssuer(t)
		c := i.client(t)
		i.poll = after(time.Hour, "authorization_pending")
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		_, err := c.Approve(ctx, deploy)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the context's end", err)
		}
		if n := i.count("/oauth/revoke"); n != 1 {
			t.Errorf("withdrawn %d times, want once", n)
		}
	})
}

func TestStartNeverAsksTwice(t *testing.T) {
	i := newIssuer(t)
	c := i.client(t)
	i.away = func(*http.Request) error { return errNetwork }
	if _, err := c.Start(t.Context(), deploy); !errors.Is(err, assent.ErrUnreachable) {
		t.Errorf("got %v, want unreachable", err)
	}
	if n := i.count("/oauth/bc-authorize"); n != 1 {
		t.Errorf("asked %d times", n)
	}
}
