package application

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/model"
)

const (
	// RetireAfter is how long a key still works after it was rotated, unless
	// somebody says otherwise.
	RetireAfter = 24 * time.Hour
	// MaxRetireAfter is the longest that it may.
	MaxRetireAfter = 30 * 24 * time.Hour

	maxRetired  = 10 // keys that are listed for those who look back
	maxRetiring = 10
)

// Refusals of changes of keys.
var (
	// ErrKeysElsewhere: the keys of the client are at its jwks_uri, and are rotated
	// there.
	ErrKeysElsewhere = errors.New("the keys of this client are at its jwks_uri")
	// ErrLastKey: without this key the client could not authenticate.
	ErrLastKey = errors.New("this is the last key of the client that works")
	// ErrKeyTaken: the client has, or had, this key.
	ErrKeyTaken = errors.New("the client has, or had, this key or one with its kid")
	// ErrManyKeys: too many keys are being retired.
	ErrManyKeys = errors.New("too many keys of the client are being retired")
)

// A Rotation gives a service client a new key.
type Rotation struct {
	ID          model.ClientID
	Version     int64         // that the client must have; 0: any
	RetireAfter time.Duration // how long the key before still works; 0: not at all
	KeyAlg      string        // ES256 or EdDSA; empty: ES256
	JWK         []byte        // the new public key; empty: one is made
	Actor       string
}

// RotateKeys gives a service client a new key, which works at once. Those that it
// has go on for RetireAfter, or shorter if they were being retired before:
// ErrInvalid, ErrKeysElsewhere, ErrKeyTaken, ErrManyKeys, model.ErrNotFound. Of
// two at once one is ErrChanged.
func (s *Service) RotateKeys(ctx context.Context, site *model.Site, r Rotation) (Keyed, error) {
	if r.RetireAfter < 0 || r.RetireAfter > MaxRetireAfter {
		return Keyed{}, fmt.Errorf("%w: a key is retired after at most 30 days", ErrInvalid)
	}
	public, private, err := newKey(r.JWK, r.KeyAlg)
	if err != nil {
		return Keyed{}, err
	}
	fresh := model.Application{}
	if err := addKeys(&fresh, slices.Concat([]byte(`{"keys":[`), public.JSON(), []byte(`]}`)), 0); err != nil {
		return Keyed{}, err
	}
	a, err := s.changeKeys(ctx, site, keyChange{r.ID, r.Version, func(a *model.Application, now model.Millis) (model.Effects, error) {
		key := fresh.Keys[0]
		if err := takesKey(a, key); err != nil {
			return model.Effects{}, err
		}
		key.CreatedAt = now
		for i := range a.Keys {
			retire(&a.Keys[i], now, now.Add(r.RetireAfter))
			key.CreatedAt = max(key.CreatedAt, a.Keys[i].CreatedAt+1) // they are told apart by it
		}
		a.Keys = append(a.Keys, key)
		if err := forgetRetired(a); err != nil {
			return model.Effects{}, err
		}
		return about(by(r.Actor, effects(*a, "service_client.keys_rotated", now)), key), nil
	}})
	return Keyed{a, private}, err
}

// retire ends a key at an instant, unless it ends before.
func retire(k *model.ClientKey, now, at model.Millis) {
	switch k.StatusAt(now) {
	case model.KeyActive:
		k.Status, k.RetireAt = model.KeyRetiring, at
	case model.KeyRetiring: // an older key does not outlive a newer one
		k.RetireAt = min(k.RetireAt, at)
	}
	k.Status = k.StatusAt(now)
}

// takesKey refuses a key that the client has already: one that was retired would
// work again by it.
func takesKey(a *model.Application, key model.ClientKey) error {
	fresh, err := ownKey(key.JWK)
	if err != nil {
		return err
	}
	for _, k := range a.Keys {
		old, err := ownKey(k.JWK)
		if k.KID == key.KID || err == nil && old.Thumbprint() == fresh.Thumbprint() {
			return ErrKeyTaken
		}
	}
	return nil
}

// forgetRetired drops the oldest of those that are retired. Keys are in the order
// in which they came.
func forgetRetired(a *model.Application) error {
	counts := map[model.KeyStatus]int{}
	for _, k := range a.Keys {
		counts[k.Status]++
	}
	if counts[model.KeyRetiring] > maxRetiring {
		return ErrManyKeys
	}
	a.Keys = slices.DeleteFunc(a.Keys, func(k model.ClientKey) bool {
		if k.Status != model.KeyRetired || counts[model.KeyRetired] <= maxRetired {
			return false
		}
		counts[model.KeyRetired]--
		return true
	})
	return nil
}

// A KeyEnd retires one key of a service client.
type KeyEnd struct {
	ID      model.ClientID
	KID     model.ClientKeyID
	Version int64 // that the client must have; 0: any
	Actor   string
}

// RetireKey refuses a key from now on: ErrLastKey, ErrChanged, model.ErrNotFound.
// One that is retired stays so.
func (s *Service) RetireKey(ctx context.Context, site *model.Site, e KeyEnd) (model.Application, error) {
	return s.changeKeys(ctx, site, keyChange{e.ID, e.Version, func(a *model.Application, now model.Millis) (model.Effects, error) {
		i := slices.IndexFunc(a.Keys, func(k model.ClientKey) bool { return k.KID == e.KID })
		if i < 0 {
			return model.Effects{}, fmt.Errorf("key of %s: %w", e.ID, model.ErrNotFound)
		}
		if !a.Keys[i].UsableAt(now) {
			return model.Effects{}, nil
		}
		a.Keys[i].Status, a.Keys[i].RetireAt = model.KeyRetired, now
		if !slices.ContainsFunc(a.Keys, func(k model.ClientKey) bool { return k.UsableAt(now) }) {
			return model.Effects{}, ErrLastKey
		}
		return about(by(e.Actor, effects(*a, "service_client.key_retired", now)), a.Keys[i]), nil
	}})
}

// A keyChange changes keys of a service client. It wants no effects where there is
// nothing to change.
type keyChange struct {
	id      model.ClientID
	version int64 // 0: any
	do      func(*model.Application, model.Millis) (model.Effects, error)
}

// changeKeys writes the keys if nobody has changed the client since it was read.
// It is not tried anew: whoever was first may have meant it otherwise.
func (s *Service) changeKeys(ctx context.Context, site *model.Site, c keyChange) (model.Application, error) {
	a, err := s.ReadServiceClient(ctx, site, c.id)
	if err != nil {
		return a, err
	}
	switch {
	case c.version != 0 && c.version != a.Version:
		return a, ErrChanged
	case a.Settings.JWKSURI != "":
		return a, ErrKeysElsewhere
	}
	fx, err := c.do(&a, model.MillisOf(s.cfg.Now()))
	if err != nil || len(fx.Events) == 0 {
		return a, err
	}
	err = s.cfg.Store.UpdateRegistration(ctx, a, fx)
	s.cache.Forget(string(a.RealmID) + "/" + string(a.ID))
	if errors.Is(err, model.ErrConflict) {
		return a, fmt.Errorf("%w: %w", ErrChanged, err)
	}
	if err != nil {
		return a, fmt.Errorf("change the keys of application %s: %w", a.ID, err)
	}
	a.Version++
	return a, nil
}

// ListedKeys are the keys of a service client for those who manage it, the newest
// first: those that work, and the last of those that are retired.
func ListedKeys(a *model.Application, now model.Millis) []model.ClientKey {
	var list []model.ClientKey
	retired := 0
	for _, k := range slices.Backward(a.Keys) {
		if k.Status = k.StatusAt(now); k.Status == model.KeyRetired {
			retired++
		}
		if k.Status != model.KeyRetired || retired <= maxRetired {
			list = append(list, k)
		}
	}
	return list
}

// StillUsed reports whether a key that is being retired was used since: its client
// has not changed to the new one yet.
func StillUsed(a *model.Application, k model.ClientKey, now model.Millis) bool {
	if k.StatusAt(now) != model.KeyRetiring {
		return false
	}
	var since model.Millis // the key after it came when it was rotated
	for _, other := range a.Keys {
		if other.CreatedAt > k.CreatedAt && (since == 0 || other.CreatedAt < since) {
			since = other.CreatedAt
		}
	}
	return k.LastUsedAt > since
}
