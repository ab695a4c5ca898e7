package suite

import (
	"net/url"
	"sync/atomic"

	"github.com/assent-id/assent/bench/load"
)

// preparedFlows is how many authorization requests one window has at most. A
// window ends early when they are used up.
const preparedFlows = 30_000

// A visit is one authorization request, written out.
type visit struct {
	flow
	request []byte
}

// codeSteps is one code flow with PKCE per operation, from the authorization
// request of somebody who is signed in and has agreed before, to access token, ID
// token and refresh token. Verifiers and challenges are made beforehand: they are
// the client's.
func codeSteps(s *server, n, operations int) ([]load.Step, func(), error) {
	if err := s.seatVisitors(n); err != nil {
		return nil, nil, err
	}
	visits := make([]visit, min(operations, preparedFlows))
	err := parallel(len(visits), func(i int) error {
		visits[i].flow = s.newFlow()
		visits[i].request = load.Get(s.host, visits[i].path, s.visitors[i%len(s.visitors)].cookie)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	conns, closeAll, err := dial(s.address, n)
	if err != nil {
		return nil, nil, err
	}
	var next atomic.Int64
	steps := make([]load.Step, n)
	for i, conn := range conns {
		steps[i] = func() error {
			at := next.Add(1) - 1
			if at >= int64(len(visits)) {
				return load.ErrDone
			}
			return s.visit(conn, &visits[at], at%sampleEvery == 0)
		}
	}
	return steps, closeAll, nil
}

// visit performs one flow. whole says whether to take the tokens apart.
func (s *server) visit(conn *load.Conn, v *visit, whole bool) error {
	answer, err := conn.Do(v.request)
	if err != nil {
		return err
	}
	code, err := v.code(s, answer)
	if err != nil {
		return err
	}
	if answer, err = conn.Do(v.redeem(s, code)); err != nil {
		return err
	}
	t, err := readTokens(answer)
	if err != nil || !whole {
		return err
	}
	return s.verifyTokens(t, expected{client: shopID, scope: personScope, nonce: v.nonce})
}

// manyVisitors is how many people a row spreads its tokens over, if there are as
// many.
const manyVisitors = 512

// sharedTokens makes at least n token sets, each of another visitor while there are
// any.
func (s *server) sharedTokens(n int) ([]tokens, error) {
	if err := s.seatVisitors(n); err != nil {
		return nil, err
	}
	conn, err := load.Dial(s.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	all := make([]tokens, max(n, min(len(s.visitors), manyVisitors)))
	for i := range all {
		// Filled databases have more visitors than are needed: they are spread evenly.
		v := s.visitors[i*len(s.visitors)/len(all)]
		if all[i], err = s.signedIn(conn, v); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// refreshSteps uses one refresh token per operation, each the successor of an
// earlier one (RFC 6749, Section 6).
func refreshSteps(s *server, n, _ int) ([]load.Step, func(), error) {
	all, err := s.sharedTokens(n)
	if err != nil {
		return nil, nil, err
	}
	conns, closeAll, err := dial(s.address, n)
	if err != nil {
		return nil, nil, err
	}
	var answers atomic.Int64
	steps := make([]load.Step, n)
	for i, conn := range conns {
		var mine []string // of this connection alone, used in turn
		for j := i; j < len(all); j += n {
			mine = append(mine, all[j].Refresh)
		}
		at := 0
		steps[i] = func() error {
			token := &mine[at%len(mine)]
			at++
			return s.refresh(conn, token, answers.Add(1)%sampleEvery == 1)
		}
	}
	return steps, closeAll, nil
}

// refresh uses a refresh token and puts its successor in its place.
func (s *server) refresh(conn *load.Conn, token *string, whole bool) error {
	answer, err := conn.Do(load.Form(s.host, "/oauth/token", url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {*token},
	}, basic(s.shop.ClientID, s.shop.ClientSecret)))
	if err != nil {
		return err
	}
	t, err := readTokens(answer)
	if err != nil {
		return err
	}
	if t.Refresh == "" || t.Refresh == *token {
		return errNotRotated
	}
	*token = t.Refresh
	if !whole {
		return nil
	}
	return s.verifyTokens(t, expected{client: shopID, scope: personScope})
}
