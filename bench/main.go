// Command bench measures Assent against the floor and writes what it found to
// bench/results. It is what `make bench` runs, from the root of the module:
//
//	go run ./bench
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

	"github.com/assent-id/assent/bench/suite"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run() error {
	config, results := parseFlags()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if config.Floor == "" {
		dir, err := os.MkdirTemp("", "assent-floor-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if config.Floor, err = buildFloor(ctx, dir); err != nil {
			return err
		}
	}
	report, err := suite.Run(ctx, config)
	if err != nil {
		return err
	}
	fmt.Println(report.Markdown())
	return write(results, report)
}

// parseFlags reads the command line into a configuration and the folder for
// the results.
func parseFlags() (suite.Config, string) {
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
	if *starts >= 0 {
		c.Starts = *starts
	}
	return c, *results
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

func buildFloor(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "floor")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, "github.com/assent-id/assent/bench/floor").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the floor: %w: %s", err, out)
	}
	return path, nil
}

// write keeps the report under its time and as the latest.
func write(dir string, report *suite.Report) error {
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
	stamp := report.At.Format("20060102-150405")
	files := map[string][]byte{
		stamp + ".json": append(data, '\n'),
		stamp + ".md":   []byte(report.Markdown()),
		"latest.md":     []byte(report.Markdown()),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return fmt.Errorf("write results: %w", err)
		}
	}
	return nil
}
