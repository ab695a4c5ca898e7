// Command bench measures Assent against the floor and writes what it found to
// bench/results. It is what `make bench` runs, from the root of the module:
//
//	go run ./bench
//
// With -growth it measures Assent on a small and on a large database instead;
// that is what `make bench-growth` runs. With -revocations N it measures how long
// resource servers go on taking a revoked token.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/assent-id/assent/bench/revocation"
	"github.com/assent-id/assent/bench/suite"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	o := parseFlags()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.growth {
		report, err := suite.Grow(ctx, o.config, o.sizes)
		if err != nil {
			return err
		}
		return write(o.results, "growth-", report.At, report)
	}
	if o.revocations > 0 {
		return measureRevocation(ctx, o)
	}
	if o.config.Floor == "" {
		dir, err := os.MkdirTemp("", "assent-floor-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if o.config.Floor, err = build(ctx, dir, "floor"); err != nil {
			return err
		}
	}
	report, err := suite.Run(ctx, o.config)
	if err != nil {
		return err
	}
	return write(o.results, "", report.At, report)
}

// options are what the command line says.
type options struct {
	config  suite.Config
	results string // folder; empty: print only
	growth  bool
	// revocations is how many of them are measured in place of everything else.
	revocations int
	sizes       suite.Sizes
}

func parseFlags() options {
	quick := flag.Bool("quick", false, "a smoke run of a few seconds: answers are checked, times mean nothing")
	floor := flag.String("floor", "", "floor binary (default: built from ./bench/floor)")
	assent := flag.String("assent", "bin/assent", "assent binary; empty: the floor alone")
	rows := flag.String("rows", "", "rows to run, comma separated, of "+suite.RowKeys()+" (default: all)")
	databases := flag.String("databases", "", "sqlite,postgres (default: both)")
	rounds := flag.Int("rounds", 0, "windows per row and server (default: 5)")
	connections := flag.Int("connections", 0, "operations under way at once (default: 32)")
	window := flag.Duration("window", 0, "length of a window (default: 2s)")
	starts := flag.Int("starts", -1, "how often each cold start is measured (default: 7)")
	results := flag.String("results", "bench/results", "folder for the results; empty: print only")
	profiles := flag.String("profiles", "", "folder for Go profiles of Assent, one for each row and database (default: none)")
	growth := flag.Bool("growth", false, "measure Assent on a small and on a large database instead")
	revocations := flag.Int("revocations", 0, "measure this many revocations instead: how long resource servers go on taking a revoked token")
	sizes := suite.GrowthSizes()
	flag.IntVar(&sizes.Small, "small", sizes.Small, "with -growth: identities in the small database")
	flag.IntVar(&sizes.Large, "large", sizes.Large, "with -growth: identities in the large database")
	flag.Parse()

	c := suite.Full()
	if *quick {
		c = suite.Quick()
	}
	c.Floor, c.Assent, c.Log = *floor, absolute(*assent), os.Stderr
	c.Rows, c.Databases = list(*rows), list(*databases)
	override(&c.Rounds, *rounds)
	override(&c.Connections, *connections)
	override(&c.Measure.For, *window)
	c.Profiles = absolute(*profiles)
	if *starts >= 0 {
		c.Starts = *starts
	}
	return options{config: c, results: *results, growth: *growth, revocations: *revocations, sizes: sizes}
}

// override replaces a value by one that was given.
func override[T int | ~int64](value *T, given T) {
	if given > 0 {
		*value = given
	}
}

// absolute makes a path independent of the folder that servers run in.
func absolute(path string) string {
	if path == "" {
		return ""
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return full
}

func list(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// build compiles one of the programs of the benchmarks into a folder.
func build(ctx context.Context, dir, name string) (string, error) {
	path := filepath.Join(dir, name)
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/assent-id/assent/bench/"+name).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build bench/%s: %w: %s", name, err, out)
	}
	return path, nil
}

// measureRevocation measures with two nodes and three resource servers.
func measureRevocation(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "assent-api-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	api, err := build(ctx, dir, "api")
	if err != nil {
		return err
	}
	report, err := revocation.Run(ctx, revocation.Config{Assent: o.config.Assent, API: api, Revocations: o.revocations,
		Nodes: 2, Servers: 3, Log: o.config.Log})
	if err != nil {
		return err
	}
	return write(o.results, "revocation-", report.At, report)
}

// write prints the report and keeps it under its time and as the latest of its
// kind.
func write(dir, kind string, at time.Time, report interface{ Markdown() string }) error {
	text := report.Markdown()
	fmt.Println(text)
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	data, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return err
	}
	stamp := kind + at.Format("20060102-150405")
	files := map[string]string{
		stamp + ".json":    string(data) + "\n",
		stamp + ".md":      text,
		kind + "latest.md": text,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	return nil
}
