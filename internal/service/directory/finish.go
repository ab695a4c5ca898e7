package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

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
	// Origin is that of the application's page, where the ceremony began with
	// [Service.BeginEmbeddedBinding]; else empty.
	Origin string
}

// Bound is a finished binding. SessionCookie is a secret. Within an application no
// session begins.
type Bound struct {
	SessionCookie string
	Session       model.Session
	Passkey       model.Passkey
	Job           model.BindingJob
	Identity      model.Identity
	// ReturnTo is a path of the realm, or a URL that the job's authenticator config
	// trusts. Within an application it is empty where the job names none.
	ReturnTo string
}

// FinishBinding verifies the new passkey, binds it and signs its person in, all
// or nothing. Of several that answer one link, exactly one wins. It returns the
// errors of [Service.BeginBinding], [ErrCeremony], [ErrPasskeyInvalid],
// [ErrPasskeyTaken] or [ErrSoftwarePasskey]; any other error is ours.
func (s *Service) FinishBinding(ctx context.Context, site *model.Site, a BindingAnswer) (Bound, error) {
	now := s.now()
	b, err := s.answered(ctx, site, a, now)
	if err != nil {
		return Bound{}, err
	}
	// The person may have got a passkey since the link was opened.
	had, err := s.proved(ctx, site, b.link, b.state.proof(a.SignedIn))
	if err != nil {
		return Bound{}, s.rather(ctx, site, b.state, err)
	}
	key, err := s.register(ctx, site, b)
	if err != nil {
		return Bound{}, err
	}
	done := Bound{Passkey: key, Job: b.link.Job, Identity: b.link.Identity, ReturnTo: returnTo(site, b.link)}
	if !b.state.Embedded {
		done.SessionCookie, done.Session = s.sessions.NewSession(model.Session{RealmID: site.Realm.ID, IdentityID: key.IdentityID,
			PasskeyID: key.ID, AuthTime: now.After(max(done.Identity.TokensInvalidBefore, site.Realm.TokensInvalidBefore)), UserAgent: a.UserAgent})
	}
	// First and Proof make the database decide what was read above: no other passkey
	// may have come in between, and what was proved must not have ended.
	c := Completion{Job: b.link.Job.ID, At: now, Passkey: key, Session: done.Session}
	switch {
	case b.link.needsProof(had):
		c.Proof = b.state.proof(a.SignedIn)
	case b.link.Job.Proof != model.ProofRecovery:
		c.First = true
	}
	b.another = len(had) > 0
	if err := s.complete(ctx, site, b, c); err != nil {
		return Bound{}, err
	}
	return done, nil
}

// answered finds what an answer is about, if it still can be answered.
func (s *Service) answered(ctx context.Context, site *model.Site, a BindingAnswer, now model.Millis) (binding, error) {
	st, _, err := s.carried.Open(a.State, now.Time(), []byte(site.Realm.ID))
	if err != nil {
		return binding{}, fmt.Errorf("%w: %w", ErrCeremony, err)
	}
	b := binding{state: st, answer: a, at: now}
	if b.link.Job, err = s.openJob(ctx, site, st.Job, now); err != nil {
		return b, err
	}
	if b.link.Identity, err = s.person(ctx, site, b.link.Job.IdentityID); err != nil {
		return b, err
	}
	b.link.Config, err = s.config(ctx, site, b.link.Job.ConfigID)
	if errors.Is(err, model.ErrNotFound) {
		return b, fmt.Errorf("%w: %w", ErrLinkUnknown, err)
	}
	if err == nil {
		b.rp, err = b.link.rp(site, st.Embedded, a.Origin)
	}
	return b, err
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

// proof is what was proved: by the same person when the link was opened and now. An
// application has no session of ours to ask again.
func (st bindingState) proof(signedIn model.IdentityID) Proof {
	if st.Proved != signedIn && !st.Embedded {
		return Proof{}
	}
	return Proof{st.Proved, st.Passkey, st.ProvedAt}
}

// returnTo is where the person goes on, if it may still be led there.
func returnTo(site *model.Site, l Link) string {
	if l.Job.RedirectURI != "" && trustedTarget(site, l.Config, l.Job.RedirectURI) {
		return l.Job.RedirectURI
	}
	if l.Embedded() {
		return ""
	}
	return site.Path + "/approver/"
}

// A binding is one answer with all that it is checked against.
type binding struct {
	link   Link
	rp     passkey.RP
	state  bindingState
	answer BindingAnswer
	at     model.Millis
	// another: the person has or had a passkey.
	another bool
}

// register verifies the browser's answer and has the realm sign that this key is
// this person's from now on.
func (s *Service) register(ctx context.Context, site *model.Site, b binding) (model.Passkey, error) {
	c, err := passkey.VerifyRegistration(b.rp, b.state.Challenge, b.answer.Response)
	if err != nil {
		return model.Passkey{}, fmt.Errorf("%w: %w", ErrPasskeyInvalid, err)
	}
	// A key that verifiers of evidence would refuse must not be bound.
	if err := evidence.CheckPublicKey(c.PublicKey); err != nil {
		return model.Passkey{}, fmt.Errorf("%w: %w", ErrPasskeyInvalid, err)
	}
	key := model.Passkey{RealmID: site.Realm.ID, ID: model.PasskeyID(ids.New("psk")), IdentityID: b.link.Identity.ID,
		CredentialID: c.ID, PublicKey: c.PublicKey, AAGUID: c.AAGUID, SignCount: c.SignCount,
		BackupEligible: c.BackupEligible, BackupState: c.BackupState, Transports: c.Transports,
		Attestation: c.Attestation,
		CreatedAt:   b.at, LastUsedAt: b.at}
	if b.rp.ID != site.RPID {
		key.RPID = b.rp.ID
	}
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
		RPID: cmp.Or(key.RPID, site.RPID), Iat: key.CreatedAt.Unix()})
	if err != nil {
		return "", fmt.Errorf("make binding: %w", err)
	}
	jws, err := s.signer.Sign(ctx, site, "EdDSA", evidence.BindingHeaderType, claims)
	if err != nil {
		return "", fmt.Errorf("sign binding: %w", err)
	}
	return jws, nil
}

// complete writes the passkey, the session and the end of the job. Who ever had a
// passkey before hears of the new one.
func (s *Service) complete(ctx context.Context, site *model.Site, b binding, c Completion) error {
	d, fx := deed{site: site, actor: string(c.Passkey.IdentityID), at: c.At}, c.effects(site)
	if b.another {
		s.tell(d, &fx, b.link.Identity, Notice{Kind: NoticePasskeyAdded, Job: c.Job, Passkey: c.Passkey.Name})
	}
	err := s.store.CompleteBinding(ctx, c, fx)
	if errors.Is(err, model.ErrCommitUnknown) && s.has(ctx, site, c.Passkey) {
		return nil
	}
	if errors.Is(err, model.ErrConflict) {
		return s.lost(ctx, site, b, c)
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

// lost finds out which of the reasons it was that nothing was bound.
func (s *Service) lost(ctx context.Context, site *model.Site, b binding, c Completion) error {
	if _, err := s.openJob(ctx, site, b.state.Job, c.At); err != nil {
		return err
	}
	identity, err := s.Identity(ctx, site, c.Passkey.IdentityID)
	if err != nil {
		return err
	}
	b.link.Identity = identity
	if _, err := s.proved(ctx, site, b.link, c.Proof); err != nil {
		return err
	}
	return fmt.Errorf("complete binding job %s: %w", c.Job, ErrPasskeyTaken)
}

func (c Completion) effects(site *model.Site) model.Effects {
	d := deed{site: site, actor: string(c.Passkey.IdentityID), at: c.At}
	who, key := string(c.Passkey.IdentityID), string(c.Passkey.ID)
	fx := model.Effects{
		Events: []model.Event{
			d.event("binding_job.completed", string(c.Job), map[string]string{"identity": who, "passkey": key}),
			d.event("passkey.bound", key, map[string]string{"identity": who, "binding_job": string(c.Job)}),
		},
		Changes: []model.Change{d.identityChange(c.Passkey.IdentityID)},
	}
	if c.Session.ID != "" {
		fx.Events = append(fx.Events, d.event("session.started", who, map[string]string{"session": string(c.Session.ID), "passkey": key}))
	}
	return fx
}
