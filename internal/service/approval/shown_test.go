package approval_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/sdk/evidence"
)

// one is an action with one object of details.
func one(t testing.TB, details any) evidence.Action {
	t.Helper()
	raw, err := evidence.CanonicalValue(details)
	check(t, err)
	return evidence.Action{AuthorizationDetails: []json.RawMessage{raw}}
}

func typed(members map[string]any) map[string]any {
	members["type"] = "assent_action"
	return members
}

// repeat makes n details.
func repeat(n int) map[string]string {
	d := map[string]string{}
	for i := range n {
		d[fmt.Sprintf("label %02d", i)] = "x"
	}
	return d
}

func TestDetailsOfAnActionHaveLimits(t *testing.T) {
	w := newWorld(t)
	detail := func(label, value string) map[string]any {
		return typed(map[string]any{"details": map[string]string{label: value}})
	}
	command := func(words ...string) map[string]any { return typed(map[string]any{"command": words}) }
	tests := []struct {
		name    string
		details any
		ok      bool
	}{
		{"nothing but its type", typed(map[string]any{}), true},
		{"details and command", typed(map[string]any{"details": repeat(1), "command": []string{"ls"}}), true},
		{"20 details", typed(map[string]any{"details": repeat(20)}), true},
		{"21 details", typed(map[string]any{"details": repeat(21)}), false},
		{"64 bytes of label", detail(strings.Repeat("l", 64), "x"), true},
		{"65 bytes of label", detail(strings.Repeat("l", 65), "x"), false},
		{"no label", detail("", "x"), false},
		{"1000 bytes of value", detail("l", strings.Repeat("v", 1000)), true},
		{"1001 bytes of value", detail("l", strings.Repeat("v", 1001)), false},
		{"500 umlauts", detail("l", strings.Repeat("ü", 500)), true},
		{"501 umlauts", detail("l", strings.Repeat("ü", 501)), false},
		{"an empty value", detail("l", ""), true},
		{"several lines of value", detail("l", "a\nb"), true},
		{"a line break in a label", detail("a\nb", "x"), false},
		{"an invisible label", detail("\u200b", "x"), false},
		{"a label that turns the line around", detail("\u202eab", "x"), false},
		{"space around a label", detail(" a", "x"), false},
		{"a label that says what is run", detail("Runs", "./harmless"), false},
		{"a label that says where", detail("At", "https://harmless.example"), false},
		{"a label that says to what", detail("Gives access to", "nothing"), false},
		{"a label that only looks a bit like ours", detail("Runs at", "noon"), true},
		{"100 words", command(slices.Repeat([]string{"a"}, 100)...), true},
		{"101 words", command(slices.Repeat([]string{"a"}, 101)...), false},
		{"4000 bytes of command", command(strings.Repeat("a", 3999)), true},
		{"4001 bytes of command", command(strings.Repeat("a", 4000)), false},
		{"an empty command", command(), false},
		{"empty details", typed(map[string]any{"details": map[string]string{}}), false},
		{"no command", typed(map[string]any{"command": nil}), false},
		{"a number", typed(map[string]any{"details": map[string]any{"n": 1}}), false},
		{"details within details", typed(map[string]any{"details": map[string]any{"n": map[string]string{"a": "b"}}}), false},
		{"a command line", typed(map[string]any{"command": "rm -rf /"}), false},
		{"an unknown member", typed(map[string]any{"note": "x"}), false},
		{"another spelling of a member", typed(map[string]any{"Command": []string{"rm"}}), false},
		{"another spelling of its type", map[string]any{"Type": "assent_action"}, false},
		{"two types", map[string]any{"Type": "assent_action", "type": "x"}, false},
		{"another type", map[string]any{"type": "payment"}, false},
		{"no type", map[string]any{"details": repeat(1)}, false},
		{"no object", []string{"assent_action"}, false},
	}
	for _, tt := range tests {
		_, err := w.Ask(t.Context(), w.Site, w.request(one(t, tt.details)))
		_, refused := errors.AsType[*approval.DetailsError](err)
		if (err == nil) != tt.ok || err != nil && !refused {
			t.Errorf("%s: got %v, want accepted: %v", tt.name, err, tt.ok)
		}
	}
}

func shownOf(t testing.TB, a model.Approval) evidence.Shown {
	t.Helper()
	st, err := evidence.ParseStatement(a.Statement)
	check(t, err)
	return st.Shown
}

// words splits a line as a shell does: the oracle is nobody of ours.
func words(t testing.TB, line string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", `for w in `+line+`; do printf '%s\0' "$w"; done`).Output()
	check(t, err)
	found := strings.Split(string(out), "\x00")
	return found[:len(found)-1]
}

// Whatever the action holds is on the screen: a person decides on what is
// shown, and on nothing else.
func TestEverythingInAnActionIsShown(t *testing.T) {
	w := newWorld(t)
	text := rapid.StringN(0, 40, 200).Filter(func(s string) bool { return !strings.ContainsRune(s, 0) })
	label := rapid.StringMatching(`[a-z]([a-z ]{0,20}[a-z])?`)
	word := rapid.OneOf(text, rapid.SampledFrom([]string{"", " ", "'", `"`, `\`, "$HOME", "`id`", "a=b", "-x", "*", "~", "#x", "a;b", "!", "\n", "ä", "--"}))
	scope := rapid.SampledFrom([]string{"read", "write", "a:b", "openid"})
	rapid.Check(t, func(rt *rapid.T) {
		details := rapid.MapOfN(label, text, 0, 5).Draw(rt, "details")
		command := rapid.SliceOfN(word, 0, 6).Draw(rt, "command")
		members := map[string]any{}
		if len(details) > 0 {
			members["details"] = details
		}
		if len(command) > 0 {
			members["command"] = command
		}
		act := one(t, typed(members))
		act.BindingMessage = rapid.StringMatching(`[A-Za-z0-9 .,'"<>&]{0,60}`).Draw(rt, "message")
		act.Scope = strings.Join(rapid.SliceOfNDistinct(scope, 0, 4, rapid.ID).Draw(rt, "scope"), " ")
		act.Resource = rapid.SliceOfN(rapid.SampledFrom([]string{"https://a.example", "https://b.example/x"}), 0, 2).Draw(rt, "resource")
		shown := shownOf(t, w.asked(t, act))
		if strings.TrimSpace(act.BindingMessage) != "" && shown.Title != act.BindingMessage {
			rt.Errorf("title %q, want the message %q", shown.Title, act.BindingMessage)
		}
		got := map[string][]string{}
		for _, l := range shown.Lines {
			got[l.Label] = append(got[l.Label], l.Value)
		}
		for label, value := range details {
			if !slices.Equal(got[label], []string{value}) {
				rt.Errorf("%q is shown as %q, want %q", label, got[label], value)
			}
		}
		if run := got["Runs"]; len(run) != min(len(command), 1) {
			rt.Errorf("%d lines about the command %q", len(run), command)
		} else if len(run) == 1 {
			if diff := cmp.Diff(command, words(t, run[0])); diff != "" {
				rt.Errorf("%q reads as other words: %s", run[0], diff)
			}
		}
		access := strings.Join(got["Gives access to"], "")
		for _, s := range strings.Fields(act.Scope) {
			if s != "openid" && !slices.Contains(strings.Split(access, ", "), s) {
				rt.Errorf("scope %s is not in %q", s, access)
			}
		}
		if !slices.Equal(got["At"], act.Resource) {
			rt.Errorf("resources are shown as %q, want %q", got["At"], act.Resource)
		}
		if warned := len(shown.Warnings) > 0; warned != (strings.TrimSpace(act.BindingMessage) == "" && len(details)+len(command) == 0) {
			rt.Errorf("warnings = %q", shown.Warnings)
		}
	})
}

// Simple words stay as they are, so that a person can read them.
func TestACommandIsQuotedOnlyWhereItMust(t *testing.T) {
	w := newWorld(t)
	for want, command := range map[string][]string{
		"./deploy.sh --env=prod v2.1 user@host:/tmp": {"./deploy.sh", "--env=prod", "v2.1", "user@host:/tmp"},
		"rm 'my file'":         {"rm", "my file"},
		`echo 'it'\''s' ''`:    {"echo", "it's", ""},
		"sh -c 'rm -rf $HOME'": {"sh", "-c", "rm -rf $HOME"},
	} {
		shown := shownOf(t, w.asked(t, one(t, typed(map[string]any{"command": command}))))
		if len(shown.Lines) != 1 || shown.Lines[0].Value != want {
			t.Errorf("%q: %+v, want %s", command, shown.Lines, want)
		}
	}
}

func TestWhoAsksWithoutSayingWhyIsPointedOut(t *testing.T) {
	w := newWorld(t)
	for name, a := range map[string]evidence.Action{
		"nothing": {}, "scope alone": {Scope: "read"}, "a blank message": {BindingMessage: "  "}, "empty details": one(t, typed(map[string]any{})),
	} {
		shown := shownOf(t, w.asked(t, a))
		if len(shown.Warnings) != 1 || shown.Title != "Deployer asks for your approval" {
			t.Errorf("%s: title %q, warnings %q", name, shown.Title, shown.Warnings)
		}
	}
}

func TestAStatementNamesWhoAsksAndWhoIsAsked(t *testing.T) {
	w := newWorld(t)
	agent := w.register(t, application.NewApplication{Name: "Robo", Kind: model.KindAgent, OwnerID: w.person.ID, AuthMethod: model.AuthClientSecretPost})
	for _, app := range []model.Application{w.app, agent} {
		r := w.request(action())
		r.Client = &app
		a, err := w.Ask(t.Context(), w.Site, r)
		check(t, err)
		st, err := evidence.ParseStatement(a.Statement)
		check(t, err)
		want := evidence.Statement{Typ: evidence.StatementType, Iss: w.Site.Issuer, ID: string(a.ID), Kind: "ciba", Sub: string(w.person.ID),
			ClientID: string(app.ID), ClientName: app.Name, Action: st.Action, Shown: st.Shown, Nonce: st.Nonce,
			Iat: w.Clock.Now().Unix(), Exp: w.Clock.Now().Add(5 * time.Minute).Unix()}
		if app.Kind == model.KindAgent {
			want.Agent = &evidence.Agent{ID: string(app.ID), Name: "Robo", Owner: string(w.person.ID)}
		}
		if diff := cmp.Diff(want, st); diff != "" {
			t.Errorf("statement (-want +got): %s", diff)
		}
		canonical, err := evidence.Canonical(a.Statement)
		check(t, err)
		if string(canonical) != string(a.Statement) || string(a.StatementHash) != evidence.Hash(canonical) {
			t.Error("the row does not hold the canonical statement and its hash")
		}
	}
}

func TestAnAskerIsNewUntilItWasApprovedOnce(t *testing.T) {
	w := newWorld(t)
	for i, step := range []struct {
		answer string
		first  bool
	}{{evidence.Deny, true}, {evidence.Approve, true}, {evidence.Approve, false}} {
		a := w.asked(t, action())
		seen, err := w.Store.Approval(t.Context(), a.RealmID, a.ID)
		check(t, err)
		if seen.FirstTime != step.first {
			t.Errorf("request %d: first time %v, want %v", i, seen.FirstTime, step.first)
		}
		_, err = w.answer(t, a, step.answer)
		check(t, err)
	}
}

func TestAsManyMayWaitAsTheLimitSays(t *testing.T) {
	w := newWorld(t)
	s := approval.New(approval.Config{Store: w.Store, Signer: w.Keys, Hub: &hub.Hub{}, Now: w.Clock.Now, MaxPending: 2})
	var last model.Approval
	for range 2 {
		var err error
		last, err = s.Ask(t.Context(), w.Site, w.request(action()))
		check(t, err)
	}
	refuse := func(when string) {
		t.Helper()
		if _, err := s.Ask(t.Context(), w.Site, w.request(action())); !errors.Is(err, approval.ErrTooManyPending) {
			t.Errorf("%s: %v", when, err)
		}
	}
	refuse("a third")
	_, err := s.Withdraw(t.Context(), w.Site, last)
	check(t, err)
	_, err = s.Ask(t.Context(), w.Site, w.request(action()))
	check(t, err)
	refuse("a third again")
	w.Clock.Advance(5 * time.Minute) // nobody has noted yet that they expired
	_, err = s.Ask(t.Context(), w.Site, w.request(action()))
	check(t, err)
}

// The message says that something waits, never what.
func TestTheMessageThatSomethingWaitsDoesNotSayWhat(t *testing.T) {
	w := newWorld(t)
	s := approval.New(approval.Config{Store: w.Store, Signer: w.Keys, Hub: &hub.Hub{}, Now: w.Clock.Now, MailAfter: 20 * time.Second})
	r := w.request(action())
	r.AuthReq = ids.DigestOf("x")
	a, err := s.Ask(t.Context(), w.Site, r)
	check(t, err)
	lease := func() []model.OutboxItem {
		items, err := w.Store.LeaseOutbox(t.Context(), "node", model.MillisOf(w.Clock.Now()), time.Minute, 10)
		check(t, err)
		return items
	}
	w.Clock.Advance(20*time.Second - time.Millisecond)
	if items := lease(); len(items) != 0 {
		t.Fatalf("%d messages before their time", len(items))
	}
	w.Clock.Advance(time.Millisecond)
	items := lease()
	if len(items) != 1 || items[0].ExpiresAt != a.ExpiresAt {
		t.Fatalf("got %+v", items)
	}
	var said map[string]string
	check(t, json.Unmarshal(items[0].Payload, &said))
	if diff := cmp.Diff(map[string]string{"approval": string(a.ID), "identity": string(w.person.ID)}, said); diff != "" {
		t.Errorf("payload: %s", diff)
	}
	// Where nobody set a time there is no message at all.
	w.asked(t, action())
	w.Clock.Advance(2 * time.Minute)
	if items := lease(); len(items) != 1 { // the first one, whose lease ran out
		t.Errorf("%d messages, want 1", len(items))
	}
}
