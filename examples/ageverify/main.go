// Ageverify is an example of an API that is protected with the SDK: shops ask it
// whether whoever shows a pass is old enough. It has a database of its own, and a
// tool that issues the passes. README.md says how it works, and
// examples/seed-004.sh runs it with Assent, step by step.
//
//	go run ./examples/ageverify keygen --out pass.key --public pass.keys
//	go run ./examples/ageverify issue --key pass.key --over 18
//	go run ./examples/ageverify check --keys pass.keys --age 18 PASS
//	go run ./examples/ageverify serve --issuer URL --resource URL --client-id ID --client-key FILE --keys pass.keys
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// A command is one way to run the program. Its code is that of the process.
type command struct {
	name, does string
	run        func(ctx context.Context, p program, args []string) error
}

// A program is what a command may touch of the process.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

var commands = []command{
	{"serve", "run the API", serve},
	{"keygen", "make a key that issues passes", keygen},
	{"issue", "issue a pass", issue},
	{"check", "check a pass, without a network", check},
}

// errNo: the answer is no, and has been printed.
var errNo = errors.New("no")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, program{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case errors.Is(err, errNo):
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "ageverify:", err)
		os.Exit(2)
	}
}

func run(ctx context.Context, p program, args []string) error {
	for _, c := range commands {
		if len(args) > 0 && args[0] == c.name {
			return c.run(ctx, p, args[1:])
		}
	}
	fmt.Fprintln(p.stderr, "usage: ageverify COMMAND [flags]; ageverify COMMAND --help lists the flags")
	for _, c := range commands {
		fmt.Fprintf(p.stderr, "  %-8s %s\n", c.name, c.does)
	}
	return errors.New("there is no such command")
}

// flags returns the empty set of flags of a command.
func (p program) flags(name string) *flag.FlagSet {
	f := flag.NewFlagSet("ageverify "+name, flag.ContinueOnError)
	f.SetOutput(p.stderr)
	return f
}

// parse reads the arguments, of which just so many may stand after the flags.
func parse(f *flag.FlagSet, args []string, rest int) error {
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() != rest {
		return fmt.Errorf("%d arguments after the flags, want %d", f.NArg(), rest)
	}
	return nil
}
