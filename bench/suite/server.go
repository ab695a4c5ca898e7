package suite

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/assent-id/assent/bench/child"
	"github.com/assent-id/assent/bench/fixture"
	"github.com/assent-id/assent/bench/jws"
	"github.com/assent-id/assent/bench/load"
	"github.com/assent-id/assent/internal/store/pgtest"
)

// A server is one system under test: a process, its database, its clients.
type server struct {
	kind     string // "floor" or "assent"
	label    string // of the database
	database string // "sqlite" or "postgres"
	dir      string

	dsn     string          // path or URL
	cluster *pgtest.Cluster // nil on SQLite
	process *child.Process
	address string // host:port to connect to
	host    string // host:port as clients call it
	issuer  string
	clients fixture.Clients
	key     *ecdsa.PrivateKey // of clients.KeyID
	keys    map[string]*ecdsa.PublicKey
	binary  string   // of Assent
	options []string // of `assent serve`, beyond the usual
	pairs   []pair   // for CIBA

	fill    int           // identities in a database that is filled beforehand; 0: it is not
	filling time.Duration // how long that took

	shop, sender credentials
	visitors     []visitor
	devices      *atomic.Int64 // that asked so far
}

// open makes the database and the clients and starts the process.
func (s *server) open(ctx context.Context, c Config) error {
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		return err
	}
	if err := s.openDatabase(ctx); err != nil {
		return err
	}
	port, err := child.FreePort()
	if err != nil {
		return err
	}
	s.address = fmt.Sprintf("127.0.0.1:%d", port)
	s.host = fmt.Sprintf("localhost:%d", port)
	s.issuer, s.devices = "http://"+s.host, new(atomic.Int64)
	if s.key, err = jws.Generate(); err != nil {
		return err
	}
	if s.kind == "floor" {
		err = s.openFloor(ctx, c)
	} else {
		err = s.openAssent(ctx, c)
	}
	if err != nil {
		return err
	}
	return s.loadKeys()
}

func (s *server) openDatabase(ctx context.Context) error {
	if s.database == "sqlite" {
		s.dsn = filepath.Join(s.dir, "data.db")
		return nil
	}
	var err error
	if s.cluster, err = pgtest.Start(ctx); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	s.dsn, err = s.cluster.CreateDatabase(ctx)
	return err
}

// openFloor starts the floor with clients out of thin air.
func (s *server) openFloor(ctx context.Context, c Config) error {
	public, err := jws.PublicJWK(&s.key.PublicKey, "client")
	if err != nil {
		return err
	}
	s.clients = fixture.Clients{
		Issuer: s.issuer, SecretID: "svc_01k8f6v2w3x4y5z6a7b8c9d0e1",
		Secret: "n4Tz0Yb8mC1rVxq6Jk2sWd9hLf3gPa5eUo7iQt_RwEs",
		KeyID:  "svc_01k8f6v2w3x4y5z6a7b8c9d0e2", Key: public,
		Scope: "bench:read", Audience: s.issuer, TokenSeconds: 300,
	}
	file := filepath.Join(s.dir, "clients.json")
	if err := s.clients.Write(file); err != nil {
		return err
	}
	s.process, err = child.Start(ctx, s.dir, nil, c.Floor,
		"-listen", s.address, "-database", s.dsn, "-fixture", file)
	if err != nil {
		return err
	}
	_, err = s.process.Ready(s.address)
	return err
}

// pids are the processes whose cost is the server's.
func (s *server) pids() []int {
	if s.cluster == nil {
		return []int{s.process.PID()}
	}
	return []int{s.process.PID(), s.cluster.PID()}
}

func (s *server) close() {
	if s.process != nil {
		s.process.Stop()
	}
	if s.cluster != nil {
		_ = s.cluster.Stop()
	}
}

// get fetches a path once, outside any window.
func (s *server) get(path string) ([]byte, error) {
	conn, err := load.Dial(s.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	answer, err := conn.Do(load.Get(s.host, path))
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	if answer.Status != 200 {
		return nil, fmt.Errorf("get %s: status %d: %.200s", path, answer.Status, answer.Body)
	}
	return bytes.Clone(answer.Body), nil
}

// loadKeys reads the server's public keys, with which its tokens are checked.
func (s *server) loadKeys() error {
	text, err := s.get("/oauth/jwks")
	if err != nil {
		return err
	}
	var set jws.Set
	if err := json.Unmarshal(text, &set); err != nil {
		return fmt.Errorf("parse JWKS: %w", err)
	}
	s.keys = map[string]*ecdsa.PublicKey{}
	for _, key := range set.Keys {
		if key.Alg != "ES256" {
			continue
		}
		if s.keys[key.KID], err = key.Public(); err != nil {
			return err
		}
	}
	if len(s.keys) == 0 {
		return fmt.Errorf("no ES256 key in %s", text)
	}
	return nil
}
