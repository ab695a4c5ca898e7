package signin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/format/password"
	"github.com/assent-id/assent/internal/model"
)

// Passwords are the optional second way in, for realms that switch it on. They
// are guessed, so: the answer and its time are the same for people who do not
// exist, have no password or have another; each wrong one makes the next wait
// longer; and what a password opens never counts as a passkey.

var (
	// ErrPasswordsOff: the realm takes no passwords.
	ErrPasswordsOff = errors.New("passwords are off in this realm")
	// ErrBusy: too many passwords are being looked at. Trying again helps.
	ErrBusy = errors.New("too many passwords at once")
)

// A TriesError refuses passwords, right or wrong, after too many wrong ones.
type TriesError struct{ Wait time.Duration }

func (e *TriesError) Error() string { return "too many wrong passwords" }

// A PasswordAnswer is what the form of the sign-in page brings.
type PasswordAnswer struct {
	Login     string // username or e-mail address
	Password  string
	Address   string // of the browser; may be empty
	UserAgent string // kept with the session, so that people recognise it
	Cookie    string // as in [Answer]
}

// SignInWithPassword opens a session without a passkey. It returns
// [ErrPasswordsOff], [ErrBusy], a [*TriesError] or a [*Refused]; any other error
// is ours.
func (s *Service) SignInWithPassword(ctx context.Context, site *model.Site, a PasswordAnswer) (SignedIn, error) {
	if !site.Realm.Policy.Passwords {
		return SignedIn{}, ErrPasswordsOff
	}
	known, err := s.known(ctx, site, a.Login)
	if err != nil {
		return SignedIn{}, err
	}
	try := attempt{site: site, at: s.now(), identity: known.identity.ID, bucket: "password " + limit.Network(a.Address)}
	good, err := s.guess(try, a)
	if err != nil {
		return SignedIn{}, err
	}
	use, err := s.compare(ctx, try, known, a.Password)
	if errors.Is(err, ErrBusy) || ctx.Err() != nil {
		good() // it was not looked at
	}
	if err != nil {
		return SignedIn{}, err
	}
	revoked, err := s.gateOf(ctx, try, known.identity)
	if err != nil {
		return SignedIn{}, err
	}
	good()
	cookie, session := s.NewSession(model.Session{RealmID: site.Realm.ID, IdentityID: known.identity.ID,
		AuthTime: try.at.After(revoked), UserAgent: a.UserAgent})
	session.ID = s.stays(ctx, site, a.Cookie, session)
	return SignedIn{Cookie: cookie, Session: session}, s.commitPassword(ctx, try, session, use)
}

// A knownPerson is whom a login means, and the hash to compare with. Where there is
// no such person or no password, it is a hash that no password has.
type knownPerson struct {
	identity model.Identity
	hash     string
}

const maxLogin = 320 // bytes

// known looks the same number of times whether or not there is anybody.
func (s *Service) known(ctx context.Context, site *model.Site, login string) (knownPerson, error) {
	folded := model.FoldName(login)
	if len(folded) > maxLogin || !utf8.ValidString(folded) || strings.Contains(folded, "\x00") {
		folded = ""
	}
	found := knownPerson{hash: decoy()}
	identity, err := s.store.IdentityByLogin(ctx, site.Realm.ID, folded)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return found, fmt.Errorf("find identity by login: %w", err)
	}
	if err == nil && folded != "" {
		found.identity = identity
	}
	kept, err := s.store.Password(ctx, site.Realm.ID, found.identity.ID)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return found, fmt.Errorf("read password of %s: %w", found.identity.ID, err)
	}
	if err == nil {
		found.hash = kept.Hash
	}
	return found, nil
}

// compare holds the password against the hash, in its turn.
func (s *Service) compare(ctx context.Context, try attempt, known knownPerson, text string) (model.PasswordUse, error) {
	use := model.PasswordUse{RealmID: try.site.Realm.ID, IdentityID: known.identity.ID, Was: known.hash, Now: known.hash, At: try.at}
	if len(text) > password.MaxBytes {
		text = "" // hashed all the same; nobody's
	}
	leave, err := s.passwords.turn.enter(ctx)
	if err != nil {
		return use, err
	}
	defer leave()
	ok, stale, err := password.Matches(known.hash, text)
	if err != nil {
		return use, fmt.Errorf("compare password of %s: %w", known.identity.ID, err)
	}
	if !ok || known.identity.ID == "" {
		return use, s.refuse(ctx, try, CausePassword, nil)
	}
	if stale {
		use.Now = password.Hash(text)
	}
	return use, nil
}

func (s *Service) commitPassword(ctx context.Context, try attempt, session model.Session, use model.PasswordUse) error {
	event := try.event("signin.succeeded", map[string]string{"method": "password", "session": string(session.ID)})
	err := s.store.SignInWithPassword(ctx, session, use, model.Effects{Events: []model.Event{event}})
	switch {
	case errors.Is(err, model.ErrCommitUnknown):
		// The session is ours alone: if it is there, this transaction was.
		if _, readErr := s.store.SessionByDigest(ctx, session.RealmID, session.Digest); readErr == nil {
			return nil
		}
	case errors.Is(err, model.ErrNotFound), errors.Is(err, model.ErrConflict): // changed since it was compared, or the session ended
		return s.refuse(ctx, try, CausePassword, err)
	}
	if err != nil {
		return fmt.Errorf("sign in %s: %w", try.identity, err)
	}
	return nil
}
