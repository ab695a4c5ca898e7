package signin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
)

// An Answer is what a browser brings back from a ceremony.
type Answer struct {
	State     string
	Response  []byte // AuthenticationResponseJSON
	UserAgent string // kept with the session, so that people recognise it
	// Cookie of the session that the browser has, if it has one. Who signs in
	// again as the same person keeps the session: its `sid` is stable, its
	// authentication is new.
	Cookie string
}

// SignedIn is a sign-in that happened. Cookie is a secret.
type SignedIn struct {
	Cookie  string
	Session model.Session
}

// onceMargin keeps the mark of a used ceremony longer than the ceremony can
// live, so that a clock that jumps back revives nothing.
const onceMargin = time.Hour

// Finish verifies the answer and opens a session. It returns [ErrCeremony] or
// a [*Refused]; any other error is ours. Of several that present one ceremony,
// exactly one signs in.
func (s *Service) Finish(ctx context.Context, site *model.Site, a Answer) (SignedIn, error) {
	try := attempt{site: site, rp: site.RP(), at: s.now()}
	st, until, err := s.carried.Open(a.State, try.at.Time(), []byte(site.Realm.ID))
	if err != nil {
		return SignedIn{}, fmt.Errorf("%w: %w", ErrCeremony, err)
	}
	try.began = model.MillisOf(until.Add(-ceremonyLife))
	return s.finish(ctx, try, begun{st.Nonce, model.MillisOf(until)}, a)
}

// begun is a ceremony that was begun here: what its challenge is made of, and when
// its time is over.
type begun struct {
	nonce []byte
	until model.Millis
}

func (s *Service) finish(ctx context.Context, try attempt, b begun, a Answer) (SignedIn, error) {
	assertion, err := passkey.ParseAssertion(a.Response)
	if err != nil {
		return SignedIn{}, &Refused{Cause: CauseMalformed, Err: err}
	}
	key, err := s.passkey(ctx, &try, assertion)
	if err != nil {
		return SignedIn{}, err
	}
	use, err := s.verify(ctx, try, key, proof{assertion, passkey.SignInChallenge(b.nonce)})
	if err != nil {
		return SignedIn{}, err
	}
	revoked, err := s.admit(ctx, try)
	if err != nil {
		return SignedIn{}, err
	}
	cookie, session := s.NewSession(model.Session{RealmID: try.site.Realm.ID, IdentityID: key.IdentityID,
		PasskeyID: key.ID, AuthTime: try.at.After(revoked), UserAgent: a.UserAgent})
	session.ID = s.stays(ctx, try.site, a.Cookie, session)
	once := model.Once{Namespace: model.OnceCeremony, RealmID: try.site.Realm.ID,
		Digest: sha256.Sum256(b.nonce), Until: b.until.Add(onceMargin)}
	if err := s.commit(ctx, try, once, opening{session, use}); err != nil {
		return SignedIn{}, err
	}
	return SignedIn{Cookie: cookie, Session: session}, nil
}

// stays is the id of the live session that the same person has in this browser
// already, else that of the new one.
func (s *Service) stays(ctx context.Context, site *model.Site, cookie string, session model.Session) model.SessionID {
	old, who, err := s.Session(ctx, site, cookie)
	if err != nil || who.ID != session.IdentityID {
		return session.ID
	}
	return old.ID
}

// passkey finds the passkey that the assertion says it comes from.
func (s *Service) passkey(ctx context.Context, try *attempt, a *passkey.Assertion) (model.Passkey, error) {
	key, err := s.store.PasskeyByCredential(ctx, try.site.Realm.ID, a.CredentialID)
	if errors.Is(err, model.ErrNotFound) {
		return key, s.stranger(ctx, *try, a, err)
	}
	if err != nil {
		return key, fmt.Errorf("find passkey: %w", err)
	}
	try.identity, try.passkey = key.IdentityID, key.ID
	// Web Authentication Level 3, Section 7.2, step 6: nobody was named before
	// the ceremony, so the user handle must be there and be the owner's.
	if !bytes.Equal(a.UserHandle, []byte(key.IdentityID)) {
		return key, s.refuse(ctx, *try, CauseOtherPerson, nil)
	}
	if !key.For(try.rp.ID, try.site.RPID) {
		return key, s.refuse(ctx, *try, CauseOtherRP, nil)
	}
	if try.only != "" && key.ID != try.only {
		return key, s.refuse(ctx, *try, CauseNotChosen, nil)
	}
	return key, nil
}

// A proof is an assertion and the challenge that it must answer.
type proof struct {
	assertion *passkey.Assertion
	challenge []byte
}

// verify checks the signature and everything under it.
func (s *Service) verify(ctx context.Context, try attempt, key model.Passkey, p proof) (model.PasskeyUse, error) {
	var none model.PasskeyUse
	result, err := p.assertion.Verify(try.rp, p.challenge, passkey.Credential{
		ID: key.CredentialID, PublicKey: key.PublicKey, AAGUID: key.AAGUID, SignCount: key.SignCount,
		BackupEligible: key.BackupEligible, BackupState: key.BackupState, Transports: key.Transports})
	if err != nil {
		return none, s.refuse(ctx, try, CauseAssertion, err)
	}
	if result.CloneSuspected {
		return none, s.suspect(ctx, try, key, result)
	}
	if key.Software() && !try.site.Realm.Policy.Development {
		return none, s.refuse(ctx, try, CauseSoftware, nil)
	}
	return model.PasskeyUse{RealmID: try.site.Realm.ID, ID: key.ID, SignCount: result.SignCount,
		BackupState: result.BackupState, At: try.at}, nil
}

// admit asks the gate about the owner of a passkey that has proved itself, and
// answers up to when what they had was revoked.
func (s *Service) admit(ctx context.Context, try attempt) (model.Millis, error) {
	identity, err := s.store.Identity(ctx, try.site.Realm.ID, try.identity)
	if err != nil {
		return 0, fmt.Errorf("find identity %s: %w", try.identity, err)
	}
	return s.gateOf(ctx, try, identity)
}

// gateOf asks the gate about a person who has proved who they are.
func (s *Service) gateOf(ctx context.Context, try attempt, identity model.Identity) (model.Millis, error) {
	revoked, err := s.gate.Person(ctx, try.site, identity)
	if cause, ok := closed(err); ok {
		return 0, s.refuse(ctx, try, cause, err)
	}
	return revoked, err
}

// An opening is what a sign-in writes.
type opening struct {
	session model.Session
	use     model.PasskeyUse
}

func (s *Service) commit(ctx context.Context, try attempt, once model.Once, o opening) error {
	event := try.event("signin.succeeded", map[string]string{
		"passkey": string(try.passkey), "session": string(o.session.ID)})
	err := s.store.SignIn(ctx, once, o.session, o.use, model.Effects{Events: []model.Event{event}})
	if errors.Is(err, model.ErrCommitUnknown) {
		// The session is ours alone: if it is there, this transaction was.
		if _, readErr := s.store.SessionByDigest(ctx, o.session.RealmID, o.session.Digest); readErr == nil {
			return nil
		}
	}
	switch {
	case errors.Is(err, model.ErrConflict):
		return s.refuse(ctx, try, CauseReplayed, ErrCeremony)
	case errors.Is(err, model.ErrNotFound): // revoked since it was read
		return s.refuse(ctx, try, CauseRevokedPasskey, err)
	case err != nil:
		return fmt.Errorf("sign in %s: %w", try.identity, err)
	}
	return nil
}
