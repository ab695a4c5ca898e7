package directory

import (
	"context"
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
	return slices.DeleteFunc(keys, func(k model.Passkey) bool { return k.RevokedAt != 0 }), nil
}

// A PasskeyRef names a passkey of a person and who wants to change it.
type PasskeyRef struct {
	IdentityID model.IdentityID
	PasskeyID  model.PasskeyID
	Actor      string // empty: the operator
}

// RenamePasskey gives a passkey a name that its owner recognises. It returns
// model.ErrNotFound for a passkey that is not (any more) this person's.
func (s *Service) RenamePasskey(ctx context.Context, site *model.Site, ref PasskeyRef, name string) error {
	if err := checkText("name", name, maxPasskeyName); err != nil {
		return err
	}
	if err := s.owns(ctx, site, ref); err != nil {
		return err
	}
	d := s.deed(site, ref.Actor)
	err := s.store.RenamePasskey(ctx, site.Realm.ID, ref.PasskeyID, name, d.passkeyEffects("passkey.renamed", ref))
	if err != nil {
		return fmt.Errorf("rename passkey %s: %w", ref.PasskeyID, err)
	}
	return nil
}

// RevokePasskey makes a passkey useless and ends the sessions that it opened.
// Evidence that it signed stays valid. It returns model.ErrNotFound for a
// passkey that is not (any more) this person's.
func (s *Service) RevokePasskey(ctx context.Context, site *model.Site, ref PasskeyRef) error {
	if err := s.owns(ctx, site, ref); err != nil {
		return err
	}
	d := s.deed(site, ref.Actor)
	fx := d.passkeyEffects("passkey.revoked", ref)
	fx.Tell(site.Realm.ID, model.Ended{PasskeyID: ref.PasskeyID, IdentityID: ref.IdentityID, At: d.at}, d.at)
	err := s.store.RevokePasskey(ctx, site.Realm.ID, ref.PasskeyID, d.at, fx)
	if err != nil {
		return fmt.Errorf("revoke passkey %s: %w", ref.PasskeyID, err)
	}
	return nil
}

// owns holds a change to the person's own passkeys. A passkey never changes
// hands, so reading this beforehand is safe.
func (s *Service) owns(ctx context.Context, site *model.Site, ref PasskeyRef) error {
	keys, err := s.Passkeys(ctx, site, ref.IdentityID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(keys, func(k model.Passkey) bool { return k.ID == ref.PasskeyID }) {
		return fmt.Errorf("passkey %s of %s: %w", ref.PasskeyID, ref.IdentityID, model.ErrNotFound)
	}
	return nil
}

func (d deed) passkeyEffects(kind string, ref PasskeyRef) model.Effects {
	return model.Effects{
		Events:  []model.Event{d.event(kind, string(ref.PasskeyID), map[string]string{"identity": string(ref.IdentityID)})},
		Changes: []model.Change{d.identityChange(ref.IdentityID)},
	}
}
