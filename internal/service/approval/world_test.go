package approval_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/application"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/gate"
	"github.com/assent-id/assent/internal/service/signin/signintest"
	"github.com/assent-id/assent/sdk/evidence"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A world is somebody who is asked, with a passkey, and an application that
// asks, on a real database with a clock that stands still.
type world struct {
	*signintest.World
	*approval.Service
	app    model.Application
	person model.Identity
	device signintest.Device
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return worldIn(t, signintest.New(t))
}

// worldIn is one on a database that is there already.
func worldIn(t testing.TB, base *signintest.World) *world {
	t.Helper()
	w := &world{World: base}
	w.Service = w.service(w.Store)
	w.person = w.World.Person(t, w.Site, "alex")
	w.device = signintest.Software(t, w.Site)
	w.Bind(t, w.Site, w.person.ID, w.device)
	w.app = w.register(t, application.NewApplication{Name: "Deployer", Kind: model.KindService, AuthMethod: model.AuthClientSecretPost})
	return w
}

// service is approvals over another store, which wraps the world's.
func (w *world) service(s approval.Store) *approval.Service {
	return approval.New(approval.Config{Store: s, Signer: w.Keys, Gate: gate.New(gate.Config{Store: w.Store, Now: w.Clock.Now}),
		Realms: w.Realms, Hub: &hub.Hub{}, Now: w.Clock.Now, MaxPending: 1000})
}

func (w *world) register(t testing.TB, n application.NewApplication) model.Application {
	t.Helper()
	made, err := application.New(application.Config{Store: w.Store, Now: w.Clock.Now}).Create(t.Context(), w.Site, n)
	check(t, err)
	return made.Application
}

// action is one with two of everything that can be granted one by one.
func action() evidence.Action {
	return evidence.Action{
		BindingMessage: "Deploy v2", Scope: "openid deploy read",
		AuthorizationDetails: []json.RawMessage{
			json.RawMessage(`{"type":"assent_action","details":{"service":"api"}}`),
			json.RawMessage(`{"type":"assent_action","command":["./deploy.sh","--all"]}`)},
		Resource: []string{"https://api.example", "https://db.example"},
	}
}

// request asks the world's person for five minutes.
func (w *world) request(a evidence.Action) approval.Request {
	return approval.Request{Kind: "ciba", Client: &w.app, Person: w.person, Action: a, Lifetime: 5 * time.Minute,
		AuthReq: ids.DigestOf(ids.Secret()), Interval: 5}
}

func (w *world) asked(t testing.TB, a evidence.Action) model.Approval {
	t.Helper()
	made, err := w.Ask(t.Context(), w.Site, w.request(a))
	check(t, err)
	return made
}

// decision is a good one, with no signature yet.
func (w *world) decision(t testing.TB, a model.Approval, answer string) evidence.Decision {
	t.Helper()
	st, err := evidence.ParseStatement(a.Statement)
	check(t, err)
	d := evidence.Decision{Typ: evidence.DecisionType, Statement: string(a.StatementHash), Answer: answer, At: w.Clock.Now().Unix()}
	if answer == evidence.Approve {
		granted := st.Action
		granted.AuthorizationDetails = slices.Clone(granted.AuthorizationDetails)
		granted.Resource = slices.Clone(granted.Resource)
		d.Granted = &granted
	}
	return d
}

// signed is a decision with the assertion of a device over it.
func signed(t testing.TB, d evidence.Decision, device signintest.Device) approval.Answer {
	t.Helper()
	canonical, err := d.Canonical()
	check(t, err)
	challenge := evidence.Challenge(canonical)
	assertion, err := device.Assert(challenge[:])
	check(t, err)
	return approval.Answer{Decision: canonical, Assertion: assertion}
}

func (w *world) answer(t testing.TB, a model.Approval, answer string) (model.Approval, error) {
	t.Helper()
	return w.Decide(t.Context(), w.Site, w.person, a.ID, signed(t, w.decision(t, a, answer), w.device))
}

// verified checks the evidence as a stranger would.
func (w *world) verified(t testing.TB, a model.Approval) *evidence.Verified {
	t.Helper()
	doc, err := approval.Evidence(a)
	check(t, err)
	keys, err := w.Keys.EvidenceKeys(t.Context(), w.Site)
	check(t, err)
	v, err := evidence.Verify(doc, keys, evidence.Options{Issuer: w.Site.Issuer, At: w.Clock.Now()})
	if err != nil {
		t.Fatalf("evidence of %s: %v\n%s", a.ID, err, doc)
	}
	return v
}

func (w *world) read(t testing.TB, id model.ApprovalID) model.Approval {
	t.Helper()
	a, err := w.Store.Approval(t.Context(), w.Site.Realm.ID, id)
	check(t, err)
	return a
}

// trail counts the events about an approval, by type.
func (w *world) trail(t testing.TB, id model.ApprovalID) map[string]int {
	t.Helper()
	count := map[string]int{}
	for _, e := range w.Events(t, w.Site) {
		if e.Target == string(id) {
			count[e.Type]++
		}
	}
	return count
}

// refusedAs says how a decision was refused: "decision", "passkey", "expired", the
// state in which it had ended, or "" if it was not.
func refusedAs(t testing.TB, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	if d, ok := errors.AsType[*approval.DecisionError](err); ok {
		return d.Part
	}
	if e, ok := errors.AsType[*approval.EndedError](err); ok {
		return string(e.State)
	}
	if reason, ok := gate.Refused(err); ok {
		return string(reason)
	}
	for _, known := range []error{approval.ErrExpired, model.ErrNotFound, model.ErrConflict, model.ErrUnavailable, context.Canceled} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	t.Errorf("an error that nobody classified: %v", err)
	return "?"
}
