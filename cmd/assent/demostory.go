package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/sdk/assent"
	"github.com/assent-id/assent/sdk/evidence"
)

// demoAction is what the agent wants to do.
var demoAction = assent.Action{
	Person:  demoUsername,
	Message: "Deploy shop 2.4.1 to production",
	Details: map[string]string{"service": "shop", "version": "2.4.1", "region": "eu-north-1"},
	Command: []string{"./deploy.sh", "shop", "2.4.1"},
}

// tell runs the story and prints each step.
func (w *demoWorld) tell(ctx context.Context) error {
	began := time.Now()
	w.say("An agent asks, a person answers with a passkey, a stranger verifies.\n")
	w.step("A server runs at %s on %s.", w.site.Issuer, w.store)
	if err := w.person.Bind(ctx, w.link); err != nil {
		return err
	}
	w.step("%s opens a binding link and binds a passkey.", demoName)
	w.say("     It is %s.", softwareWarning)
	approval, err := w.approve(ctx)
	if err != nil {
		return err
	}
	if err := w.showToken(approval); err != nil {
		return err
	}
	if err := w.verify(ctx, approval); err != nil {
		return err
	}
	if err := w.replay(ctx, approval); err != nil {
		return err
	}
	w.say("\nDone in %d ms.", time.Since(began).Milliseconds())
	return nil
}

func (w *demoWorld) say(format string, args ...any) { fmt.Fprintf(w.stdout, format+"\n", args...) }

func (w *demoWorld) step(format string, args ...any) {
	w.steps++
	w.say("\n  %d  "+format, append([]any{w.steps}, args...)...)
}

// approve has the agent ask and, while it waits, the person answer.
func (w *demoWorld) approve(ctx context.Context) (*assent.Approval, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	config := w.agent.client()
	answered := make(chan struct{})
	config.OnAsked = func(req assent.Request) {
		go func() {
			defer close(answered)
			if err := w.answer(ctx, req); err != nil {
				cancel(err)
			}
		}()
	}
	client, err := assent.NewClient(ctx, config)
	if err != nil {
		return nil, err
	}
	approval, err := client.Approve(ctx, demoAction)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil {
		return nil, err
	}
	<-answered
	w.agentClient = client
	return approval, nil
}

// answer is the person's side.
func (w *demoWorld) answer(ctx context.Context, req assent.Request) error {
	w.step("%s asks, and waits:", demoAgentName)
	var t table
	t.row("it asks", w.owner.DisplayName+" ("+string(w.owner.ID)+")")
	t.row("approval", req.ID)
	t.row("number", req.Comparison+", shown on both sides")
	t.print(w.stdout, "     ")

	done, err := w.person.Decide(ctx, req.ID, evidence.Approve)
	if err != nil {
		return err
	}
	w.step("%s sees exactly this statement:", demoName)
	t = table{}
	t.row("title", done.Statement.Shown.Title)
	for _, line := range done.Statement.Shown.Lines {
		t.row(line.Label, line.Value)
	}
	t.row("asked by", asker(done.Statement))
	t.row("until", stamp(done.Statement.Exp))
	t.print(w.stdout, "     ")

	w.step("%s answers: %s. The passkey signs the hash of that decision:", demoName, done.Decision.Answer)
	t = table{}
	t.row("statement", done.Decision.Statement)
	t.row("challenge", base64.RawURLEncoding.EncodeToString(done.Challenge[:]))
	t.print(w.stdout, "     ")
	return nil
}

func (w *demoWorld) showToken(a *assent.Approval) error {
	w.step("The waiting agent gets a token for this approval alone:")
	_, rest, _ := strings.Cut(a.Token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	claims, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return fmt.Errorf("read the token's claims: %w", err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, claims, "     ", "  "); err != nil {
		return fmt.Errorf("read the token's claims: %w", err)
	}
	w.say("     %s", pretty.String())
	return nil
}

// verify checks the evidence as a stranger would, and a broken copy of it.
func (w *demoWorld) verify(ctx context.Context, a *assent.Approval) error {
	keys, err := fetch(ctx, w.site.Issuer+"/v1/evidence/keys")
	if err != nil {
		return err
	}
	w.step("Anybody can check the evidence (%d bytes) with nothing but the realm's public keys:", len(a.Evidence))
	v, err := evidence.Verify(a.Evidence, keys, evidence.Options{Issuer: w.site.Issuer, At: time.Now()})
	if err != nil {
		return fmt.Errorf("verify the evidence: %w", err)
	}
	w.say("     evidence: valid")
	var t table
	describe(&t, v)
	t.print(w.stdout, "       ")

	w.step("A copy in which 2.4.1 became 2.4.2 is refused, and the part is named:")
	broken := bytes.ReplaceAll(a.Evidence, []byte("2.4.1"), []byte("2.4.2"))
	_, err = evidence.Verify(broken, keys, evidence.Options{Issuer: w.site.Issuer})
	part, ok := errors.AsType[*evidence.PartError](err)
	if !ok {
		return errors.New("a broken copy of the evidence was not refused")
	}
	w.say("     broken copy: NOT VALID: %s: %s", part.Part, part.Reason)
	return nil
}

// replay tries the token again, and for another action.
func (w *demoWorld) replay(ctx context.Context, a *assent.Approval) error {
	w.step("The approval was for one use. The agent redeemed it at %s;", stamp(a.RedeemedAt.Unix()))
	_, err := w.agentClient.VerifyApproval(ctx, a.Token, demoAction)
	if !errors.Is(err, assent.ErrInvalid) {
		return fmt.Errorf("a second use was not refused: %w", err)
	}
	w.say("     a second use is refused: %s", oneLine(err.Error()))
	other := demoAction
	other.Command = []string{"./delete-everything.sh"}
	if _, err = w.agentClient.VerifyApproval(ctx, a.Token, other); !errors.Is(err, assent.ErrInvalid) {
		return fmt.Errorf("another action was not refused: %w", err)
	}
	w.say("     another action is refused: %s", oneLine(err.Error()))
	return nil
}
