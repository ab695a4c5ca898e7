package suite

import (
	"strings"

	"github.com/assent-id/assent/bench/load"
)

// A row is one operation of the table.
type row struct {
	key  string
	name string
	// stores says that the operation writes, so that the floor too differs
	// between databases.
	stores bool
	// noFloor marks an operation that a bare server has no equivalent of.
	noFloor bool
	// ratio is the target as a multiple of the floor; 0: none.
	ratio float64
	// micros is the target in microseconds on the machine of the design; 0: none.
	micros float64
	// rate is how many operations per second are offered; 0: a closed loop.
	// The verdict on such a row is about latency, not about cost.
	rate float64
	// steps prepares the operation for n connections and the given number of
	// operations. close ends the connections.
	steps func(s *server, n, operations int) (steps []load.Step, close func(), err error)
}

var rows = []row{
	{key: "discovery", name: "discovery", ratio: 1.15, steps: staticSteps("/.well-known/openid-configuration")},
	{key: "jwks", name: "JWKS", ratio: 1.15, steps: staticSteps("/oauth/jwks")},
	{key: "secret", name: "client_credentials, secret", ratio: 1.25, steps: secretSteps},
	{key: "assertion", name: "client_credentials, private_key_jwt", stores: true, ratio: 1.4, steps: assertionSteps},
	{key: "dpop", name: "client_credentials, secret, DPoP-bound", stores: true, steps: dpopSteps},
	{key: "introspect", name: "introspection of a JWT", ratio: 1.3, steps: introspectSteps},
	{key: "offered", name: "private_key_jwt, 300 a second offered", stores: true, rate: 300, steps: assertionSteps},
	{key: "code", name: "code + PKCE, authorize to tokens", stores: true, noFloor: true, micros: 600, steps: codeSteps},
	{key: "refresh", name: "refresh with rotation", stores: true, noFloor: true, micros: 350, steps: refreshSteps},
	{key: "device", name: "device: ask, allow, collect", stores: true, noFloor: true, steps: deviceSteps},
	{key: "exchange", name: "token exchange", stores: true, noFloor: true, steps: exchangeSteps},
	{key: "ciba", name: "whole CIBA approval", stores: true, noFloor: true, micros: 1200, steps: cibaSteps},
}

// RowKeys lists the keys of all rows.
func RowKeys() string {
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = r.key
	}
	return strings.Join(keys, ",") + "," + verifyKey
}

// dial opens n connections and a function that closes them.
func dial(address string, n int) ([]*load.Conn, func(), error) {
	var conns []*load.Conn
	closeAll := func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}
	for range n {
		conn, err := load.Dial(address)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		conns = append(conns, conn)
	}
	return conns, closeAll, nil
}
