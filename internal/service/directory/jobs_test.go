package directory_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/internal/service/signin/signintest"
)

// configs are authenticator configs by id.
type configs map[model.AuthenticatorConfigID]*model.AuthenticatorConfig

func (c configs) Config(_ context.Context, site *model.Site, id model.AuthenticatorConfigID) (*model.AuthenticatorConfig, error) {
	if v := c[id]; v != nil && v.RealmID == site.Realm.ID {
		return v, nil
	}
	return nil, model.ErrNotFound
}

// shop is an embedded config of the default realm, with this relying party id.
func shop(w *signintest.World, rpID string) (configs, model.AuthenticatorConfigID) {
	id := model.AuthenticatorConfigID(ids.New("acf"))
	return configs{id: {RealmID: w.Site.Realm.ID, ID: id, Settings: model.AuthenticatorSettings{Type: model.AuthenticatorEmbedded,
		InvokeURL: "https://shop.example/login", TrustedOrigins: []string{"https://shop.example", "http://localhost:5173"}, RPID: rpID}}}, id
}

// withAddress is somebody who can be written to.
func withAddress(t *testing.T, w *signintest.World, name string) model.Identity {
	t.Helper()
	i, err := w.Directory.CreateIdentity(t.Context(), w.Site, directory.NewIdentity{
		Traits: model.Traits{Username: name, PrimaryEmailAddress: name + "@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// Requirement: binding-redirect
func TestPeopleAreLedOnlyToWhereTheConfigTrusts(t *testing.T) {
	w := signintest.New(t)
	known, id := shop(w, "")
	d := w.People(func(c *directory.Config) { c.Authenticators = known })
	alice := w.Person(t, w.Site, "alice")
	for target, want := range map[string]bool{
		"/approver/":                                        true,
		"https://shop.example/welcome?x=1#top":              true,
		"https://SHOP.example/":                             true,
		"http://localhost:5173/":                            true,
		"http://localhost:5174/":                            false,
		"https://shop.example:444/":                         false,
		"http://shop.example/":                              false,
		"https://shop.example.evil.example/":                false,
		"https://evil.example/https://shop.example":         false,
		"https://shop.example@evil.example/":                false,
		"https://user@shop.example/":                        false,
		`https://evil.example\@shop.example/`:               false,
		"https://shop.example\t.evil.example/":              false,
		"https:shop.example/":                               false,
		"javascript:alert(1)":                               false,
		"shop.example://x":                                  false,
		"//shop.example/":                                   false,
		"https://shop.example/" + strings.Repeat("a", 2048): false,
	} {
		_, err := d.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: alice.ID, ConfigID: id, RedirectURI: target})
		if invalid, _ := errors.AsType[*directory.InvalidError](err); (err == nil) != want || err != nil && (invalid == nil || invalid.Field != "post_binding_redirect_uri") {
			t.Errorf("%q: %v, want taken: %t", target, err, want)
		}
	}
	for _, missing := range []model.AuthenticatorConfigID{"acf_x", model.AuthenticatorConfigID(ids.New("acf"))} {
		_, err := d.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: alice.ID, ConfigID: missing})
		if invalid, ok := errors.AsType[*directory.InvalidError](err); !ok || invalid.Field != "authenticator_config_id" {
			t.Errorf("config %s: %v", missing, err)
		}
	}
}

// Requirement: binding-embedded
func TestALinkThatLeadsToAnApplicationBindsThereAndNowhereElse(t *testing.T) {
	w := signintest.New(t)
	ctx := t.Context()
	known, id := shop(w, "shop.example")
	d := w.People(func(c *directory.Config) { c.Authenticators = known })
	alice := w.Person(t, w.Site, "alice")
	b, err := d.CreateBindingJob(ctx, w.Site, directory.NewBinding{IdentityID: alice.ID, ConfigID: id, RedirectURI: "https://shop.example/welcome"})
	if err != nil {
		t.Fatal(err)
	}
	opened, err := d.OpenLink(ctx, w.Site, token(b.Link))
	if err != nil || !opened.Embedded() || opened.Identity.ID != alice.ID {
		t.Fatalf("opened: %+v, %v", opened, err)
	}
	if _, err := d.BeginBinding(ctx, w.Site, token(b.Link), directory.Proof{}); !errors.Is(err, directory.ErrOrigin) {
		t.Errorf("on the realm's page: %v", err)
	}
	for _, origin := range []string{"", "https://evil.example", w.Site.Origin} {
		if _, err := d.BeginEmbeddedBinding(ctx, w.Site, directory.EmbeddedOpening{Token: token(b.Link), Origin: origin}); !errors.Is(err, directory.ErrOrigin) {
			t.Errorf("at %q: %v", origin, err)
		}
	}
	place := *w.Site
	place.Origin, place.RPID = "https://shop.example", "shop.example"
	c, err := d.BeginEmbeddedBinding(ctx, w.Site, directory.EmbeddedOpening{Token: token(b.Link), Origin: place.Origin})
	if err != nil {
		t.Fatal(err)
	}
	response, err := signintest.Software(t, &place).Create(c.Options)
	if err != nil {
		t.Fatal(err)
	}
	for name, a := range map[string]directory.BindingAnswer{"no origin": {}, "another trusted one": {Origin: "http://localhost:5173"}} {
		a.State, a.Response = c.State, response
		if _, err := d.FinishBinding(ctx, w.Site, a); err == nil {
			t.Errorf("finished with %s", name)
		}
	}
	bound, err := d.FinishBinding(ctx, w.Site, directory.BindingAnswer{State: c.State, Response: response, Origin: place.Origin})
	if err != nil {
		t.Fatal(err)
	}
	if bound.SessionCookie != "" || bound.Session.ID != "" || bound.Passkey.RPID != "shop.example" || bound.ReturnTo != "https://shop.example/welcome" {
		t.Errorf("bound %+v", bound)
	}
	if got := w.Events(t, w.Site); got[len(got)-1].Type == "session.started" {
		t.Error("a session began")
	}
}

// Requirement: binding-states
func TestAJobHasEachOfItsStatesAndListsByIt(t *testing.T) {
	signintest.Engines(t, func(t *testing.T, w *signintest.World) {
		d := w.People(func(c *directory.Config) { c.Mails = true })
		ctx, alice := t.Context(), withAddress(t, w, "alice")
		made := map[model.BindingState]model.BindingJob{}
		job := func(state model.BindingState, n directory.NewBinding, then func(directory.Binding) error) {
			t.Helper()
			n.IdentityID = alice.ID
			b, err := d.CreateBindingJob(ctx, w.Site, n)
			if err == nil && then != nil {
				err = then(b)
			}
			if err != nil {
				t.Fatalf("%s: %v", state, err)
			}
			made[state] = b.Job
		}
		job(model.BindingExpired, directory.NewBinding{Lifetime: time.Minute}, nil)
		w.Clock.Advance(time.Minute)
		job(model.BindingLinkOpened, directory.NewBinding{}, func(b directory.Binding) error {
			_, err := d.OpenLink(ctx, w.Site, token(b.Link))
			return err
		})
		job(model.BindingRevoked, directory.NewBinding{}, func(b directory.Binding) error {
			return d.RevokeBindingJob(ctx, w.Site, b.Job.ID, "")
		})
		job(model.BindingComplete, directory.NewBinding{}, func(b directory.Binding) error {
			_, err := w.TryBind(ctx, w.Site, signintest.Software(t, w.Site), signintest.Attempt{Token: token(b.Link)})
			return err
		})
		job(model.BindingSendFailed, directory.NewBinding{Method: model.DeliverEmail}, func(b directory.Binding) error {
			return d.LinkNotSent(ctx, w.Site, directory.Notice{Job: b.Job.ID}, "550 no such mailbox")
		})
		job(model.BindingLinkSent, directory.NewBinding{}, nil)
		for state, want := range made {
			list, err := d.BindingJobs(ctx, w.Site, directory.JobQuery{State: state, Limit: 10})
			if err != nil || len(list) != 1 || list[0].ID != want.ID || list[0].State != state {
				t.Errorf("%s: %v, %v", state, list, err)
			}
			one, err := d.BindingJob(ctx, w.Site, want.ID)
			if err != nil || one.State != state {
				t.Errorf("%s is %s, %v", want.ID, one.State, err)
			}
		}
		if failed, _ := d.BindingJob(ctx, w.Site, made[model.BindingSendFailed].ID); failed.Failure != "550 no such mailbox" {
			t.Errorf("failure %q", failed.Failure)
		}
		first, err := d.BindingJobs(ctx, w.Site, directory.JobQuery{IdentityID: alice.ID, Limit: 4})
		if err != nil || len(first) != 4 || first[0].ID != made[model.BindingLinkSent].ID {
			t.Fatalf("first page %v, %v", first, err)
		}
		rest, err := d.BindingJobs(ctx, w.Site, directory.JobQuery{IdentityID: alice.ID, After: first[3].ID, Limit: 4})
		if err != nil || len(rest) != 2 || rest[1].ID != made[model.BindingExpired].ID {
			t.Errorf("second page %v, %v", rest, err)
		}
		if _, err := d.BindingJob(ctx, w.Other, made[model.BindingLinkSent].ID); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("in another realm: %v", err)
		}
		if err := d.RevokeBindingJob(ctx, w.Site, made[model.BindingExpired].ID, ""); !errors.Is(err, model.ErrConflict) {
			t.Errorf("revoke an expired one: %v", err)
		}
	})
}

// notices are those that wait to be sent, and leaves them leased.
func notices(t *testing.T, w *signintest.World) (list []directory.Notice) {
	t.Helper()
	for _, item := range w.Outbox(t) {
		var n directory.Notice
		if item.Channel == "logout" { // applications hear of passkeys that end, too
			continue
		}
		if err := json.Unmarshal(item.Payload, &n); err != nil || item.Channel != "mail" {
			t.Fatalf("outbox item %s on %s: %v", item.Payload, item.Channel, err)
		}
		list = append(list, n)
	}
	return list
}

// Requirement: binding-email
func TestTheLinkOfAnEMailJobIsSealedUntilItIsSent(t *testing.T) {
	w := signintest.New(t)
	d := w.People(func(c *directory.Config) { c.Mails = true })
	ctx, alice := t.Context(), withAddress(t, w, "alice")
	b, err := d.CreateBindingJob(ctx, w.Site, directory.NewBinding{IdentityID: alice.ID, Method: model.DeliverEmail})
	if err != nil {
		t.Fatal(err)
	}
	if b.Link != "" || b.Job.State != model.BindingLinkSent || b.Job.DeliveryMethod != model.DeliverEmail {
		t.Errorf("got %+v", b)
	}
	sent := notices(t, w)
	if len(sent) != 1 || sent[0].Kind != directory.NoticeBindingLink || sent[0].Identity != alice.ID {
		t.Fatalf("to be sent: %+v", sent)
	}
	mailed, err := d.MailedLink(ctx, w.Site, sent[0])
	if err != nil {
		t.Fatal(err)
	}
	if raw, _ := json.Marshal(sent[0]); strings.Contains(string(raw), token(mailed.URL)) {
		t.Errorf("the outbox holds the token: %s", raw)
	}
	other := sent[0]
	other.Job = model.BindingJobID(ids.New("bnd"))
	if _, err := d.MailedLink(ctx, w.Site, other); err == nil {
		t.Error("the sealed token opened for another job")
	}
	if _, err := w.TryBind(ctx, w.Site, signintest.Software(t, w.Site), signintest.Attempt{Token: token(mailed.URL)}); err != nil {
		t.Fatalf("bind with the mailed link: %v", err)
	}
	if _, err := d.MailedLink(ctx, w.Site, sent[0]); !errors.Is(err, directory.ErrLinkUsed) {
		t.Errorf("mailed again after its use: %v", err)
	}
}

func TestALinkThatCouldNotBeSentDoesNotWorkUnlessItWasOpened(t *testing.T) {
	w := signintest.New(t)
	d := w.People(func(c *directory.Config) { c.Mails = true })
	ctx, alice := t.Context(), withAddress(t, w, "alice")
	for _, opened := range []bool{false, true} {
		if _, err := d.CreateBindingJob(ctx, w.Site, directory.NewBinding{IdentityID: alice.ID, Method: model.DeliverEmail}); err != nil {
			t.Fatal(err)
		}
		n := notices(t, w)[0]
		mailed, err := d.MailedLink(ctx, w.Site, n)
		if err != nil {
			t.Fatal(err)
		}
		if opened {
			if _, err := d.OpenLink(ctx, w.Site, token(mailed.URL)); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 { // a node that died in between says it twice
			if err := d.LinkNotSent(ctx, w.Site, n, "550 no"); err != nil {
				t.Fatal(err)
			}
		}
		_, err = d.OpenLink(ctx, w.Site, token(mailed.URL))
		if opened != (err == nil) || !opened && !errors.Is(err, directory.ErrLinkUnknown) {
			t.Errorf("opened before: %t, then %v", opened, err)
		}
	}
}

func TestEMailJobsNeedMailAndAnAddress(t *testing.T) {
	w := signintest.New(t)
	nobody, alice := w.Person(t, w.Site, "nobody"), withAddress(t, w, "alice")
	_, err := w.Directory.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: alice.ID, Method: model.DeliverEmail})
	if !errors.Is(err, directory.ErrNoMail) {
		t.Errorf("without mail: %v", err)
	}
	d := w.People(func(c *directory.Config) { c.Mails = true })
	if _, err = d.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: nobody.ID, Method: model.DeliverEmail}); !errors.Is(err, directory.ErrNoAddress) {
		t.Errorf("without an address: %v", err)
	}
	_, err = d.CreateBindingJob(t.Context(), w.Site, directory.NewBinding{IdentityID: alice.ID, Method: "PIGEON"})
	if invalid, ok := errors.AsType[*directory.InvalidError](err); !ok || invalid.Field != "delivery_method" {
		t.Errorf("by pigeon: %v", err)
	}
}

// Requirement: binding-recovery-job
func TestARecoveryLinkNeedsNoProofAndThePersonIsTold(t *testing.T) {
	w := signintest.New(t)
	d := w.People(func(c *directory.Config) { c.Mails = true })
	ctx, alice := t.Context(), withAddress(t, w, "alice")
	w.Bind(t, w.Site, alice.ID, signintest.Software(t, w.Site))
	b, err := d.CreateBindingJob(ctx, w.Site, directory.NewBinding{IdentityID: alice.ID, Recovery: true, Actor: "app_x"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.BeginBinding(ctx, w.Site, token(b.Link), directory.Proof{})
	if err != nil {
		t.Fatal(err)
	}
	response, err := signintest.Software(t, w.Site).Create(c.Options)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.FinishBinding(ctx, w.Site, directory.BindingAnswer{State: c.State, Response: response}); err != nil {
		t.Fatalf("bind: %v", err)
	}
	var kinds []string
	for _, n := range notices(t, w) {
		kinds = append(kinds, n.Kind)
	}
	if diff := cmp.Diff([]string{directory.NoticeRecoveryLink, directory.NoticePasskeyAdded}, kinds); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	for _, e := range w.Events(t, w.Site) {
		if e.Type == "binding_job.created" && e.Target == string(b.Job.ID) && (e.Actor != "app_x" || !strings.Contains(string(e.Data), `"proof":"recovery"`)) {
			t.Errorf("audited as %+v %s", e, e.Data)
		}
	}
}

// Requirement: mail-new-passkey
func TestOfAFirstPasskeyNobodyIsToldAndOfAnotherThePersonIs(t *testing.T) {
	w := signintest.New(t)
	d := w.People(func(c *directory.Config) { c.Mails = true })
	ctx, alice := t.Context(), withAddress(t, w, "alice")
	bind := func(b directory.Binding) (directory.Bound, error) {
		t.Helper()
		c, err := d.BeginBinding(ctx, w.Site, token(b.Link), w.Proof(t, w.Site, alice.ID))
		if err != nil {
			return directory.Bound{}, err
		}
		a := by(signintest.Software(t, w.Site))(t, c)
		a.SignedIn = alice.ID
		return d.FinishBinding(ctx, w.Site, a)
	}
	add := func() []directory.Notice {
		t.Helper()
		b, err := d.InviteSelf(ctx, w.Site, alice.ID)
		if err != nil {
			t.Fatal(err)
		}
		if b.Job.DeliveryMethod != model.DeliverSelf || b.Job.ExpiresAt != b.Job.CreatedAt.Add(10*time.Minute) {
			t.Errorf("invited by %+v", b.Job)
		}
		bound, err := bind(b)
		if err != nil || bound.ReturnTo != "/account?done=added" {
			t.Fatalf("bound %+v, %v", bound, err)
		}
		return notices(t, w)
	}
	first, err := d.CreateBindingJob(ctx, w.Site, directory.NewBinding{IdentityID: alice.ID})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bind(first); err != nil {
		t.Fatal(err)
	}
	if told := notices(t, w); len(told) != 0 {
		t.Errorf("told of the first: %+v", told)
	}
	if told := add(); len(told) != 1 || told[0].Kind != directory.NoticePasskeyAdded || told[0].Passkey == "" {
		t.Errorf("told of the second: %+v", told)
	}
	lose(t, d, w, alice.ID)
	notices(t, w)
	again, err := d.CreateBindingJob(ctx, w.Site, directory.NewBinding{IdentityID: alice.ID, Method: model.DeliverEmail, Recovery: true})
	if err != nil {
		t.Fatal(err)
	}
	link, err := d.MailedLink(ctx, w.Site, notices(t, w)[0])
	if err != nil {
		t.Fatal(err)
	}
	again.Link = link.URL
	if _, err := bind(again); err != nil {
		t.Fatal(err)
	}
	if told := notices(t, w); len(told) != 1 || told[0].Kind != directory.NoticePasskeyAdded {
		t.Errorf("told of one after the others were lost: %+v", told)
	}
}

// Requirement: binding-batch
func TestABatchOfAThousandSucceedsAndFailsOneByOne(t *testing.T) {
	signintest.Engines(t, aThousandOneByOne)
}

func aThousandOneByOne(t *testing.T, w *signintest.World) {
	t.Helper()
	known, config := shop(w, "")
	d := w.People(func(c *directory.Config) { c.Mails, c.Authenticators = true, known })
	foreign := w.Person(t, w.Other, "foreign")
	people := make([]model.Identity, 100) // the same ones over and over would be duplicates
	for i := range people {
		people[i] = withAddress(t, w, fmt.Sprintf("person%d", i))
	}
	mute := w.Person(t, w.Site, "mute")
	list := make([]directory.NewBinding, directory.MaxBatch)
	want := make([]string, len(list))
	for i := range list {
		switch {
		case i%10 == 0:
			list[i], want[i] = directory.NewBinding{IdentityID: people[i/10].ID, Method: model.DeliverEmail, ConfigID: config}, "EMAIL"
		case i%10 == 1:
			list[i], want[i] = directory.NewBinding{IdentityID: people[i/10].ID}, "duplicate"
		case i == 2:
			list[i], want[i] = directory.NewBinding{IdentityID: mute.ID, Method: model.DeliverEmail}, "no address"
		case i == 3:
			list[i], want[i] = directory.NewBinding{IdentityID: foreign.ID}, "not found"
		default:
			list[i], want[i] = directory.NewBinding{IdentityID: model.IdentityID(ids.New("idn"))}, "not found"
		}
	}
	list[10].Lifetime, want[10] = time.Second, "lifetime"
	list[20].ConfigID, want[20] = model.AuthenticatorConfigID(ids.New("acf")), "authenticator_config_id"
	list[30].RedirectURI, want[30] = "https://evil.example/", "post_binding_redirect_uri"
	list[40].Method, want[40] = model.DeliverReturn, "RETURN"
	want[11], want[21], want[31] = "RETURN", "RETURN", "RETURN" // the one before was nothing
	began := time.Now()
	results := d.CreateBindingJobs(t.Context(), w.Site, list)
	took := time.Since(began)
	got := make([]string, len(results))
	for i, r := range results {
		got[i] = outcome(r)
		if r.Err == nil && r.Job.IdentityID != list[i].IdentityID {
			t.Errorf("result %d is %s's", i, r.Job.IdentityID)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	t.Logf("%d jobs took %s", len(list), took)
	if sent := len(notices(t, w)); sent != 96 {
		t.Errorf("%d messages are to be sent, want 96", sent)
	}
	stored, err := d.BindingJobs(t.Context(), w.Site, directory.JobQuery{Limit: 5000})
	if err != nil || len(stored) != 100 {
		t.Errorf("%d jobs are stored, %v, want 100", len(stored), err)
	}
}

func outcome(r directory.BindingResult) string {
	invalid, _ := errors.AsType[*directory.InvalidError](r.Err)
	switch {
	case r.Err == nil && (r.Link == "") == (r.Job.DeliveryMethod == model.DeliverEmail):
		return r.Job.DeliveryMethod
	case invalid != nil:
		return invalid.Field
	case errors.Is(r.Err, directory.ErrDuplicate):
		return "duplicate"
	case errors.Is(r.Err, directory.ErrNoAddress):
		return "no address"
	case errors.Is(r.Err, model.ErrNotFound):
		return "not found"
	}
	return fmt.Sprint(r.Err)
}

func TestAThousandLinksTakeWellUnderASecondOnSQLite(t *testing.T) {
	w := signintest.New(t)
	list := make([]directory.NewBinding, directory.MaxBatch)
	for i := range list {
		list[i].IdentityID = w.Person(t, w.Site, fmt.Sprintf("person%d", i)).ID
	}
	began := time.Now()
	for i, r := range w.Directory.CreateBindingJobs(t.Context(), w.Site, list) {
		if r.Err != nil || r.Link == "" {
			t.Fatalf("%d: %v", i, r.Err)
		}
	}
	took := time.Since(began)
	t.Logf("took %s", took)
	// Alone it takes a seventh of a second; this leaves room for the race detector on a
	// machine with other work.
	if took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}
