package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/password"
	"github.com/assent-id/assent/internal/model"
)

// A WeakError refuses a password that is too easy to guess. It says why in words.
type WeakError struct{ Reason password.Weakness }

func (e *WeakError) Error() string { return "the password cannot be taken: " + string(e.Reason) }

// A NewPassword is one that an operator sets for a person.
type NewPassword struct {
	IdentityID model.IdentityID
	Password   string // empty: one is made
	Actor      string // empty: the operator
}

// SetPassword gives a person a password in place of the one before, whose sessions
// end, and returns it: nobody can read it again. It returns a [*WeakError],
// [ErrBusy], or model.ErrNotFound for an unknown person. The realm need not have
// passwords switched on yet.
func (s *Service) SetPassword(ctx context.Context, site *model.Site, n NewPassword) (string, error) {
	identity, err := s.store.Identity(ctx, site.Realm.ID, n.IdentityID)
	if err != nil {
		return "", fmt.Errorf("find identity %s: %w", n.IdentityID, err)
	}
	if n.Password == "" {
		n.Password = makePassword()
	}
	if weak := password.Check(n.Password, namesOf(identity)...); weak != "" {
		return "", &WeakError{weak}
	}
	leave, err := s.passwords.turn.enter(ctx)
	if err != nil {
		return "", err
	}
	hash := password.Hash(n.Password)
	leave()
	now := s.now()
	row := model.Password{RealmID: site.Realm.ID, IdentityID: identity.ID, Hash: hash, SetAt: now}
	fx := model.Effects{Events: []model.Event{s.passwordEvent(site, "password.set", n, now)}}
	if err := s.store.SetPassword(ctx, row, fx); err != nil {
		return "", err
	}
	return n.Password, s.endOpened(ctx, site, n)
}

// RemovePassword takes a person's password and ends the sessions that it opened;
// model.ErrNotFound if there is none.
func (s *Service) RemovePassword(ctx context.Context, site *model.Site, n NewPassword) error {
	fx := model.Effects{Events: []model.Event{s.passwordEvent(site, "password.removed", n, s.now())}}
	if err := s.store.RemovePassword(ctx, site.Realm.ID, n.IdentityID, fx); err != nil && !errors.Is(err, model.ErrNotFound) {
		return err
	} else if err != nil {
		return errors.Join(err, s.endOpened(ctx, site, n)) // in case that was cut off before
	}
	return s.endOpened(ctx, site, n)
}

// endOpened ends the sessions that a password of the person opened.
func (s *Service) endOpened(ctx context.Context, site *model.Site, n NewPassword) error {
	list, err := s.store.Sessions(ctx, site.Realm.ID, n.IdentityID, s.now())
	if err != nil {
		return err
	}
	var errs []error
	for _, session := range list {
		if session.OpenedBy("") && session.EndedAt == 0 {
			errs = append(errs, s.End(ctx, site, session, actorOf(n)))
		}
	}
	return errors.Join(errs...)
}

func (s *Service) passwordEvent(site *model.Site, kind string, n NewPassword, at model.Millis) model.Event {
	return model.Event{ID: model.EventID(ids.New("evt")), RealmID: site.Realm.ID, Type: kind,
		Actor: actorOf(n), Target: string(n.IdentityID), At: at}
}

func actorOf(n NewPassword) string {
	if n.Actor == "" {
		return "operator"
	}
	return n.Actor
}

// namesOf is what others call a person.
func namesOf(i model.Identity) []string {
	t := i.Traits
	mailbox, _, _ := strings.Cut(t.PrimaryEmailAddress, "@")
	return []string{t.Username, t.PrimaryEmailAddress, mailbox, i.DisplayName, t.GivenName, t.FamilyName, t.GivenName + t.FamilyName}
}

// makePassword makes one that can be read out: groups of letters and digits,
// 125 bits.
func makePassword() string {
	text := strings.ToLower(rand.Text())
	var groups []string
	for ; len(text) >= 5; text = text[5:] {
		groups = append(groups, text[:5])
	}
	return strings.Join(groups, "-")
}
