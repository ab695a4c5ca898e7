// Command assent is the whole product in one binary: the server, and the tools
// of those who ask, verify and operate.
//
// What breaks if it is wrong: a COMMAND runs that nobody approved. Exit codes
// are part of the interface (see [exitCode]) and never change their meaning.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"unicode/utf8"

	"github.com/alecthomas/kong"
)

func main() {
	ctx, stop := signalContext()
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())
	stop()
	os.Exit(code)
}

// commands is every command of the binary; one file each.
type commands struct {
	Dev               devCmd               `cmd:"" help:"Run everything on this machine, with a demo person and a demo agent."`
	Serve             serveCmd             `cmd:"" help:"Run the server."`
	Approve           approveCmd           `cmd:"" help:"Ask a person, and run COMMAND only if their passkey approved exactly this."`
	Verify            verifyCmd            `cmd:"" help:"Check evidence offline: who approved what, and does every part hold?"`
	Demo              demoCmd              `cmd:"" help:"Show the whole job in a few seconds, with a passkey in software."`
	Key               keyCmd               `cmd:"" help:"The key that encrypts what the server keeps."`
	Realm             realmCmd             `cmd:"" help:"Realms: directories of people with their own issuer."`
	Identity          identityCmd          `cmd:"" help:"Identities: the people of a realm."`
	Admin             adminCmd             `cmd:"" help:"Admins: people who manage a realm, or the whole server."`
	Passkey           passkeyCmd           `cmd:"" help:"Passkeys of people."`
	App               appCmd               `cmd:"" help:"Applications: agents, services and apps."`
	Client            clientCmd            `cmd:"" help:"Service clients: programs with a key of their own."`
	JWT               jwtCmd               `cmd:"" name:"jwt" help:"Sign JWTs, for client assertions from a shell."`
	ResourceServer    resourceServerCmd    `cmd:"" help:"Resource servers: the APIs that accept a realm's tokens."`
	Grant             grantCmd             `cmd:"" help:"Grants: what people and applications were given."`
	RegistrationToken registrationTokenCmd `cmd:"" help:"Tokens with which applications register themselves."`
	Token             tokenCmd             `cmd:"" help:"Print an access token for an application itself, for use with other tools."`
	Approval          approvalCmd          `cmd:"" help:"Approvals of development realms."`
	Management        managementCmd        `cmd:"" help:"Programs that use the management API."`
	Version           versionCmd           `cmd:"" help:"Print the version."`
}

// A program is one run of the binary and all that it may touch of the world.
type program struct {
	ctx            context.Context
	command        []string // what stood after "--"
	stdin          io.Reader
	stdout, stderr io.Writer
	env            environment
	called         string // the binary, as people type it
}

// run parses args, does what they say and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) int {
	p := &program{ctx: ctx, stdin: stdin, stdout: stdout, stderr: stderr, env: parseEnvironment(env), called: calledAs(os.Args[0])}
	args, err := p.takeCommand(args)
	if err == nil {
		err = p.dispatch(args)
	}
	if err == nil {
		return 0
	}
	return p.fail(err)
}

// takeCommand keeps COMMAND from the parser of the command line, which would
// change it: it reads lists rune by rune, and bytes that are not UTF-8 become
// others. For that reason nothing else that is to be approved may hold any.
func (p *program) takeCommand(args []string) (rest []string, err error) {
	if len(args) == 0 || args[0] != "approve" {
		return args, nil
	}
	if i := slices.Index(args, "--"); i >= 0 {
		args, p.command = args[:i], args[i+1:]
		if len(p.command) == 0 {
			return nil, usage("nothing stands after --: which COMMAND is to run?")
		}
	}
	for _, arg := range args {
		if !utf8.ValidString(arg) {
			return nil, usage(fmt.Sprintf("not valid UTF-8: %q", arg))
		}
	}
	return args, nil
}

// exited is how kong ends the program, after --help for one.
type exited int

func (p *program) dispatch(args []string) (err error) {
	var cmds commands
	settings := &settings{env: p.env}
	parser, err := kong.New(&cmds,
		kong.Name("assent"),
		kong.Description("People sign in with passkeys, apps get standard tokens, and agents ask before they act."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(code int) { panic(exited(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Resolvers(settings),
		kong.Bind(p, settings),
	)
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	defer func() {
		if r := recover(); r != nil {
			code, ok := r.(exited)
			if !ok {
				panic(r)
			}
			if code != 0 {
				err = &exitError{code: int(code)}
			}
		}
	}()
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return usage(err.Error())
	}
	return parsed.Run()
}

// fail prints what went wrong and returns the exit code for it.
func (p *program) fail(err error) int {
	if e, ok := errors.AsType[*exitError](err); ok && e.text == "" {
		return e.code // said already
	}
	fmt.Fprintf(p.stderr, "assent: %s\n", flat(err.Error()))
	return exitCode(err)
}

// A signalError is the cause of a context that a signal ended.
type signalError struct{ signal syscall.Signal }

func (e *signalError) Error() string { return "stopped by a signal: " + e.signal.String() }

// signalContext ends with the first SIGINT or SIGTERM, and remembers which.
func signalContext() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	arrived := make(chan os.Signal, 1)
	signal.Notify(arrived, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case s := <-arrived:
			number, _ := s.(syscall.Signal)
			cancel(&signalError{number})
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(arrived)
		cancel(nil)
	}
}

// nextSignalKills lets a second Ctrl-C end a program that takes its time to
// stop after the first.
func (p *program) nextSignalKills() {
	context.AfterFunc(p.ctx, func() { signal.Reset(os.Interrupt, syscall.SIGTERM) })
}
