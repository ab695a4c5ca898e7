package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

const (
	// touchEvery bounds how often use of a session is written down.
	touchEvery = time.Minute
	cookieLen  = 43 // of ids.Secret
	maxAgent   = 256
)

// NewSession makes a session out of its realm, identity, passkey, AuthTime and
// user agent, and the cookie that opens it. It stores nothing: whoever has the
// proof stores the session together with it.
func (s *Service) NewSession(session model.Session) (cookie string, _ model.Session) {
	cookie = ids.Secret()
	digest := ids.DigestOf(cookie)
	session.ID = model.SessionID(ids.New("ses"))
	session.Digest = digest[:]
	session.LastSeenAt = session.AuthTime
	session.ExpiresAt = session.AuthTime.Add(s.absolute)
	session.IdleUntil = s.idleUntil(session, session.AuthTime)
	session.UserAgent = model.Printable(session.UserAgent, maxAgent)
	return cookie, session
}

// idleUntil is when the session dies unless it is used after now.
func (s *Service) idleUntil(session model.Session, now model.Millis) model.Millis {
	return min(now.Add(s.idle), session.ExpiresAt)
}

// Session finds the live session of a cookie and its person, and notes the use
// at most once a minute. It returns [ErrNoSession] where there is none: every
// cause looks the same to the browser.
func (s *Service) Session(ctx context.Context, site *model.Site, cookie string) (model.Session, model.Identity, error) {
	now := s.now()
	if len(cookie) != cookieLen {
		return model.Session{}, model.Identity{}, ErrNoSession
	}
	digest := ids.DigestOf(cookie)
	session, identity, err := s.store.SessionWithIdentity(ctx, site.Realm.ID, digest[:])
	if errors.Is(err, model.ErrNotFound) {
		return model.Session{}, model.Identity{}, ErrNoSession
	}
	if err != nil {
		return model.Session{}, model.Identity{}, fmt.Errorf("find session: %w", err)
	}
	if !session.Alive(now) {
		return model.Session{}, model.Identity{}, fmt.Errorf("%w: %s is over", ErrNoSession, session.ID)
	}
	if err := s.goesOn(ctx, site, session, identity); err != nil {
		return model.Session{}, model.Identity{}, err
	}
	s.touch(ctx, &session, now)
	return session, identity, nil
}

func (s *Service) find(ctx context.Context, site *model.Site, cookie string) (model.Session, error) {
	if len(cookie) != cookieLen {
		return model.Session{}, ErrNoSession
	}
	digest := ids.DigestOf(cookie)
	session, err := s.store.SessionByDigest(ctx, site.Realm.ID, digest[:])
	if errors.Is(err, model.ErrNotFound) {
		return model.Session{}, ErrNoSession
	}
	if err != nil {
		return model.Session{}, fmt.Errorf("find session: %w", err)
	}
	return session, nil
}

// goesOn lets a person go on if they may do anything now, and if nobody said
// since they signed in that what they had until then is void.
func (s *Service) goesOn(ctx context.Context, site *model.Site, session model.Session, identity model.Identity) error {
	if session.AuthTime <= max(identity.TokensInvalidBefore, site.Realm.TokensInvalidBefore) {
		return fmt.Errorf("%w: sessions of %s were revoked", ErrNoSession, session.IdentityID)
	}
	if session.OpenedBy("") && !site.Realm.Policy.Passwords {
		return fmt.Errorf("%w: passwords were switched off", ErrNoSession)
	}
	_, err := s.gate.Person(ctx, site, identity)
	if _, ok := closed(err); ok {
		return fmt.Errorf("%w: %w", ErrNoSession, err)
	}
	return err
}

// touch moves the idle deadline. A use that cannot be written down still
// counts: the session only dies a little earlier.
func (s *Service) touch(ctx context.Context, session *model.Session, now model.Millis) {
	if now < session.LastSeenAt.Add(touchEvery) {
		return
	}
	idle := s.idleUntil(*session, now)
	if err := s.store.TouchSession(ctx, session.RealmID, session.ID, now, idle); err != nil {
		s.log.WarnContext(ctx, "touch session", slog.String("session", string(session.ID)), slog.Any("error", err))
		return
	}
	session.LastSeenAt, session.IdleUntil = now, idle
}

// SignOut ends the session of a cookie. A cookie that opens nothing, or nothing
// any more, is no error.
func (s *Service) SignOut(ctx context.Context, site *model.Site, cookie string) error {
	session, err := s.find(ctx, site, cookie)
	if errors.Is(err, ErrNoSession) || session.EndedAt != 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return s.End(ctx, site, session, string(session.IdentityID))
}

// End ends a session, with what was given to last as long as it, and has the
// applications told that were used in it. Ending it again is no error. actor is
// who does it.
func (s *Service) End(ctx context.Context, site *model.Site, session model.Session, actor string) error {
	now := s.now()
	event := attempt{site: site, at: now, identity: session.IdentityID}.
		event("session.ended", map[string]string{"session": string(session.ID)})
	event.Actor = actor
	fx := model.Effects{Events: []model.Event{event}}
	fx.Tell(site.Realm.ID, model.Ended{SessionID: session.ID, IdentityID: session.IdentityID, At: now}, now)
	err := s.store.EndSession(ctx, site.Realm.ID, session.ID, now, fx)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return fmt.Errorf("end session %s: %w", session.ID, err)
	}
	return nil
}
