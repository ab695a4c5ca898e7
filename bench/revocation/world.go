package revocation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/assent-id/assent/bench/child"
	"github.com/assent-id/assent/internal/store/pgtest"
	"github.com/assent-id/assent/sdk/assent"
)

// What the tokens are for.
const (
	identifier = "https://api.example"
	scope      = "things:read"
)

// A world is everything that runs.
type world struct {
	Config

	dir      string
	cluster  *pgtest.Cluster
	dsn      string
	balancer *balancer
	nodes    []*node
	servers  []*node
	issuer   string

	caller  serviceClient // whose tokens are revoked
	self    serviceClient // the resource servers
	manager managing
	http    http.Client

	managerBearer string
	managerSince  time.Time
}

// A node is a process that listens.
type node struct {
	address string
	process *child.Process
}

// A serviceClient is what `client create --json` prints.
type serviceClient struct {
	ID  string          `json:"client_id"`
	Key json.RawMessage `json:"private_key"`
}

// managing is what `management create --json` prints.
type managing struct {
	ID     string `json:"client_id"`
	Secret string `json:"client_secret"`
	Tenant string `json:"tenant_id"`
	Realm  string `json:"realm_id"`
}

func (w *world) start(ctx context.Context) error {
	w.http.Timeout = 30 * time.Second
	var err error
	if w.cluster, err = pgtest.Start(ctx); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	if w.dsn, err = w.cluster.CreateDatabase(ctx); err != nil {
		return err
	}
	if err := w.places(); err != nil {
		return err
	}
	key, err := w.operator().Run(ctx, "key", "generate")
	if err != nil {
		return err
	}
	if err := os.WriteFile(w.keyFile(), append(bytes.TrimSpace(key), '\n'), 0o600); err != nil {
		return err
	}
	if err := w.register(ctx); err != nil {
		return err
	}
	return w.serve(ctx)
}

// token gets a token of the caller, through whichever node the balancer chooses. Each
// comes from a client of its own, because one client asks for the same token at most
// once a second.
func (w *world) token(ctx context.Context) (string, error) {
	client, err := assent.NewClient(ctx, assent.Config{Issuer: w.issuer, ClientID: w.caller.ID, Key: w.caller.Key})
	if err != nil {
		return "", err
	}
	t, err := client.Token(ctx, assent.TokenRequest{Scope: scope, Resource: []string{identifier}})
	if err != nil {
		return "", err
	}
	return t.Token, nil
}

// places gives everybody an address and puts the balancer in front of the nodes.
func (w *world) places() error {
	var addresses []string
	for range w.Nodes + w.Servers {
		port, err := child.FreePort()
		if err != nil {
			return err
		}
		addresses = append(addresses, fmt.Sprintf("127.0.0.1:%d", port))
	}
	for i, address := range addresses {
		if i < w.Nodes {
			w.nodes = append(w.nodes, &node{address: address})
		} else {
			w.servers = append(w.servers, &node{address: address})
		}
	}
	var err error
	w.balancer, err = balance(addresses[:w.Nodes])
	if err != nil {
		return err
	}
	w.issuer = "http://localhost:" + w.balancer.port()
	return nil
}

// register makes the client, the resource server and whoever manages, as an
// operator would.
func (w *world) register(ctx context.Context) error {
	if err := w.operator().RunJSON(ctx, &w.self, "client", "create", "--name", "Things API"); err != nil {
		return err
	}
	if err := os.WriteFile(w.selfFile(), w.self.Key, 0o600); err != nil {
		return err
	}
	if _, err := w.operator().Run(ctx, "resource-server", "create", "--identifier", identifier, "--name", "Things",
		"--scope", scope+"=Read things", "--client", w.self.ID); err != nil {
		return err
	}
	if err := w.operator().RunJSON(ctx, &w.caller, "client", "create", "--name", "Caller", "--scope", scope, "--resource", identifier); err != nil {
		return err
	}
	return w.operator().RunJSON(ctx, &w.manager, "management", "create", "--name", "Operator", "--scope", "tokens:delete")
}

// serve starts the nodes, then the resource servers, and waits for all of them.
func (w *world) serve(ctx context.Context) error {
	for i, n := range w.nodes {
		if err := n.start(ctx, w.folder("node", i), w.environment(), w.Assent,
			"serve", "--listen", n.address, "--base-url", w.issuer, "--behind-proxy"); err != nil {
			return err
		}
	}
	for i, n := range w.servers {
		if err := n.start(ctx, w.folder("api", i), nil, w.API, "-listen", n.address, "-issuer", w.issuer,
			"-resource", identifier, "-client", w.self.ID, "-key", w.selfFile(), "-scope", scope); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) start(ctx context.Context, dir string, env []string, binary string, args ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var err error
	if n.process, err = child.Start(ctx, dir, env, binary, args...); err != nil {
		return err
	}
	_, err = n.process.Ready(n.address)
	return err
}

// halt ends the processes and keeps the database.
func (w *world) halt() {
	for _, n := range append(w.servers, w.nodes...) {
		if n.process != nil {
			n.process.Stop()
			n.process = nil
		}
	}
}

func (w *world) stop() {
	w.halt()
	if w.balancer != nil {
		w.balancer.close()
	}
	if w.cluster != nil {
		_ = w.cluster.Stop()
	}
}

func (w *world) folder(name string, i int) string { return filepath.Join(w.dir, fmt.Sprint(name, i)) }
func (w *world) keyFile() string                  { return filepath.Join(w.dir, "kek") }
func (w *world) selfFile() string                 { return filepath.Join(w.dir, "api.jwk") }

func (w *world) environment() []string {
	return []string{"ASSENT_DATABASE=" + w.dsn, "ASSENT_KEY_FILE=" + w.keyFile(), "ASSENT_BASE_URL=" + w.issuer}
}

// operator performs commands on the database of all nodes.
func (w *world) operator() child.Operator {
	return child.Operator{Assent: w.Assent, Dir: w.dir, Env: w.environment()}
}

// revoke revokes all tokens of the client through one node.
func (w *world) revoke(ctx context.Context, node int) error {
	token, err := w.managerToken(ctx, node)
	if err != nil {
		return err
	}
	at := fmt.Sprintf("/v1/tenants/%s/realms/%s/applications/%s/revoke-tokens", w.manager.Tenant, w.manager.Realm, w.caller.ID)
	_, err = w.send(ctx, node, at, nil, "Bearer "+token)
	return err
}

// managerToken is a token for the management API, got through a node.
func (w *world) managerToken(ctx context.Context, node int) (string, error) {
	if time.Since(w.managerSince) < time.Minute {
		return w.managerBearer, nil
	}
	basic := &http.Request{Header: http.Header{}}
	basic.SetBasicAuth(w.manager.ID, w.manager.Secret)
	body, err := w.send(ctx, node, "/oauth/token", url.Values{"grant_type": {"client_credentials"}}, basic.Header.Get("Authorization"))
	if err != nil {
		return "", err
	}
	var answer struct {
		Token string `json:"access_token"`
	}
	err = json.Unmarshal(body, &answer)
	w.managerBearer, w.managerSince = answer.Token, time.Now()
	return answer.Token, err
}

// send posts to one node, under the name of the issuer.
func (w *world) send(ctx context.Context, node int, path string, form url.Values, authorization string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.nodes[node].address+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Host = strings.TrimPrefix(w.issuer, "http://")
	r.Header.Set("Authorization", authorization)
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := w.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode >= 300 {
		err = fmt.Errorf("POST %s: %s: %.300s", path, answer.Status, body)
	}
	return body, err
}

// ask shows a token to a resource server: the status of the answer.
func (w *world) ask(ctx context.Context, s int, token string) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.servers[s].address+"/", nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := w.http.Do(r)
	if err != nil {
		return 0, err
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, answer.Body.Close()
}
