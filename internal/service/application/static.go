package application

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// A Static is an application that an operator keeps in a file: it has the id
// that the file gives it, and is what the file says.
type Static struct {
	ID      model.ClientID
	Name    string
	Kind    model.ApplicationKind
	OwnerID model.IdentityID
	// Secret of the methods that show one, at least 32 characters; empty: one is
	// made when the application is new.
	Secret   string
	JWKS     []byte
	Settings model.ApplicationSettings
}

// A Change is what applying a file did to one application.
type Change struct {
	ID     model.ClientID
	Did    string // "created", "updated", "frozen" or "unchanged"
	Secret string // one that was made just now; nobody can read it again
}

// staticID keeps ids of files apart from those that are made here, which have an
// underscore, and from URLs.
var staticID = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,62}$`)

const minSecret = 32 // characters: it is stored under one fast hash

// Apply makes the realm's static applications those of the list: it creates what
// is new, updates what is different, and freezes those that came from a file
// before and are in it no more. Applying the same list again changes nothing.
// Nothing is written if one of the list is ErrInvalid.
func (s *Service) Apply(ctx context.Context, site *model.Site, list []Static) ([]Change, error) {
	ready := make([]model.Application, len(list))
	for i, st := range list {
		var err error
		if ready[i], err = s.static(site, st); err != nil {
			return nil, fmt.Errorf("application %q: %w", st.ID, err)
		}
		if slices.ContainsFunc(ready[:i], func(a model.Application) bool { return a.ID == st.ID }) {
			return nil, fmt.Errorf("%w: %q is there twice", ErrInvalid, st.ID)
		}
	}
	changes := make([]Change, 0, len(list))
	for i, a := range ready {
		c, err := s.applyOne(ctx, a, list[i].Secret)
		if err != nil {
			return changes, fmt.Errorf("application %s: %w", a.ID, err)
		}
		changes = append(changes, c)
	}
	gone, err := s.freezeMissing(ctx, site, ready)
	return append(changes, gone...), err
}

// static checks one and makes its row.
func (s *Service) static(site *model.Site, st Static) (model.Application, error) {
	var a model.Application
	if !staticID.MatchString(string(st.ID)) {
		return a, fmt.Errorf("%w: an id has 1 to 63 lower-case letters, digits, dots and hyphens", ErrInvalid)
	}
	n := NewApplication{Name: st.Name, Kind: st.Kind, OwnerID: st.OwnerID, JWKS: st.JWKS, Settings: st.Settings}
	if err := n.validate(); err != nil {
		return a, err
	}
	if st.Secret != "" && (!n.AuthMethod.Secret() || len(st.Secret) < minSecret) {
		return a, fmt.Errorf("%w: a secret has at least %d characters, and is for the methods that show one", ErrInvalid, minSecret)
	}
	now := model.MillisOf(s.cfg.Now())
	a = model.Application{RealmID: site.Realm.ID, ID: st.ID, Kind: n.Kind, Name: n.Name, Status: model.ApplicationActive,
		OwnerID: n.OwnerID, Settings: n.Settings, CreatedAt: now, Version: 1}
	a.Settings.Origin = model.OriginFile
	return a, addKeys(&a, st.JWKS, now)
}

// applyOne brings one application to what the file says.
func (s *Service) applyOne(ctx context.Context, a model.Application, secret string) (Change, error) {
	now := a.CreatedAt
	old, err := s.cfg.Store.Application(ctx, a.RealmID, a.ID)
	known := err == nil
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return Change{}, err
	}
	c := Change{ID: a.ID, Did: "created"}
	switch {
	case secret != "":
		a.Secrets = []model.ClientSecret{newSecret(secret, now)}
	case known:
		a.Secrets = old.Secrets
	}
	if a.Settings.AuthMethod.Secret() && len(a.Secrets) == 0 {
		c.Secret = ids.Secret()
		a.Secrets = []model.ClientSecret{newSecret(c.Secret, now)}
	}
	if !known {
		return c, s.cfg.Store.CreateApplication(ctx, a, effects(a, "application.created", now))
	}
	if old.Settings.Origin != model.OriginFile {
		return Change{}, fmt.Errorf("%w: the id belongs to an application that is in no file", ErrInvalid)
	}
	if same(old, a) && sameSecrets(old, a) && old.Status == a.Status && old.OwnerID == a.OwnerID {
		return Change{ID: a.ID, Did: "unchanged"}, nil
	}
	c.Did = "updated"
	a.CreatedAt, a.Version, a.TokensInvalidBefore = old.CreatedAt, old.Version, old.TokensInvalidBefore
	return c, s.cfg.Store.UpdateRegistration(ctx, a, effects(a, "application.updated", now))
}

func newSecret(text string, now model.Millis) model.ClientSecret {
	digest := ids.DigestOf(text)
	return model.ClientSecret{Digest: digest[:], CreatedAt: now}
}

func sameSecrets(a, b model.Application) bool {
	return slices.EqualFunc(a.Secrets, b.Secrets, func(x, y model.ClientSecret) bool { return bytes.Equal(x.Digest, y.Digest) })
}

// freezeMissing stops what is in the file no more. It is not deleted: what people
// agreed to, and the audit trail, still mean it.
func (s *Service) freezeMissing(ctx context.Context, site *model.Site, keep []model.Application) ([]Change, error) {
	all, err := s.cfg.Store.Applications(ctx, site.Realm.ID)
	if err != nil {
		return nil, fmt.Errorf("list applications: %w", err)
	}
	var gone []Change
	for _, a := range all {
		kept := slices.ContainsFunc(keep, func(k model.Application) bool { return k.ID == a.ID })
		if a.Settings.Origin != model.OriginFile || kept || a.Status != model.ApplicationActive {
			continue
		}
		if err := s.SetStatus(ctx, site, a.ID, model.ApplicationFrozen, "operator"); err != nil {
			return gone, err
		}
		gone = append(gone, Change{ID: a.ID, Did: "frozen"})
	}
	return gone, nil
}
