package signin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
)

// Realms finds the realms of this server.
type Realms interface {
	ByID(context.Context, model.RealmID) (*model.Site, error) // model.ErrNotFound
}

// stranger refuses a passkey that opens nothing in this realm.
func (s *Service) stranger(ctx context.Context, try attempt, a *passkey.Assertion, err error) error {
	if s.revoked(ctx, try, a) {
		return s.refuse(ctx, try, CauseRevokedPasskey, err)
	}
	elsewhere, findErr := s.elsewhere(ctx, try, a.CredentialID)
	if findErr != nil {
		return findErr
	}
	if elsewhere {
		return s.refuse(ctx, try, CauseElsewhere, err)
	}
	return s.refuse(ctx, try, CauseUnknownPasskey, err)
}

// revoked tells a revoked passkey from one that was never here. Only the audit
// trail learns the difference.
func (s *Service) revoked(ctx context.Context, try attempt, a *passkey.Assertion) bool {
	keys, err := s.store.Passkeys(ctx, try.site.Realm.ID, model.IdentityID(a.UserHandle))
	if err != nil {
		return false
	}
	for _, k := range keys {
		if bytes.Equal(k.CredentialID, a.CredentialID) {
			return true
		}
	}
	return false
}

// elsewhere reports whether another realm of this server has the passkey and is
// the same relying party. Realms of one host share what a browser offers, so one
// picks the wrong realm's passkey easily, and a browser that is told that it is
// unknown deletes it (Web Authentication Level 3, Section 5.1.10.1). Whoever asks
// holds a credential id, which is random; they learn that it is good for
// something here, and not where or whose it is.
func (s *Service) elsewhere(ctx context.Context, try attempt, credentialID []byte) (bool, error) {
	homes, err := s.store.PasskeyHomes(ctx, credentialID)
	if err != nil {
		return false, fmt.Errorf("find passkey in other realms: %w", err)
	}
	for _, home := range homes {
		site, err := s.realms.ByID(ctx, home.RealmID)
		if errors.Is(err, model.ErrNotFound) {
			continue // deleted a moment ago
		}
		if err != nil {
			return false, fmt.Errorf("find realm of a passkey: %w", err)
		}
		key := model.Passkey{RPID: home.RPID}
		if site.Realm.ID != try.site.Realm.ID && key.For(try.rp.ID, site.RPID) {
			return true, nil
		}
	}
	return false, nil
}

// suspect refuses an answer whose counter did not grow (Web Authentication Level
// 3, Section 7.2, step 22), and has it noted where somebody looks for copies.
// That leaves out an answer that another may have overtaken on the way.
func (s *Service) suspect(ctx context.Context, try attempt, key model.Passkey, shown passkey.Result) error {
	if key.LastUsedAt > try.began {
		return s.refuse(ctx, try, CauseOvertaken, nil)
	}
	data, _ := json.Marshal(map[string]any{"identity": key.IdentityID, "during": "signin",
		"stored": key.SignCount, "shown": shown.SignCount}) // a map of texts and numbers always encodes
	event := try.event("passkey.clone_suspected", nil)
	event.Target, event.Data = string(key.ID), data
	try.also = append(try.also, event)
	return s.refuse(ctx, try, CauseClone, nil)
}
