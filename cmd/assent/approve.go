package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/assent-id/assent/sdk/assent"
)

type approveCmd struct {
	Message  string        `arg:"" help:"What is to be approved, in a sentence."`
	Person   string        `help:"Who is asked: username, e-mail address or identity id. Default: the profile's." placeholder:"LOGIN"`
	Detail   []string      `help:"A particular of the action; may be repeated." placeholder:"KEY=VALUE" sep:"none"`
	Scope    string        `help:"Scopes, separated by spaces."`
	Resource []string      `help:"API that the approval is for; may be repeated." placeholder:"URI" sep:"none"`
	Timeout  time.Duration `help:"How long to wait for the answer." default:"5m"`
	Evidence string        `help:"Save the evidence here." placeholder:"FILE" type:"path"`
	JSON     bool          `name:"json" help:"Print the verified result as JSON (without COMMAND)."`
	clientFlags
}

// Help is printed below the flags.
func (approveCmd) Help() string {
	return `Usage with a command: assent approve "Deploy v2" --detail service=api -- ./deploy.sh --fast

The person sees message, details and command, and answers with a passkey. COMMAND runs only if the signature, the
evidence and the token all prove an approval of exactly this, used for the first time; its exit code is passed on.
Otherwise it does not run: denied 10, expired 11, unreachable 12, invalid 13, usage 2. Ctrl-C takes the request back.`
}

// Run asks, waits, verifies, and only then runs COMMAND.
func (c *approveCmd) Run(p *program) error {
	action, err := c.action(p.command)
	if err != nil {
		return err
	}
	pr, note, err := c.config(p)
	if err != nil {
		return err
	}
	if action.Person == "" {
		action.Person = pr.Person
	}
	if action.Person == "" {
		return usage("who is to be asked? Give --person LOGIN")
	}
	if err := action.Validate(); err != nil {
		return usage(err.Error())
	}
	if note != "" {
		fmt.Fprintln(p.stderr, note)
	}
	approval, err := p.ask(pr, action)
	if err != nil {
		return c.refused(p, err)
	}
	if c.Evidence != "" {
		if err := writeFile(c.Evidence, approval.Evidence, 0o644); err != nil {
			return fmt.Errorf("the approval is valid, but its evidence cannot be saved: %w", err)
		}
	}
	if len(p.command) != 0 {
		fmt.Fprintf(p.stderr, "%s\nRunning %s\n", approvedLine(approval), shellWords(p.command))
		return p.runCommand()
	}
	return c.report(p, approval)
}

func (c *approveCmd) action(command []string) (assent.Action, error) {
	details, err := parseDetails(c.Detail)
	if err != nil {
		return assent.Action{}, err
	}
	if len(command) != 0 {
		if c.JSON {
			return assent.Action{}, usage("--json is for use without COMMAND, whose output goes to standard output")
		}
		if _, err := exec.LookPath(command[0]); err != nil {
			return assent.Action{}, usage("COMMAND cannot run: " + err.Error())
		}
	}
	if c.Timeout < time.Second {
		return assent.Action{}, usage("--timeout must be a second or more")
	}
	return assent.Action{
		Person: c.Person, Message: c.Message, Details: details, Command: command,
		Scope: c.Scope, Resource: c.Resource, ExpiresIn: c.Timeout.Truncate(time.Second),
	}, nil
}

// What a server takes, in bytes (docs/api.md).
const (
	maxDetails = 20
	maxLabel   = 64
	maxValue   = 1000
)

func parseDetails(list []string) (map[string]string, error) {
	details := make(map[string]string, len(list))
	for _, entry := range list {
		key, value, ok := strings.Cut(entry, "=")
		if !ok || key == "" {
			return nil, usage(fmt.Sprintf("--detail %q: give it as KEY=VALUE", entry))
		}
		if _, taken := details[key]; taken {
			return nil, usage(fmt.Sprintf("--detail %s stands there twice", key))
		}
		if len(key) > maxLabel || len(value) > maxValue {
			return nil, usage(fmt.Sprintf("--detail %.20q: at most %d bytes before the = and %d after it", key, maxLabel, maxValue))
		}
		details[key] = value
	}
	if len(details) > maxDetails {
		return nil, usage(fmt.Sprintf("at most %d details fit on a person's screen", maxDetails))
	}
	return details, nil
}

// ask is everything between the question and the verified answer.
func (p *program) ask(pr profile, action assent.Action) (*assent.Approval, error) {
	config := pr.client()
	var shown *waiting
	config.OnAsked = func(req assent.Request) { shown = p.showWaiting(req) }
	defer func() { shown.stop() }()
	client, err := assent.NewClient(p.ctx, config)
	if err != nil {
		return nil, p.interrupted(err)
	}
	approval, err := client.Approve(p.ctx, action)
	if err != nil {
		return nil, p.interrupted(err)
	}
	return approval, p.interrupted(nil)
}

// interrupted prefers the signal that ended the program's context, if one did,
// to its consequences. An approval that arrives after Ctrl-C does not count.
func (p *program) interrupted(err error) error {
	if p.ctx.Err() == nil {
		return err
	}
	return context.Cause(p.ctx)
}

// refused says how it ended, and as what.
func (c *approveCmd) refused(p *program, err error) error {
	code := exitCode(err)
	if c.JSON {
		if e := p.printJSON(refusalReport(err, code)); e != nil {
			return e
		}
	}
	text := err.Error()
	if e, ok := errors.AsType[*assent.Error](err); ok {
		text = "not approved: " + e.Error()
	}
	if len(p.command) != 0 {
		text += "; COMMAND was not run"
	}
	return &exitError{code: code, text: text}
}

type refusal struct {
	Outcome    string `json:"outcome"`
	ApprovalID string `json:"approval_id,omitempty"`
	Reason     string `json:"reason"`
	ExitCode   int    `json:"exit_code"`
}

func refusalReport(err error, code int) refusal {
	r := refusal{Outcome: "failed", Reason: err.Error(), ExitCode: code}
	if e, ok := errors.AsType[*assent.Error](err); ok {
		r.Outcome, r.ApprovalID, r.Reason = e.Kind.Error(), e.ApprovalID, e.Reason
		if e.Err != nil {
			r.Reason = strings.TrimPrefix(e.Error(), r.Outcome+": ")
		}
	}
	return r
}

// report prints the verified result.
func (c *approveCmd) report(p *program, a *assent.Approval) error {
	if c.JSON {
		return p.printJSON(newApprovalReport(a))
	}
	fmt.Fprintln(p.stdout, approvedLine(a))
	var t table
	t.row("approval", a.ID)
	describe(&t, a.Verified)
	t.print(p.stdout, "  ")
	return nil
}

type approvalReport struct {
	Outcome         string    `json:"outcome"`
	ApprovalID      string    `json:"approval_id"`
	Person          string    `json:"person"`
	StatementHash   string    `json:"statement_hash"`
	DecidedAt       time.Time `json:"decided_at"`
	RedeemedAt      time.Time `json:"redeemed_at"`
	SoftwarePasskey bool      `json:"software_passkey"`
	Evidence        rawJSON   `json:"evidence"`
}

// rawJSON is JSON that goes out as it came in.
type rawJSON []byte

func (r rawJSON) MarshalJSON() ([]byte, error) { return r, nil }

func newApprovalReport(a *assent.Approval) approvalReport {
	return approvalReport{
		Outcome: a.Verified.Outcome, ApprovalID: a.ID, Person: a.Verified.Statement.Sub,
		StatementHash: a.Verified.StatementHash, DecidedAt: time.Unix(a.Verified.Decision.At, 0).UTC(),
		RedeemedAt: a.RedeemedAt.UTC(), SoftwarePasskey: a.Verified.SoftwarePasskey, Evidence: a.Evidence,
	}
}

func approvedLine(a *assent.Approval) string {
	return fmt.Sprintf("Approved and verified: %s", oneLine(a.Action.Message))
}

// runCommand runs COMMAND with our own streams and passes its exit code on.
func (p *program) runCommand() error {
	// COMMAND ends by itself: it outlives the wait for the answer.
	ctx := context.WithoutCancel(p.ctx)
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...) //nolint:gosec // running what the caller said is the job
	cmd.Stdin, cmd.Stdout, cmd.Stderr = p.stdin, p.stdout, p.stderr
	cmd.Env = os.Environ()
	if p.env != nil {
		cmd.Env = p.env.list()
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start COMMAND: %w", err)
	}
	stop := context.AfterFunc(p.ctx, func() {
		// The terminal sends Ctrl-C to COMMAND itself; SIGTERM reaches only us.
		if e, ok := errors.AsType[*signalError](context.Cause(p.ctx)); ok && e.signal == syscall.SIGTERM {
			_ = cmd.Process.Signal(syscall.SIGTERM)
		}
	})
	defer stop()
	err := cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return &exitError{code: commandCode(exit)}
	}
	return err
}

// commandCode is the code by shell convention.
func commandCode(exit *exec.ExitError) int {
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return exit.ExitCode()
}
