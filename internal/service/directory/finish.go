package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/sdk/evidence"
)

// A BindingAnswer is what a browser brings back from a ceremony.
type BindingAnswer struct {
	State     string
	Response  []byte // RegistrationResponseJSON
	UserAgent string // kept with the session, so that people recognise it
	// SignedIn is the person of the browser's live session, empty if none.
	SignedIn model.IdentityID
}

// Bound is a finished binding. SessionCookie is a secret.
type Bound struct {
	SessionCookie string
	Session       model.Session
	Passkey       model.Passkey
	ReturnTo      string // a path of the realm
}

// FinishBinding verifies the new passkey, binds it and signs its person in, all
// or nothing. Of several that answer one link, exactly one wins. It returns the
// errors of [Service.BeginBinding], [ErrCeremony], [ErrPasskeyInvalid],
// [ErrPasskeyTaken] or [ErrSoftwarePasskey]; any other error is ours.
func (s *Service) FinishBinding(ctx context.Context, site *model.Site, a BindingAnswer) (Bound, error) {
	now := s.now()
	st, _, err := s.carried.Open(a.State, now.Time(), []byte(site.Realm.ID))
	if err != nil {
		return Bound{}, fmt.Errorf("%w: %w", ErrCeremony, err)
	}
	job, err := s.openJob(ctx, site, st.Job, now)
	if err != nil {
		return Bound{}, err
	}
	identity, err := s.person(ctx, site, job.IdentityID)
	if err != nil {
		return Bound{}, err
	}
	// The person may have got a passkey since the link was opened.
	if _, err := s.proved(ctx, site, identity, st.prover(a.SignedIn)); err != nil {
		return Bound{}, s.rather(ctx, site, st, err)
	}
	key, err := s.register(ctx, site, binding{identity, st, a, now})
	if err != nil {
		return Bound{}, err
	}
	cookie, session := s.sessions.NewSession(model.Session{RealmID: site.Realm.ID, IdentityID: identity.ID,
		PasskeyID: key.ID, AuthTime: now, UserAgent: a.UserAgent})
	// First makes the database decide what was read above: without a proof, no
	// other passkey may have come in between.
	done := Completion{Job: job.ID, At: now, First: st.Proved == "", Passkey: key, Session: session}
	if err := s.complete(ctx, site, st, done); err != nil {
		return Bound{}, err
	}
	return Bound{SessionCookie: cookie, Session: session, Passkey: key, ReturnTo: returnTo(site, job)}, nil
}

// rather says that the link is used up where the passkey that stands in the way
// came by this very link a moment ago.
func (s *Service) rather(ctx context.Context, site *model.Site, st bindingState, err error) error {
	if !errors.Is(err, ErrProofRequired) {
		return err
	}
	if _, gone := s.openJob(ctx, site, st.Job, s.now()); gone != nil {
		return gone
	}
	return err
}

// prover is who proved a passkey: the same person when the link was opened and
// now.
func (st bindingState) prover(signedIn model.IdentityID) model.IdentityID {
	if st.Proved != signedIn {
		return ""
	}
	return st.Proved
}

func returnTo(site *model.Site, job model.BindingJob) string {
	if job.RedirectURI != "" && site.LocalPath(job.RedirectURI) {
		return job.RedirectURI
	}
	return site.Path + "/approver/"
}

// A binding is one answer with all that it is checked against.
type binding struct {
	identity model.Identity
	state    bindingState
	answer   BindingAnswer
	at       model.Millis
}

// register verifies the browser's answer and has the realm sign that this key is
// this person's from now on.
func (s *Service) register(ctx context.Context, site *model.Site, b binding) (model.Passkey, error) {
	c, err := passkey.VerifyRegistration(site.RP(), b.state.Challenge, b.answer.Response)
	if err != nil {
		return model.Passkey{}, fmt.Errorf("%w: %w", ErrPasskeyInvalid, err)
	}
	// A key that verifiers of evidence would refuse must not be bound.
	if err := evidence.CheckPublicKey(c.PublicKey); err != nil {
		return model.Passkey{}, fmt.Errorf("%w: %w", ErrPasskeyInvalid, err)
	}
	key := model.Passkey{RealmID: site.Realm.ID, ID: model.PasskeyID(ids.New("psk")), IdentityID: b.identity.ID,
		CredentialID: c.ID, PublicKey: c.PublicKey, AAGUID: c.AAGUID, SignCount: c.SignCount,
		BackupEligible: c.BackupEligible, BackupState: c.BackupState, Transports: c.Transports,
		CreatedAt: b.at, LastUsedAt: b.at}
	if key.Software() && !site.Realm.Policy.Development {
		return model.Passkey{}, ErrSoftwarePasskey
	}
	key.Name = passkeyName(key, b.answer.UserAgent)
	key.Binding, err = s.sign(ctx, site, key)
	return key, err
}

func (s *Service) sign(ctx context.Context, site *model.Site, key model.Passkey) (string, error) {
	aaguid, err := evidence.AAGUID(key.AAGUID)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrPasskeyInvalid, err)
	}
	claims, err := evidence.NewBinding(evidence.BindingClaims{Iss: site.Issuer, Sub: string(key.IdentityID),
		CredentialID: key.CredentialID, PublicKey: key.PublicKey, AAGUID: aaguid,
		RPID: site.RPID, Iat: key.CreatedAt.Unix()})
	if err != nil {
		return "", fmt.Errorf("make binding: %w", err)
	}
	jws, err := s.signer.Sign(ctx, site, "EdDSA", evidence.BindingHeaderType, claims)
	if err != nil {
		return "", fmt.Errorf("sign binding: %w", err)
	}
	return jws, nil
}

// complete writes the passkey, the session and the end of the job.
func (s *Service) complete(ctx context.Context, site *model.Site, st bindingState, c Completion) error {
	err := s.store.CompleteBinding(ctx, c, c.effects(site))
	if errors.Is(err, model.ErrCommitUnknown) && s.has(ctx, site, c.Passkey) {
		return nil
	}
	if errors.Is(err, model.ErrConflict) {
		return s.conflict(ctx, site, st, c)
	}
	if err != nil {
		return fmt.Errorf("complete binding job %s: %w", c.Job, err)
	}
	return nil
}

// has reads back whether a passkey came in. Its id is ours alone: if it is
// there, our transaction was.
func (s *Service) has(ctx context.Context, site *model.Site, key model.Passkey) bool {
	keys, err := s.Passkeys(ctx, site, key.IdentityID)
	return err == nil && slices.ContainsFunc(keys, func(k model.Passkey) bool { return k.ID == key.ID })
}

// conflict finds out which of the reasons it was that nothing was bound.
func (s *Service) conflict(ctx context.Context, site *model.Site, st bindingState, c Completion) error {
	if _, err := s.openJob(ctx, site, st.Job, c.At); err != nil {
		return err
	}
	keys, err := s.Passkeys(ctx, site, c.Passkey.IdentityID)
	if err != nil {
		return err
	}
	if c.First && len(keys) > 0 {
		return fmt.Errorf("bind a passkey to %s: %w", c.Passkey.IdentityID, ErrProofRequired)
	}
	return fmt.Errorf("complete binding job %s: %w", c.Job, ErrPasskeyTaken)
}

func (c Completion) effects(site *model.Site) model.Effects {
	d := deed{site: site, actor: string(c.Passkey.IdentityID), at: c.At}
	who, key := string(c.Passkey.IdentityID), string(c.Passkey.ID)
	return model.Effects{
		Events: []model.Event{
			d.event("binding_job.completed", string(c.Job), map[string]string{"identity": who, "passkey": key}),
			d.event("passkey.bound", key, map[string]string{"identity": who, "binding_job": string(c.Job)}),
			d.event("session.started", who, map[string]string{"session": string(c.Session.ID), "passkey": key}),
		},
		Changes: []model.Change{d.identityChange(c.Passkey.IdentityID)},
	}
}

// devices are words of user agents, the telling ones first, and what people
// call such a thing.
var devices = []struct{ word, name string }{
	{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "Chromebook"},
	{"Windows", "Windows"}, {"Macintosh", "Mac"}, {"Linux", "Linux"},
}

// passkeyName is a first name for a passkey; its owner may change it.
func passkeyName(key model.Passkey, userAgent string) string {
	if key.Software() {
		return "Software passkey"
	}
	for _, d := range devices {
		if strings.Contains(userAgent, d.word) {
			return "Passkey from " + d.name
		}
	}
	return "Passkey"
}
