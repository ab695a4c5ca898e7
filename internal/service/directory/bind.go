package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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
	Identity model.Identity
	Options  json.RawMessage // PublicKeyCredentialCreationOptionsJSON
	State    string          // sealed; comes back with the answer
}

// bindingState is what the browser carries for us meanwhile.
type bindingState struct {
	Job       []byte           `json:"job"` // digest of the link's token
	Challenge []byte           `json:"challenge"`
	Proved    model.IdentityID `json:"proved,omitempty"` // who was signed in, if it mattered
}

// BeginBinding opens a binding link. signedIn is the person of the browser's
// live session, empty if there is none. It returns [ErrLinkUnknown],
// [ErrLinkUsed], [ErrLinkExpired], [ErrProofRequired] or [ErrNotAllowed].
// Opening a link uses nothing up: mail scanners open links too.
func (s *Service) BeginBinding(ctx context.Context, site *model.Site, token string, signedIn model.IdentityID) (BindingCeremony, error) {
	if len(token) != tokenLen {
		return BindingCeremony{}, ErrLinkUnknown
	}
	now := s.now()
	digest := ids.DigestOf(token)
	job, err := s.openJob(ctx, site, digest[:], now)
	if err != nil {
		return BindingCeremony{}, err
	}
	identity, err := s.person(ctx, site, job.IdentityID)
	if err != nil {
		return BindingCeremony{}, err
	}
	has, err := s.proved(ctx, site, identity, signedIn)
	if err != nil {
		return BindingCeremony{}, err
	}
	st := bindingState{Job: digest[:], Challenge: passkey.NewChallenge()}
	if len(has) > 0 {
		st.Proved = signedIn
	}
	ceremony, err := s.ceremony(site, identity, st, has)
	if err != nil {
		return BindingCeremony{}, err
	}
	return ceremony, s.opened(ctx, site, job, now)
}

// person is whom a link is for, if the gate lets them.
func (s *Service) person(ctx context.Context, site *model.Site, id model.IdentityID) (model.Identity, error) {
	identity, err := s.Identity(ctx, site, id)
	if err != nil {
		return identity, err
	}
	err = s.gate.Person(ctx, site, identity)
	if _, closed := errors.AsType[*gate.Refusal](err); closed {
		return identity, fmt.Errorf("%w: %w", ErrNotAllowed, err)
	}
	return identity, err
}

// proved lists the passkeys of a person and makes sure that somebody who has
// one is signed in. A link that falls into the wrong hands then adds nothing.
func (s *Service) proved(ctx context.Context, site *model.Site, identity model.Identity, signedIn model.IdentityID) ([]model.Passkey, error) {
	keys, err := s.Passkeys(ctx, site, identity.ID)
	if err != nil {
		return nil, err
	}
	if len(keys) > 0 && signedIn != identity.ID {
		return nil, fmt.Errorf("bind a passkey to %s: %w", identity.ID, ErrProofRequired)
	}
	return keys, nil
}

func (s *Service) ceremony(site *model.Site, identity model.Identity, st bindingState, has []model.Passkey) (BindingCeremony, error) {
	exclude := make([][]byte, len(has))
	for i, k := range has {
		exclude[i] = k.CredentialID
	}
	user := passkey.User{Handle: []byte(identity.ID), Name: identity.Traits.Username, DisplayName: identity.DisplayName}
	options, err := passkey.CreationOptions(site.RP(), user, st.Challenge, exclude)
	if err != nil {
		return BindingCeremony{}, fmt.Errorf("make creation options: %w", err)
	}
	sealed, err := s.carried.Seal(st, s.clock(), []byte(site.Realm.ID))
	if err != nil {
		return BindingCeremony{}, fmt.Errorf("seal ceremony: %w", err)
	}
	return BindingCeremony{Identity: identity, Options: options, State: sealed}, nil
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
