package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/assent-id/assent/examples/ageverify/api"
	"github.com/assent-id/assent/examples/ageverify/pass"
	"github.com/assent-id/assent/examples/ageverify/store"
	"github.com/assent-id/assent/sdk/resource"
)

// settings are the flags of serve.
type settings struct {
	listen, issuer, resource, clientID, clientKey, keys, database string
	requests                                                      int
	window, maxStale, ahead                                       time.Duration
	refuse                                                        bool
	approvers                                                     []string
}

func (s *settings) flags(f *flag.FlagSet) {
	f.StringVar(&s.listen, "listen", "127.0.0.1:8430", "`ADDRESS` to listen on")
	f.StringVar(&s.issuer, "issuer", "", "`URL` of the realm whose tokens are taken")
	f.StringVar(&s.resource, "resource", "", "`URL` by which the realm knows this API, such as https://shop.example/api")
	f.StringVar(&s.clientID, "client-id", "", "`ID` of the service client that acts for this API")
	f.StringVar(&s.clientKey, "client-key", "", "`FILE` with its private JWK")
	f.StringVar(&s.keys, "keys", "", "`FILE` of the public keys of passes")
	f.StringVar(&s.database, "database", "ageverify.db", "SQLite `FILE`, made if it is not there")
	f.IntVar(&s.requests, "requests", 600, "how many requests a client may make in a window")
	f.DurationVar(&s.window, "window", time.Minute, "how long a window is, in whole seconds")
	f.Func("approver", "`IDENTITY` whose yes closes a location: the sub of their tokens; may be repeated", func(id string) error {
		s.approvers = append(s.approvers, id)
		return nil
	})
	f.DurationVar(&s.maxStale, "max-stale", 0, "how long the revocation feed may be silent; 0: the SDK's default")
	f.BoolVar(&s.refuse, "refuse-when-lost", false, "answer 503 when it is silent for longer; otherwise each token is introspected")
	f.DurationVar(&s.ahead, "clock-ahead", 0, "by how much the clock runs ahead: for trials with assent dev --clock-ahead")
}

func (s settings) check() error {
	switch {
	case s.issuer == "" || s.resource == "" || s.clientID == "" || s.clientKey == "" || s.keys == "":
		return errors.New("serve needs --issuer, --resource, --client-id, --client-key and --keys")
	case s.requests < 1 || s.window < time.Second || s.window%time.Second != 0:
		return errors.New("--requests and --window must be at least 1, and whole seconds")
	}
	return nil
}

func (s settings) now() time.Time { return time.Now().Add(s.ahead) }

// serve runs the API until it is told to end. It prints one line of JSON when it
// can verify tokens; until then it answers 503.
func serve(ctx context.Context, p program, args []string) error {
	var s settings
	f := p.flags("serve")
	s.flags(f)
	if err := parse(f, args, 0); err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	text, err := os.ReadFile(s.keys)
	if err != nil {
		return fmt.Errorf("--keys: %w", err)
	}
	keys, err := pass.ParseKeys(text)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, s.database)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(p.stderr, nil))
	guard, err := s.guard(ctx, log)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	defer guard.Close()
	h, err := handler(api.Config{Store: db, Keys: keys, Guard: guard, Log: log,
		Limit: api.Limit{Requests: s.requests, Window: s.window}, Approvers: s.approvers, Now: s.now}, guard)
	if err == nil {
		err = s.listenAndServe(ctx, p, guard, h)
	}
	return errors.Join(err, db.Close())
}

// guard is all that protects the API: the SDK.
func (s settings) guard(ctx context.Context, log *slog.Logger) (*resource.Server, error) {
	key, err := os.ReadFile(s.clientKey)
	if err != nil {
		return nil, fmt.Errorf("--client-key: %w", err)
	}
	c := resource.Config{Issuer: s.issuer, Resource: s.resource, ClientID: s.clientID, Key: key,
		MaxStale: s.maxStale, Now: s.now, Logger: log, Metadata: resource.Metadata{Scopes: api.Scopes, Name: "Age verification"}}
	if s.refuse {
		c.Lost = resource.Refuse
	}
	return resource.New(ctx, c)
}

// handler is the API with its metadata (RFC 9728) beside it.
func handler(c api.Config, guard *resource.Server) (http.Handler, error) {
	about := guard.Metadata()
	served, err := about.Handler()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(about.Path(), served)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		if err := errors.Join(guard.Health(), c.Store.Ping(r.Context())); err != nil {
			c.Log.WarnContext(r.Context(), "not healthy", "error", err)
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.Handle("/", api.New(c))
	return mux, nil
}

func (s settings) listenAndServe(ctx context.Context, p program, guard *resource.Server, h http.Handler) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 32 << 10}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	go func() {
		if guard.Ready(ctx) == nil {
			say(p, "ready", l)
		}
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	// What has begun is finished: a transaction that was recorded is answered.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(last)
}

// say prints an event for whoever started this.
func say(p program, event string, l net.Listener) {
	_ = json.NewEncoder(p.stdout).Encode(map[string]string{"event": event, "listen": l.Addr().String()}) // nobody to tell
}
