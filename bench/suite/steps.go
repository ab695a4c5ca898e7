package suite

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/assent-id/assent/bench/fixture"
	"github.com/assent-id/assent/bench/jws"
	"github.com/assent-id/assent/bench/load"
)

// sampleEvery is which part of the answers is taken apart completely; all
// others are checked for status and the member that matters.
const sampleEvery = 64

// staticSteps fetches one document, whose bytes must not change.
func staticSteps(path string) func(s *server, n, operations int) ([]load.Step, func(), error) {
	return func(s *server, n, _ int) ([]load.Step, func(), error) {
		want, err := s.get(path)
		if err != nil {
			return nil, nil, err
		}
		if err := checkDocument(want, s); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		conns, closeAll, err := dial(s.address, n)
		if err != nil {
			return nil, nil, err
		}
		request := load.Get(s.host, path)
		steps := make([]load.Step, n)
		for i, conn := range conns {
			steps[i] = func() error {
				answer, err := conn.Do(request)
				if err != nil {
					return err
				}
				if answer.Status != 200 || !bytes.Equal(answer.Body, want) {
					return fmt.Errorf("%s: status %d: %.200s", path, answer.Status, answer.Body)
				}
				return nil
			}
		}
		return steps, closeAll, nil
	}
}

// checkDocument checks that a document is discovery or a JWK Set of s.
func checkDocument(text []byte, s *server) error {
	var document struct {
		Issuer string    `json:"issuer"`
		Keys   []jws.JWK `json:"keys"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return err
	}
	if document.Issuer != s.issuer && len(document.Keys) == 0 {
		return fmt.Errorf("neither metadata of %s nor keys: %.200s", s.issuer, text)
	}
	return nil
}

// feed hands out prepared requests, each once.
type feed struct {
	requests [][]byte
	next     atomic.Int64
}

func (f *feed) take() ([]byte, error) {
	i := f.next.Add(1) - 1
	if i >= int64(len(f.requests)) {
		return nil, load.ErrDone
	}
	return f.requests[i], nil
}

// feedSteps sends prepared requests over n connections and checks each answer.
// check is told whether this answer is one to take apart.
func feedSteps(s *server, n int, f *feed, check func(a load.Answer, whole bool) error) ([]load.Step, func(), error) {
	conns, closeAll, err := dial(s.address, n)
	if err != nil {
		return nil, nil, err
	}
	var answers atomic.Int64
	steps := make([]load.Step, n)
	for i, conn := range conns {
		steps[i] = func() error {
			request, err := f.take()
			if err != nil {
				return err
			}
			answer, err := conn.Do(request)
			if err != nil {
				return err
			}
			return check(answer, answers.Add(1)%sampleEvery == 1)
		}
	}
	return steps, closeAll, nil
}

// repeat fills a feed with the given requests in turn.
func repeat(requests [][]byte, operations int) *feed {
	f := &feed{requests: make([][]byte, operations)}
	for i := range f.requests {
		f.requests[i] = requests[i%len(requests)]
	}
	return f
}

func secretRequest(s *server) []byte {
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {s.clients.Scope}}
	return load.Form(s.host, "/oauth/token", form, basic(s.clients.SecretID, s.clients.Secret))
}

func secretSteps(s *server, n, operations int) ([]load.Step, func(), error) {
	f := repeat([][]byte{secretRequest(s)}, operations)
	return feedSteps(s, n, f, s.checkToken(s.clients.SecretID))
}

// preparedAssertions is how many assertions one window has at most. A window
// ends early when they are used up.
const preparedAssertions = 30_000

// assertionSteps signs every assertion beforehand: what the client's side of
// the cryptography costs is nobody's here.
func assertionSteps(s *server, n, operations int) ([]load.Step, func(), error) {
	f := &feed{requests: make([][]byte, min(operations, preparedAssertions))}
	signer := jws.NewSigner(s.key, "JWT", s.clients.Key.KID)
	now := time.Now()
	err := parallel(len(f.requests), func(i int) error {
		claims := fmt.Sprintf(`{"iss":%q,"sub":%q,"aud":%q,"jti":%q,"iat":%d,"exp":%d}`, s.clients.KeyID,
			s.clients.KeyID, s.issuer, rand.Text(), now.Unix(), now.Add(4*time.Minute).Unix())
		assertion, err := signer.Sign([]byte(claims))
		if err != nil {
			return err
		}
		f.requests[i] = load.Form(s.host, "/oauth/token", url.Values{
			"grant_type": {"client_credentials"}, "scope": {s.clients.Scope},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			"client_assertion":      {assertion},
		})
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return feedSteps(s, n, f, s.checkToken(s.clients.KeyID))
}

// parallel calls do for 0 to n-1 on all processors.
func parallel(n int, do func(i int) error) error {
	var group sync.WaitGroup
	var next atomic.Int64
	workers := runtime.NumCPU()
	failed := make([]error, workers)
	for w := range workers {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && failed[w] == nil; i = next.Add(1) - 1 {
				failed[w] = do(int(i))
			}
		})
	}
	group.Wait()
	return errors.Join(failed...)
}

// distinctTokens is how many different tokens introspection is asked about,
// so that a cache of the last few would not help.
const distinctTokens = 512

func introspectSteps(s *server, n, operations int) ([]load.Step, func(), error) {
	conn, err := load.Dial(s.address)
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	issue, check := secretRequest(s), s.checkToken(s.clients.SecretID)
	requests := make([][]byte, min(distinctTokens, operations))
	for i := range requests {
		answer, err := conn.Do(issue)
		if err != nil {
			return nil, nil, err
		}
		if err := check(answer, true); err != nil {
			return nil, nil, err
		}
		token, err := accessToken(answer.Body)
		if err != nil {
			return nil, nil, err
		}
		requests[i] = load.Form(s.host, "/oauth/introspect", url.Values{"token": {token}},
			basic(s.clients.SecretID, s.clients.Secret))
	}
	return feedSteps(s, n, repeat(requests, operations), checkActive(s.clients))
}

func checkActive(clients fixture.Clients) func(load.Answer, bool) error {
	return func(answer load.Answer, whole bool) error {
		if answer.Status != 200 || !bytes.Contains(answer.Body, []byte(`"active":true`)) {
			return fmt.Errorf("introspection: status %d: %.300s", answer.Status, answer.Body)
		}
		if !whole {
			return nil
		}
		var state struct {
			Active   bool   `json:"active"`
			ClientID string `json:"client_id"`
			Scope    string `json:"scope"`
			Exp      int64  `json:"exp"`
		}
		if err := json.Unmarshal(answer.Body, &state); err != nil {
			return fmt.Errorf("introspection: %w: %.300s", err, answer.Body)
		}
		if !state.Active || state.ClientID != clients.SecretID || state.Scope != clients.Scope || state.Exp <= time.Now().Unix() {
			return fmt.Errorf("introspection answers %.300s", answer.Body)
		}
		return nil
	}
}
