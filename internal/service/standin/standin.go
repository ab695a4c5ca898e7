// Package standin answers for people of development realms: it keeps passkeys in
// software, which say by their AAGUID that they are, and signs decisions with them,
// so that tests of a whole system need neither a browser nor a person.
//
// If this package is wrong, the server itself says yes in the name of people: so it
// does nothing in a realm that is not for development, and everything that it makes
// goes through the checks that browsers go through.
package standin

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/approval"
	"github.com/assent-id/assent/internal/service/directory"
	"github.com/assent-id/assent/sdk/evidence"
)

var (
	// ErrNotDevelopment: the realm is not for development.
	ErrNotDevelopment = errors.New("realm is not for development")
	// ErrNoPasskey: the server keeps no passkey of this person.
	ErrNoPasskey = errors.New("the server keeps no software passkey of this person")
)

// Store is what this service needs of the database.
type Store interface {
	Approval(context.Context, model.RealmID, model.ApprovalID) (model.Approval, error)
	// RealmSecret: ErrNotFound.
	RealmSecret(ctx context.Context, realm model.RealmID, name string) (model.RealmSecret, error)
	InsertRealmSecret(context.Context, model.RealmSecret) error
	RecordEvents(context.Context, []model.Event) error
}

// Directory binds passkeys.
type Directory interface {
	Identity(context.Context, *model.Site, model.IdentityID) (model.Identity, error)
	Passkeys(context.Context, *model.Site, model.IdentityID) ([]model.Passkey, error)
	CreateBindingJob(context.Context, *model.Site, directory.NewBinding) (directory.Binding, error)
	HadPasskey(context.Context, *model.Site, model.IdentityID) (bool, error)
	BeginBinding(ctx context.Context, site *model.Site, token string, proof directory.Proof) (directory.BindingCeremony, error)
	FinishBinding(context.Context, *model.Site, directory.BindingAnswer) (directory.Bound, error)
}

// Approvals takes answers.
type Approvals interface {
	Decide(ctx context.Context, site *model.Site, person model.Identity, id model.ApprovalID, ans approval.Answer) (model.Approval, error)
}

// Sessions ends the session that binding a passkey opens.
type Sessions interface {
	End(ctx context.Context, site *model.Site, session model.Session, actor string) error
}

// Config is what a Service needs: all but Now.
type Config struct {
	Store     Store
	Directory Directory
	Approvals Approvals
	Sessions  Sessions
	Keyring   *seal.Keyring
	Now       func() time.Time
}

// A Service stands in for people.
type Service struct{ cfg Config }

// New fills in defaults.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{cfg: cfg}
}

// Bind gives a person a passkey that the server keeps. It is bound by a link, like
// every other.
func (s *Service) Bind(ctx context.Context, site *model.Site, id model.IdentityID, actor string) (model.Passkey, error) {
	if !site.Realm.Policy.Development {
		return model.Passkey{}, ErrNotDevelopment
	}
	identity, err := s.cfg.Directory.Identity(ctx, site, id)
	if err != nil {
		return model.Passkey{}, err
	}
	// Who had a passkey must prove one to bind another. In a realm for development the
	// operator's word does, as with any link for recovery.
	had, err := s.cfg.Directory.HadPasskey(ctx, site, identity.ID)
	if err != nil {
		return model.Passkey{}, err
	}
	job, err := s.cfg.Directory.CreateBindingJob(ctx, site, directory.NewBinding{IdentityID: identity.ID, Actor: actor, Recovery: had})
	if err != nil {
		return model.Passkey{}, err
	}
	link, err := url.Parse(job.Link)
	if err != nil {
		return model.Passkey{}, fmt.Errorf("binding link: %w", err)
	}
	ceremony, err := s.cfg.Directory.BeginBinding(ctx, site, link.Query().Get("token"), directory.Proof{})
	if err != nil {
		return model.Passkey{}, err
	}
	response, err := s.create(ctx, site, ceremony.Options)
	if err != nil {
		return model.Passkey{}, err
	}
	bound, err := s.cfg.Directory.FinishBinding(ctx, site, directory.BindingAnswer{State: ceremony.State, Response: response})
	if err != nil {
		return model.Passkey{}, err
	}
	return bound.Passkey, s.cfg.Sessions.End(ctx, site, bound.Session, actor) // nobody sits at a browser
}

// purpose keeps these passkeys apart from everything else that is sealed, and the
// associated data ties each to its realm and credential.
const purpose = "software-passkey"

func secretName(credential []byte) string {
	return purpose + "/" + base64.RawURLEncoding.EncodeToString(credential)
}

// create makes the passkey and keeps it before anybody relies on it.
func (s *Service) create(ctx context.Context, site *model.Site, options json.RawMessage) ([]byte, error) {
	key, err := passkey.NewSoftware(site.RPID, site.Origin)
	if err != nil {
		return nil, err
	}
	response, err := key.Create(options)
	if err != nil {
		return nil, err
	}
	text, err := key.Marshal()
	if err != nil {
		return nil, err
	}
	name := secretName(key.CredentialID())
	sealed, err := s.cfg.Keyring.Seal(purpose, text, []byte(string(site.Realm.ID)+"/"+name))
	if err != nil {
		return nil, fmt.Errorf("seal software passkey: %w", err)
	}
	err = s.cfg.Store.InsertRealmSecret(ctx, model.RealmSecret{RealmID: site.Realm.ID, Name: name, Sealed: sealed,
		CreatedAt: model.MillisOf(s.cfg.Now())})
	if err != nil {
		return nil, fmt.Errorf("keep software passkey: %w", err)
	}
	return response, nil
}

// An Answer is what an approval is answered with.
type Answer struct {
	Approval model.ApprovalID
	Decision string // evidence.Approve or evidence.Deny
	Actor    string // who has it answered
}

// Answer answers an approval with the passkey that the server keeps of its person.
// It returns ErrNotDevelopment, ErrNoPasskey, model.ErrNotFound or what Decide
// returns.
func (s *Service) Answer(ctx context.Context, site *model.Site, a Answer) (model.Approval, error) {
	if !site.Realm.Policy.Development {
		return model.Approval{}, ErrNotDevelopment
	}
	asked, err := s.cfg.Store.Approval(ctx, site.Realm.ID, a.Approval)
	if err != nil {
		return asked, fmt.Errorf("read approval %s: %w", a.Approval, err)
	}
	person, err := s.cfg.Directory.Identity(ctx, site, asked.IdentityID)
	if err != nil {
		return asked, err
	}
	key, err := s.find(ctx, site, person)
	if err != nil {
		return asked, err
	}
	signed, err := s.sign(key, asked, a.Decision)
	if err != nil {
		return asked, err
	}
	ended, err := s.cfg.Approvals.Decide(ctx, site, person, a.Approval, signed)
	if err != nil {
		return ended, err
	}
	event := model.Event{ID: model.EventID(ids.New("evt")), RealmID: site.Realm.ID, Type: "software_passkey.answered",
		Actor: cmp.Or(a.Actor, "operator"), Target: string(a.Approval), At: model.MillisOf(s.cfg.Now())}
	return ended, s.cfg.Store.RecordEvents(ctx, []model.Event{event})
}

// find opens the newest passkey that the server keeps of a person and that is
// still bound.
func (s *Service) find(ctx context.Context, site *model.Site, person model.Identity) (*passkey.Software, error) {
	keys, err := s.cfg.Directory.Passkeys(ctx, site, person.ID)
	if err != nil {
		return nil, err
	}
	for _, k := range slices.Backward(keys) {
		if !k.Software() {
			continue
		}
		name := secretName(k.CredentialID)
		kept, err := s.cfg.Store.RealmSecret(ctx, site.Realm.ID, name)
		if errors.Is(err, model.ErrNotFound) {
			continue // in software, and somebody else's
		}
		if err != nil {
			return nil, err
		}
		text, err := s.cfg.Keyring.Open(purpose, kept.Sealed, []byte(string(site.Realm.ID)+"/"+name))
		if err != nil {
			return nil, fmt.Errorf("open software passkey %s: %w", k.ID, err)
		}
		return passkey.ParseSoftware(text)
	}
	return nil, fmt.Errorf("answer for %s: %w", person.ID, ErrNoPasskey)
}

// sign decides on exactly the statement that is stored, as it was asked.
func (s *Service) sign(key *passkey.Software, asked model.Approval, answer string) (approval.Answer, error) {
	var none approval.Answer
	st, err := evidence.ParseStatement(asked.Statement)
	if err != nil {
		return none, fmt.Errorf("statement of %s: %w", asked.ID, err)
	}
	canonical, err := evidence.Canonical(asked.Statement)
	if err != nil {
		return none, fmt.Errorf("statement of %s: %w", asked.ID, err)
	}
	d := evidence.Decision{Typ: evidence.DecisionType, Statement: evidence.Hash(canonical), Answer: answer, At: s.cfg.Now().Unix()}
	if answer == evidence.Approve {
		d.Granted = &st.Action
	}
	decision, err := d.Canonical()
	if err != nil {
		return none, fmt.Errorf("decide %s: %w", asked.ID, err)
	}
	challenge := evidence.Challenge(decision)
	assertion, err := key.Assert(challenge[:])
	return approval.Answer{Decision: decision, Assertion: assertion}, err
}
