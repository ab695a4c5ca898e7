package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// bindingLife is how long a person may look at the page and find their device.
const bindingLife = 10 * time.Minute

// sealPurpose keeps this state apart from everything else that is sealed, and
// the associated data keeps it in its realm.
const sealPurpose = "binding-ceremony"

// A BindingCeremony is what a browser needs to create a passkey.
type BindingCeremony struct {
	Job      model.BindingJob
	Identity model.Identity
	Options  json.RawMessage // PublicKeyCredentialCreationOptionsJSON
	State    string          // sealed; comes back with the answer
	Another  bool            // the person has a passkey already
}

// bindingState is what the browser carries for us meanwhile.
type bindingState struct {
	Job       []byte `json:"job"` // digest of the link's token
	Challenge []byte `json:"challenge"`
	// Who was signed in, if it mattered: with which passkey, since when.
	Proved   model.IdentityID `json:"proved,omitempty"`
	Passkey  model.PasskeyID  `json:"passkey,omitempty"`
	ProvedAt model.Millis     `json:"proved_at,omitempty"`
	// Embedded: it began in an application, which has no session of ours. Whoever
	// was proved there is who is sealed in here.
	Embedded bool `json:"embedded,omitempty"`
}

// A Link is a binding link that still works.
type Link struct {
	Job      model.BindingJob
	Identity model.Identity
	Config   *model.AuthenticatorConfig // where it leads; nil: to a page of the realm
}

// Embedded reports whether the link leads to an application.
func (l Link) Embedded() bool {
	return l.Config != nil && l.Config.Settings.Type == model.AuthenticatorEmbedded
}

// OpenLink finds out whom a link is for and where it leads. It returns
// [ErrLinkUnknown], [ErrLinkUsed], [ErrLinkExpired] or [ErrNotAllowed], the last
// with a Link that has no more than its Identity. Opening a link uses nothing up:
// mail scanners open links too.
func (s *Service) OpenLink(ctx context.Context, site *model.Site, token string) (Link, error) {
	l, now, err := s.usableLink(ctx, site, token)
	if err != nil {
		return l, err
	}
	return l, s.opened(ctx, site, l.Job, now)
}

func (s *Service) usableLink(ctx context.Context, site *model.Site, token string) (l Link, now model.Millis, err error) {
	now = s.now()
	if len(token) != tokenLen {
		return l, now, ErrLinkUnknown
	}
	digest := ids.DigestOf(token)
	job, err := s.openJob(ctx, site, digest[:], now)
	if err != nil {
		return l, now, err
	}
	if l.Identity, err = s.person(ctx, site, job.IdentityID); err != nil {
		return l, now, err
	}
	l.Job = job
	l.Config, err = s.config(ctx, site, job.ConfigID)
	if errors.Is(err, model.ErrNotFound) { // deleted since: it leads nowhere any more
		err = fmt.Errorf("%w: %w", ErrLinkUnknown, err)
	}
	return l, now, err
}

// BeginBinding opens a binding link on the realm's own page. proof is the passkey
// with which the browser's live session began, none if there is none. It returns the
// errors of [Service.OpenLink], [ErrProofRequired], [ErrRecoveryRequired], or
// [ErrOrigin] for a link that leads to an application.
func (s *Service) BeginBinding(ctx context.Context, site *model.Site, token string, proof Proof) (BindingCeremony, error) {
	return s.begin(ctx, site, opening{token: token, proof: proof})
}

// BeginEmbeddedBinding opens a binding link in an application, at the origin of one
// of its pages. It returns the errors of [Service.OpenLink], [ErrProofRequired],
// [ErrRecoveryRequired], or [ErrOrigin] unless the link's authenticator config trusts
// the origin.
func (s *Service) BeginEmbeddedBinding(ctx context.Context, site *model.Site, e EmbeddedOpening) (BindingCeremony, error) {
	return s.begin(ctx, site, opening{token: e.Token, proof: e.Proof, origin: e.Origin, embedded: true})
}

// An EmbeddedOpening is a link in an application.
type EmbeddedOpening struct {
	Token  string
	Origin string
	Proof  Proof // what was just proved there; zero: nothing
}

type opening struct {
	token    string
	proof    Proof
	origin   string
	embedded bool
}

func (s *Service) begin(ctx context.Context, site *model.Site, o opening) (BindingCeremony, error) {
	l, now, err := s.usableLink(ctx, site, o.token)
	if err != nil {
		return BindingCeremony{}, err
	}
	rp, err := l.rp(site, o.embedded, o.origin)
	if err != nil {
		return BindingCeremony{}, err
	}
	had, err := s.proved(ctx, site, l, o.proof)
	if err != nil {
		return BindingCeremony{}, err
	}
	b := binding{link: l, rp: rp, at: now,
		state: bindingState{Job: l.Job.TokenDigest, Challenge: passkey.NewChallenge(), Embedded: o.embedded}}
	if l.needsProof(had) {
		b.state.Proved, b.state.Passkey, b.state.ProvedAt = o.proof.IdentityID, o.proof.PasskeyID, o.proof.At
	}
	ceremony, err := s.ceremony(site, b, living(had))
	if err != nil {
		return BindingCeremony{}, err
	}
	return ceremony, s.opened(ctx, site, l.Job, now)
}

// rp is the relying party of a link's ceremony: the realm on its own pages, or
// within an application what the config says, at this one origin.
func (l Link) rp(site *model.Site, embedded bool, origin string) (passkey.RP, error) {
	rp := site.RP()
	switch {
	case embedded != l.Embedded():
		return rp, fmt.Errorf("link of %s: %w", l.Job.ID, ErrOrigin)
	case !embedded:
		return rp, nil
	case !slices.Contains(l.Config.Settings.TrustedOrigins, origin):
		return rp, fmt.Errorf("authenticator config %s: %w", l.Config.ID, ErrOrigin)
	}
	rp.Origins = []string{origin}
	if id := l.Config.Settings.RPID; id != "" {
		rp.ID = id
	}
	return rp, nil
}

// person is whom a link is for, if the gate lets them.
func (s *Service) person(ctx context.Context, site *model.Site, id model.IdentityID) (model.Identity, error) {
	identity, err := s.Identity(ctx, site, id)
	if err != nil {
		return identity, err
	}
	_, err = s.gate.Person(ctx, site, identity)
	if _, closed := errors.AsType[*gate.Refusal](err); closed {
		return identity, fmt.Errorf("%w: %w", ErrNotAllowed, err)
	}
	return identity, err
}

// proved lists the passkeys that a person has or had, and makes sure that one of them
// was proved. A link that falls into the wrong hands then adds nothing, also where
// the passkeys of its person were revoked meanwhile; one for recovery is as good as a
// passkey, which is why the person hears of it.
func (s *Service) proved(ctx context.Context, site *model.Site, l Link, proof Proof) ([]model.Passkey, error) {
	had, err := s.store.Passkeys(ctx, site.Realm.ID, l.Identity.ID)
	if err != nil {
		return nil, fmt.Errorf("list passkeys of %s: %w", l.Identity.ID, err)
	}
	switch {
	case !l.needsProof(had):
		return had, nil
	case len(had) > 0 && len(living(had)) == 0:
		err = ErrRecoveryRequired
	case !proof.stands(site, l.Identity, had):
		err = ErrProofRequired
	default:
		return had, nil
	}
	return nil, fmt.Errorf("bind a passkey to %s: %w", l.Identity.ID, err)
}

// needsProof: of whoever had a passkey before, and of a link that a person made for
// themselves.
func (l Link) needsProof(had []model.Passkey) bool {
	return l.Job.Proof != model.ProofRecovery && (len(had) > 0 || l.Job.DeliveryMethod == model.DeliverSelf)
}

// stands reports whether a proof counts for a person: it ends with its passkey, and
// as sessions do.
func (p Proof) stands(site *model.Site, person model.Identity, had []model.Passkey) bool {
	return p.IdentityID == person.ID && p.At > max(person.TokensInvalidBefore, site.Realm.TokensInvalidBefore) &&
		slices.ContainsFunc(living(had), func(k model.Passkey) bool { return k.ID == p.PasskeyID })
}

// living are those that are not revoked.
func living(keys []model.Passkey) []model.Passkey {
	return slices.DeleteFunc(slices.Clone(keys), func(k model.Passkey) bool { return k.RevokedAt != 0 })
}

func (s *Service) ceremony(site *model.Site, b binding, has []model.Passkey) (BindingCeremony, error) {
	person := b.link.Identity
	var exclude [][]byte
	for _, k := range has {
		if k.For(b.rp.ID, site.RPID) {
			exclude = append(exclude, k.CredentialID)
		}
	}
	user := passkey.User{Handle: []byte(person.ID), Name: person.Traits.Username, DisplayName: person.DisplayName}
	options, err := passkey.CreationOptions(b.rp, user, b.state.Challenge, exclude)
	if err != nil {
		return BindingCeremony{}, fmt.Errorf("make creation options: %w", err)
	}
	sealed, err := s.carried.Seal(b.state, b.at.Time(), []byte(site.Realm.ID))
	if err != nil {
		return BindingCeremony{}, fmt.Errorf("seal ceremony: %w", err)
	}
	return BindingCeremony{Job: b.link.Job, Identity: person, Options: options, State: sealed, Another: len(has) > 0}, nil
}

// opened notes the first opening of a link.
func (s *Service) opened(ctx context.Context, site *model.Site, job model.BindingJob, now model.Millis) error {
	if job.State != model.BindingLinkSent {
		return nil
	}
	if err := s.store.OpenBindingJob(ctx, site.Realm.ID, job.ID, now); err != nil {
		return fmt.Errorf("open binding job %s: %w", job.ID, err)
	}
	// Who opened it is not known: whoever holds the link.
	d := deed{site: site, at: now}
	event := d.event("binding_job.opened", string(job.ID), map[string]string{"identity": string(job.IdentityID)})
	if err := s.store.RecordEvents(ctx, []model.Event{event}); err != nil {
		s.log.WarnContext(ctx, "record opened link", slog.String("job", string(job.ID)), slog.Any("error", err))
	}
	return nil
}
