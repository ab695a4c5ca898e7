// Command floor is the yardstick of the benchmarks: a bare net/http server
// that does only the unavoidable cryptography and the unavoidable durable
// write of an operation, and answers it correctly.
//
// It parses the requests it must parse, signs and verifies with crypto/ecdsa,
// writes the jti of an assertion durably before it answers, and does nothing
// else: no realms, no applications in a database, no limits, no logs. It is
// not a server anybody should run. If it cuts a corner that Assent cannot cut,
// the ratios are unfair; if it wastes time, they flatter.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/assent-id/assent/bench/fixture"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run() error {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	database := flag.String("database", "", "path of a SQLite file or a postgres:// URL, for jti values")
	clients := flag.String("fixture", "", "file with the clients")
	profile := flag.String("cpuprofile", "", "file for a CPU profile of the whole run")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *profile != "" {
		end, err := startProfile(*profile)
		if err != nil {
			return err
		}
		defer end()
	}
	who, err := fixture.Read(*clients)
	if err != nil {
		return fmt.Errorf("read clients: %w", err)
	}
	spent, err := openSpent(ctx, *database)
	if err != nil {
		return err
	}
	defer spent.close()
	handler, err := newHandler(who, spent)
	if err != nil {
		return err
	}
	return serve(ctx, *listen, handler)
}

func serve(ctx context.Context, address string, handler http.Handler) error {
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// startProfile writes a CPU profile until the returned function is called.
func startProfile(path string) (end func(), err error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); _ = file.Close() }, nil
}
