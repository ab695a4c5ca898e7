package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/assent-id/assent/internal/model"
)

const maxPasskeyName = 64

// Passkeys lists the passkeys with which a person can sign in, oldest first.
// Revoked ones are left out.
func (s *Service) Passkeys(ctx context.Context, site *model.Site, id model.IdentityID) ([]model.Passkey, error) {
	keys, err := s.store.Passkeys(ctx, site.Realm.ID, id)
	if err != nil {
		return nil, fmt.Errorf("list passkeys of %s: %w", id, err)
	}
	return living(keys), nil
}

// HadPasskey reports whether a person has or ever had a passkey: then a link binds
// another with a proof, or for recovery.
func (s *Service) HadPasskey(ctx context.Context, site *model.Site, id model.IdentityID) (bool, error) {
	keys, err := s.store.Passkeys(ctx, site.Realm.ID, id)
	if err != nil {
		return false, fmt.Errorf("list passkeys of %s: %w", id, err)
	}
	return len(keys) > 0, nil
}

// A PasskeyRef names a passkey of a person and who wants to change it.
type PasskeyRef struct {
	IdentityID model.IdentityID
	PasskeyID  model.PasskeyID
	Actor      string // empty: the operator
	// KeepOne refuses to revoke the only passkey that signs in to the realm's own pages
	// of a person who has no recovery code.
	KeepOne bool
}

// RenamePasskey gives a passkey a name that its owner recognises. It returns
// model.ErrNotFound for a passkey that is not (any more) this person's.
func (s *Service) RenamePasskey(ctx context.Context, site *model.Site, ref PasskeyRef, name string) error {
	if err := checkText("name", name, maxPasskeyName); err != nil {
		return err
	}
	if _, err := s.own(ctx, site, ref); err != nil {
		return err
	}
	d := s.deed(site, ref.Actor)
	err := s.store.RenamePasskey(ctx, site.Realm.ID, ref.PasskeyID, name, d.passkeyEffects("passkey.renamed", ref))
	if err != nil {
		return fmt.Errorf("rename passkey %s: %w", ref.PasskeyID, err)
	}
	return nil
}

// RevokePasskey makes a passkey useless, ends the sessions that it opened and takes
// back the open links of its person that are not for recovery. Evidence that it
// signed stays valid. The person is told, whoever did it. It returns [ErrLastAdmin],
// [ErrLastPasskey] as ref asks, or model.ErrNotFound for a passkey that is not (any
// more) this person's.
func (s *Service) RevokePasskey(ctx context.Context, site *model.Site, ref PasskeyRef) error {
	key, err := s.own(ctx, site, ref)
	if err != nil {
		return err
	}
	identity, err := s.Identity(ctx, site, ref.IdentityID)
	if err != nil {
		return err
	}
	d := s.deed(site, ref.Actor)
	fx := d.passkeyEffects("passkey.revoked", ref)
	fx.Tell(site.Realm.ID, model.Ended{PasskeyID: ref.PasskeyID, IdentityID: ref.IdentityID, At: d.at}, d.at)
	s.tell(d, &fx, identity, Notice{Kind: NoticePasskeyGone, Passkey: key.Name})
	end := PasskeyEnd{RealmID: site.Realm.ID, IdentityID: ref.IdentityID, ID: ref.PasskeyID, At: d.at,
		KeepAdmin: site.Realm.Default, KeepOne: ref.KeepOne, RPID: site.RPID}
	err = s.store.RevokePasskey(ctx, end, fx)
	if errors.Is(err, model.ErrConflict) {
		err = s.whyKept(ctx, site, end)
	}
	if err != nil {
		return fmt.Errorf("revoke passkey %s: %w", ref.PasskeyID, err)
	}
	return nil
}

// whyKept says what a passkey stayed for.
func (s *Service) whyKept(ctx context.Context, site *model.Site, e PasskeyEnd) error {
	if !e.KeepOne {
		return ErrLastAdmin
	}
	identity, err := s.Identity(ctx, site, e.IdentityID)
	if err != nil {
		return err
	}
	keys, err := s.Passkeys(ctx, site, e.IdentityID)
	if err != nil {
		return err
	}
	if e.KeepAdmin && manages(identity) && len(keys) == 1 {
		if last, err := s.store.LastAdmin(ctx, e.RealmID, e.IdentityID); err != nil || last {
			return errors.Join(err, ErrLastAdmin)
		}
	}
	return ErrLastPasskey
}

// own holds a change to the person's own passkeys. A passkey never changes hands, so
// reading this beforehand is safe.
func (s *Service) own(ctx context.Context, site *model.Site, ref PasskeyRef) (model.Passkey, error) {
	keys, err := s.Passkeys(ctx, site, ref.IdentityID)
	if err != nil {
		return model.Passkey{}, err
	}
	i := slices.IndexFunc(keys, func(k model.Passkey) bool { return k.ID == ref.PasskeyID })
	if i < 0 {
		return model.Passkey{}, fmt.Errorf("passkey %s of %s: %w", ref.PasskeyID, ref.IdentityID, model.ErrNotFound)
	}
	return keys[i], nil
}

func (d deed) passkeyEffects(kind string, ref PasskeyRef) model.Effects {
	return model.Effects{
		Events:  []model.Event{d.event(kind, string(ref.PasskeyID), map[string]string{"identity": string(ref.IdentityID)})},
		Changes: []model.Change{d.identityChange(ref.IdentityID)},
	}
}
