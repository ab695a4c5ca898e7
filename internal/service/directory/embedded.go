package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/model"
)

// A ProofCeremony is what an application needs to let a person prove a passkey that
// they have, before another one is bound.
type ProofCeremony struct {
	// Options are PublicKeyCredentialRequestOptionsJSON, with a nonce in the place
	// of the challenge, as on the sign-in page ([passkey.SignInChallenge]).
	Options json.RawMessage
	State   string // sealed; comes back with the answer
}

// A BegunProof is a proof that a browser brings back.
type BegunProof struct {
	Opening      EmbeddedOpening // without who proved
	RP           passkey.RP
	Nonce        []byte
	Began, Until model.Millis
}

// proofState is what the browser carries meanwhile.
type proofState struct {
	Token string `json:"token"` // of the link, sealed: whoever opens it had it
	Nonce []byte `json:"nonce"`
}

const proofPurpose = "binding-proof"

func (s *Service) proofs() seal.Carried[proofState] {
	return seal.Carried[proofState]{Keyring: s.keyring, Purpose: proofPurpose, Life: bindingLife}
}

// BeginEmbeddedProof begins the proof that [Service.BeginEmbeddedBinding] asked for
// with [ErrProofRequired]. It returns that error itself where no passkey of the
// person can be used within the application, and the errors of that function.
func (s *Service) BeginEmbeddedProof(ctx context.Context, site *model.Site, o EmbeddedOpening) (ProofCeremony, error) {
	l, now, err := s.usableLink(ctx, site, o.Token)
	if err != nil {
		return ProofCeremony{}, err
	}
	rp, err := l.rp(site, true, o.Origin)
	if err != nil {
		return ProofCeremony{}, err
	}
	has, err := s.Passkeys(ctx, site, l.Identity.ID)
	if err != nil {
		return ProofCeremony{}, err
	}
	if !slices.ContainsFunc(has, func(k model.Passkey) bool { return k.For(rp.ID, site.RPID) }) {
		return ProofCeremony{}, fmt.Errorf("no passkey of %s is for %s: %w", l.Identity.ID, rp.ID, ErrProofRequired)
	}
	nonce := passkey.NewChallenge()
	// No allowCredentials: whoever holds a stolen link learns nothing of the person.
	options, err := passkey.RequestOptions(rp, nonce, nil)
	if err != nil {
		return ProofCeremony{}, fmt.Errorf("make request options: %w", err)
	}
	sealed, err := s.proofs().Seal(proofState{o.Token, nonce}, now.Time(), []byte(site.Realm.ID))
	if err != nil {
		return ProofCeremony{}, fmt.Errorf("seal proof: %w", err)
	}
	return ProofCeremony{Options: options, State: sealed}, s.opened(ctx, site, l.Job, now)
}

// OpenEmbeddedProof finds what a proof is for. It returns [ErrCeremony], or the
// errors of [Service.BeginEmbeddedBinding].
func (s *Service) OpenEmbeddedProof(ctx context.Context, site *model.Site, state, origin string) (BegunProof, error) {
	st, until, err := s.proofs().Open(state, s.clock(), []byte(site.Realm.ID))
	if err != nil {
		return BegunProof{}, fmt.Errorf("%w: %w", ErrCeremony, err)
	}
	l, _, err := s.usableLink(ctx, site, st.Token)
	if err != nil {
		return BegunProof{}, err
	}
	rp, err := l.rp(site, true, origin)
	return BegunProof{Opening: EmbeddedOpening{Token: st.Token, Origin: origin}, RP: rp, Nonce: st.Nonce,
		Began: millisBefore(until), Until: model.MillisOf(until)}, err
}

func millisBefore(until time.Time) model.Millis { return model.MillisOf(until.Add(-bindingLife)) }
