package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/server"
	"github.com/assent-id/assent/sdk/assent"
)

// A demoAgent is the agent of `assent dev`. It runs in the server's process but
// knows nothing of it: it asks over HTTP, as any agent would.
type demoAgent struct {
	*program
	cmd     *devCmd
	profile profile
	running sync.WaitGroup
	mu      sync.Mutex // one story at a time on the terminal
}

func newDemoAgent(p *program, c *devCmd) *demoAgent { return &demoAgent{program: p, cmd: c} }

// ask starts one request to this person and returns at once; the terminal
// tells how it ends. It ends with the program, not with the caller's context.
func (a *demoAgent) ask(_ context.Context, _ *model.Site, identity model.Identity, ask server.DemoAsk) error {
	if a.ctx.Err() != nil {
		return a.ctx.Err()
	}
	action := demoAction
	action.Command = nil
	action.Person = string(identity.ID)
	if ask.Message != "" {
		action.Message, action.Details = ask.Message, nil
	}
	action.ExpiresIn = time.Duration(ask.ExpiresIn) * time.Second
	a.running.Go(func() { a.run(action, identity) })
	return nil
}

// wait returns when no request is under way any more.
func (a *demoAgent) wait() { a.running.Wait() }

func (a *demoAgent) run(action assent.Action, identity model.Identity) {
	var id string
	config := a.profile.client()
	config.OnAsked = func(req assent.Request) {
		id = req.ID
		a.asked(req, identity)
	}
	client, err := assent.NewClient(a.ctx, config)
	if err != nil {
		a.refused(id, err)
		return
	}
	approval, err := client.Approve(a.ctx, action)
	if a.ctx.Err() != nil {
		return
	}
	if err != nil {
		a.refused(id, err)
		return
	}
	a.verified(approval, identity)
}

func (a *demoAgent) asked(req assent.Request, identity model.Identity) {
	a.tell(devEvent{Event: "asked", ApprovalID: req.ID, Comparison: req.Comparison}, func(t *table) string {
		t.row("number", req.Comparison+"  (compare it with the one on the screen)")
		t.row("time left", clock(time.Until(req.ExpiresAt)))
		return fmt.Sprintf("%s asks %s: %s\nWaiting for the answer.",
			demoAgentName, oneLine(identity.DisplayName), oneLine(req.Action.Message))
	})
}

func (a *demoAgent) verified(approval *assent.Approval, identity model.Identity) {
	file := filepath.Join(a.cmd.Data, "evidence", approval.ID+".json")
	if err := writeFile(file, approval.Evidence, 0o600); err != nil {
		a.refused(approval.ID, err)
		return
	}
	event := devEvent{Event: "verified", ApprovalID: approval.ID, Outcome: approval.Verified.Outcome, EvidenceFile: file}
	a.tell(event, func(t *table) string {
		t.row("person", identity.DisplayName)
		describe(t, approval.Verified)
		t.row("used", stamp(approval.RedeemedAt.Unix())+", once and for all")
		t.row("evidence", file)
		t.row("check it", fmt.Sprintf("%s verify %s --keys %s/v1/evidence/keys", shellWords([]string{a.called}), file, a.profile.Issuer))
		return "Approved. The agent verified signature, statement and token: this is exactly what it asked for."
	})
}

func (a *demoAgent) refused(id string, err error) {
	outcome := "failed"
	if e, ok := errors.AsType[*assent.Error](err); ok {
		outcome = e.Kind.Error()
	}
	a.tell(devEvent{Event: "refused", ApprovalID: id, Outcome: outcome}, func(t *table) string {
		t.row("approval", id)
		t.row("reason", err.Error())
		return "Not approved (" + outcome + "). The agent does nothing."
	})
}

// tell prints an event: as JSON, or as a headline with a table.
func (a *demoAgent) tell(event devEvent, text func(*table) string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cmd.JSON {
		_ = a.printJSON(event) // nobody is left to tell
		return
	}
	var t table
	const indent = "          "
	headline := strings.ReplaceAll(text(&t), "\n", "\n"+indent)
	fmt.Fprintf(a.stdout, "\n%s  %s\n", time.Now().Format("15:04:05"), headline)
	t.print(a.stdout, indent)
}

// A devEvent is one line of `assent dev --json`.
type devEvent struct {
	Event        string `json:"event"` // ready, asked, verified or refused
	BaseURL      string `json:"base_url,omitempty"`
	BindingLink  string `json:"binding_link,omitempty"`
	Approver     string `json:"approver,omitempty"`
	Account      string `json:"account,omitempty"`
	ApprovalID   string `json:"approval_id,omitempty"`
	Comparison   string `json:"comparison,omitempty"`
	Outcome      string `json:"outcome,omitempty"`
	EvidenceFile string `json:"evidence_file,omitempty"`
}
