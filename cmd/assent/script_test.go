package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/assent-id/assent/internal/softperson"
	"github.com/assent-id/assent/internal/store/pgtest"
	"github.com/assent-id/assent/sdk/evidence"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"assent": main})
}

// TestScripts runs the stories in testdata/script with the real binary, a real
// server and a person who answers over HTTP. The commands beyond those of
// testscript:
//
//	dev [ARG...]        starts assent dev behind the proxy, in the background
//	devtext [ARG...]    the same for people, without --json
//	logged REGEXP       waits until the server has printed this
//	serve [ARG...]      starts assent serve there
//	halt [KILL|TERM]    ends the server; after TERM it must have exited with 0
//	bindfile FILE [REALM] a person of the realm binds a passkey with the link in the
//	                    file, and answers from then on; negated: they must fail
//	link FILE           saves the last binding link that the server printed, which no
//	                    line of its log may hold
//	client FILE         CLIENT_ID and CLIENT_SECRET, and a file named secret, are
//	                    set from the JSON of assent app create
//	fetchkeys FILE      saves the evidence keys
//	empty FOLDER        the folder holds nothing
//	answer HOW          the person answers the next approval, in the background:
//	                    approve, deny, ignore; or interrupt: the asking program
//	                    in the background gets Ctrl-C; or crash: the server is killed;
//	                    or operator approve|deny: assent approval answer does it
//	answered            waits for that
//	demoask [JSON]      the person presses "let the demo agent ask"
//	event NAME K=V...   waits for an event of assent dev --json
//	pending N           so many approvals wait for the person
//	exits CODE CMD...   runs CMD, which must exit with CODE
//	until CODE CMD...   runs CMD again and again until it exits with CODE
//	signin              the person signs in with their passkey; negated: they must
//	                    be refused
//	signedout           waits until the person's session is over
//	capture NAME REGEXP sets NAME to the first group of REGEXP in the last output
//	token STATUS FILE ID [SCOPE] a service client brings the assertion in the file for
//	                    a token; the answer, which is the output, has the status
//	asks ID FILE PERSON SCOPE MESSAGE a service client with the key in the file asks
//	                    the person; the claims of the access token are the output
//	state CODE          the program that was interrupted exited with CODE
//	proxy MODE          what the proxy does from now on, see tamperer
//	alter FILE OLD NEW  replaces text in a file
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return setupWorld(t, env) },
		Condition: func(name string) (bool, error) {
			if name == "postgres" {
				_, err := os.Stat("/usr/lib/postgresql")
				return err == nil || os.Getenv("ASSENT_TEST_POSTGRES") != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"dev":       positive(func(ts *testscript.TestScript, w *world, args []string) { w.dev(ts, args) }),
			"devtext":   positive(func(ts *testscript.TestScript, w *world, args []string) { w.devText(ts, args) }),
			"logged":    positive(func(ts *testscript.TestScript, w *world, args []string) { w.logged(ts, args[0]) }),
			"serve":     positive(func(ts *testscript.TestScript, w *world, args []string) { w.serve(ts, args) }),
			"halt":      positive(cmdStop), // stop is one of testscript: it ends the script
			"bindfile":  cmdBindFile,
			"link":      positive(cmdLink),
			"client":    positive(cmdClient),
			"fetchkeys": positive(cmdFetchKeys),
			"empty":     positive(cmdEmpty),
			"answer":    positive(cmdAnswer),
			"answered":  positive(func(ts *testscript.TestScript, w *world, _ []string) { w.answered(ts) }),
			"demoask":   positive(cmdDemoAsk),
			"event":     positive(cmdEvent),
			"pending":   positive(cmdPending),
			"exits":     positive(cmdExits),
			"until":     positive(cmdUntil),
			"signin":    cmdSignIn,
			"signedout": positive(cmdSignedOut),
			"capture":   positive(cmdCapture),
			"state":     positive(cmdState),
			"token":     positive(cmdToken),
			"asks":      positive(cmdAsks),
			"proxy":     positive(func(_ *testscript.TestScript, w *world, args []string) { w.proxy.setMode(args[0]) }),
			"alter":     positive(cmdAlter),
			"postgres":  positive(func(ts *testscript.TestScript, _ *world, _ []string) { ts.Setenv("POSTGRES", pgtest.Database(t)) }),
		},
	})
}

type scriptCommand func(ts *testscript.TestScript, w *world, args []string)

// positive is a command that has no negation.
func positive(f scriptCommand) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg {
			ts.Fatalf("this command cannot be negated")
		}
		f(ts, ts.Value(worldKey{}).(*world), args)
	}
}

func cmdStop(ts *testscript.TestScript, w *world, args []string) {
	if len(args) == 1 && args[0] == "TERM" {
		ts.Check(w.stop(syscall.SIGTERM))
		if code := w.server.ProcessState.ExitCode(); code != 0 {
			ts.Fatalf("the server exited with %d\n%s", code, w.log.String())
		}
		return
	}
	ts.Check(w.stop(syscall.SIGKILL))
}

func cmdAnswer(ts *testscript.TestScript, w *world, args []string) {
	var then func(context.Context, softperson.Asked) error
	decide := func(answer string) func(context.Context, softperson.Asked) error {
		return func(ctx context.Context, a softperson.Asked) error {
			_, err := w.person.Decide(ctx, a.ID, answer)
			return err
		}
	}
	switch args[0] {
	case "approve":
		then = decide(evidence.Approve)
	case "deny":
		then = decide(evidence.Deny)
	case "ignore":
		then = func(context.Context, softperson.Asked) error { return nil }
	case "operator":
		then = func(_ context.Context, a softperson.Asked) error {
			return w.operate("approval", "answer", a.ID, args[1])
		}
	case "crash":
		then = func(context.Context, softperson.Asked) error { return w.stop(syscall.SIGKILL) }
	case "interrupt":
		list := ts.BackgroundCmds()
		w.interrupted = list[len(list)-1]
		then = func(context.Context, softperson.Asked) error { return w.interrupted.Process.Signal(os.Interrupt) }
	default:
		ts.Fatalf("answer %s?", args[0])
	}
	w.answer(then)
}

func cmdDemoAsk(ts *testscript.TestScript, w *world, args []string) {
	var body any = map[string]any{}
	if len(args) == 1 {
		body = rawJSON(args[0])
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := w.person.Call(ctx, "POST", w.base+"/v1/demo/ask", body)
	ts.Check(err)
}

func cmdEvent(ts *testscript.TestScript, w *world, args []string) {
	want := map[string]string{"event": args[0]}
	for _, arg := range args[1:] {
		name, value, _ := strings.Cut(arg, "=")
		want[name] = value
	}
	got, err := w.awaitEvent(want)
	ts.Check(err)
	for name, value := range got {
		ts.Setenv("EVENT_"+strings.ToUpper(name), value)
	}
}

func cmdPending(ts *testscript.TestScript, w *world, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	list, err := w.person.List(ctx, "pending")
	ts.Check(err)
	if len(list) != want {
		ts.Fatalf("%d approvals are pending, want %d", len(list), want)
	}
}

func cmdExits(ts *testscript.TestScript, _ *world, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func cmdState(ts *testscript.TestScript, w *world, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := w.interrupted.ProcessState.ExitCode(); got != want {
		ts.Fatalf("the interrupted program exited with %d, want %d", got, want)
	}
}

func cmdBindFile(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldKey{}).(*world)
	issuer := w.base
	if len(args) == 2 {
		issuer += "/realms/" + args[1]
	}
	p, err := softperson.New(issuer)
	ts.Check(err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err = p.Bind(ctx, strings.TrimSpace(ts.ReadFile(args[0])))
	switch {
	case neg && err == nil:
		ts.Fatalf("the passkey was bound")
	case !neg:
		ts.Check(err)
		w.person = p
	}
}

func cmdLink(ts *testscript.TestScript, w *world, args []string) {
	links := bindingLink.FindAllString(w.log.String(), -1)
	if len(links) == 0 {
		ts.Fatalf("no link was printed\n%s", w.log.String())
	}
	for line := range strings.Lines(w.log.String()) {
		if strings.HasPrefix(line, "{") && strings.Contains(line, "token=") {
			ts.Fatalf("the log holds a link: %s", line)
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(links[len(links)-1]+"\n"), 0o600))
}

func cmdClient(ts *testscript.TestScript, _ *world, args []string) {
	var client struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &client))
	ts.Setenv("CLIENT_ID", client.ID)
	ts.Setenv("CLIENT_SECRET", client.Secret)
	ts.Check(os.WriteFile(ts.MkAbs("secret"), []byte(client.Secret+"\n"), 0o600))
}

func cmdFetchKeys(ts *testscript.TestScript, w *world, args []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	keys, err := fetch(ctx, w.base+"/v1/evidence/keys")
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), keys, 0o600))
}

func cmdEmpty(ts *testscript.TestScript, _ *world, args []string) {
	list, err := os.ReadDir(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(list) != 0 {
		ts.Fatalf("%s holds %v", args[0], list)
	}
}

func cmdAlter(ts *testscript.TestScript, _ *world, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}

// patience is how long a story waits for what should come at once.
const patience = 20 * time.Second
