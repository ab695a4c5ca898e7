package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/assent-id/assent/bench/child"
	"github.com/assent-id/assent/bench/fixture"
	"github.com/assent-id/assent/bench/jws"
)

// benchScope is what both clients may ask for.
const benchScope = "bench:read"

// openAssent makes the database, clients and people with the operator commands
// and starts the server: everything as an operator would do it.
func (s *server) openAssent(ctx context.Context, c Config) error {
	s.binary = c.Assent
	if c.Profiles != "" {
		s.options = []string{"--profiling"}
	}
	if err := s.makeRealm(ctx); err != nil {
		return err
	}
	if err := s.makeClients(ctx); err != nil {
		return err
	}
	if err := s.makeApplications(ctx); err != nil {
		return err
	}
	if err := s.makePairs(ctx, c.Connections); err != nil {
		return err
	}
	if err := s.fillDatabase(ctx); err != nil {
		return err
	}
	_, err := s.serve(ctx)
	return err
}

// makeRealm makes the database and its default realm. It is a development
// realm, because the passkeys of the benchmark live in a program; nothing else
// about it is different.
func (s *server) makeRealm(ctx context.Context) error {
	if err := s.makeKey(ctx); err != nil {
		return err
	}
	_, err := s.operator().Run(ctx, "realm", "create", "default", "--development")
	return err
}

// serve starts the server process and waits until it is ready.
func (s *server) serve(ctx context.Context) (time.Duration, error) {
	var err error
	if err := s.makeKey(ctx); err != nil {
		return 0, err
	}
	s.process, err = child.Start(ctx, s.dir, s.environment(), s.binary,
		append([]string{"serve", "--listen", s.address, "--base-url", s.issuer, "--behind-proxy"}, s.options...)...)
	if err != nil {
		return 0, err
	}
	return s.process.Ready(s.address)
}

func (s *server) keyFile() string { return filepath.Join(s.dir, "kek") }

// environment points every command at this server's database and key.
func (s *server) environment() []string {
	return []string{"ASSENT_DATABASE=" + s.dsn, "ASSENT_KEY_FILE=" + s.keyFile(), "ASSENT_BASE_URL=" + s.issuer}
}

// makeKey writes the key-encryption key, once per folder.
func (s *server) makeKey(ctx context.Context) error {
	if _, err := os.Stat(s.keyFile()); err == nil {
		return nil
	}
	key, err := s.operator().Run(ctx, "key", "generate")
	if err != nil {
		return err
	}
	return os.WriteFile(s.keyFile(), append(bytes.TrimSpace(key), '\n'), 0o600)
}

// operator performs commands on this server's database.
func (s *server) operator() child.Operator {
	return child.Operator{Assent: s.binary, Dir: s.dir, Env: s.environment()}
}

// credentials are what `app create` prints.
type credentials struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

func (s *server) makeClients(ctx context.Context) error {
	public, err := jws.PublicJWK(&s.key.PublicKey, "client")
	if err != nil {
		return err
	}
	set, err := json.Marshal(jws.Set{Keys: []jws.JWK{public}})
	if err != nil {
		return err
	}
	file := filepath.Join(s.dir, "client.jwks.json")
	if err := os.WriteFile(file, set, 0o600); err != nil {
		return err
	}
	var secret, key credentials
	err = s.operator().RunJSON(ctx, &secret, "app", "create", "--name", "Bench with secret", "--kind", "service",
		"--auth", "client_secret_basic", "--grant", "client_credentials", "--scope", benchScope, "--token-alg", "ES256")
	if err != nil {
		return err
	}
	err = s.operator().RunJSON(ctx, &key, "app", "create", "--name", "Bench with key", "--kind", "service",
		"--auth", "private_key_jwt", "--jwks", file, "--grant", "client_credentials", "--scope", benchScope, "--token-alg", "ES256")
	if err != nil {
		return err
	}
	s.clients = fixture.Clients{
		Issuer: s.issuer, SecretID: secret.ClientID, Secret: secret.ClientSecret,
		KeyID: key.ClientID, Key: public, Scope: benchScope,
	}
	return nil
}

// A pair is one person with a passkey and one agent that asks that person.
// Each connection has its own: nobody answers 32 approvals at the same moment,
// and the server rightly limits how many one agent may have open.
type pair struct {
	username string
	link     string
	agent    credentials
	person   *person // nil until the first approval
}

func (s *server) makePairs(ctx context.Context, n int) error {
	s.pairs = make([]pair, n)
	return parallel(n, func(i int) error {
		p := &s.pairs[i]
		p.username = fmt.Sprintf("person%d", i)
		var identity struct {
			ID string `json:"id"`
		}
		if err := s.operator().RunJSON(ctx, &identity, "identity", "create", "--username", p.username, "--display-name", "Person"); err != nil {
			return err
		}
		var binding struct {
			Link string `json:"link"`
		}
		if err := s.operator().RunJSON(ctx, &binding, "identity", "link", p.username); err != nil {
			return err
		}
		p.link = binding.Link
		return s.operator().RunJSON(ctx, &p.agent, "app", "create", "--name", "Bench agent", "--kind", "agent",
			"--auth", "client_secret_basic", "--grant", "ciba", "--owner", p.username, "--token-alg", "ES256")
	})
}
