package application

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// A Static is an application that is kept elsewhere, in an operator's file or by a
// program at the management API: it has the id that it is given there, and is what
// is said there.
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
	// Origin is where it is kept; empty: in a file.
	Origin model.Origin
}

// A Change is what applying a file did to one application.
type Change struct {
	ID     model.ClientID
	Did    string // "created", "updated", "frozen" or "unchanged"
	Secret string // one that was made just now; nobody can read it again
	// Application as it is now; of one that was frozen, only its id.
	Application model.Application
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
		if ready[i], err = s.static(ctx, site, st); err != nil {
			return nil, fmt.Errorf("application %q: %w", st.ID, err)
		}
		if slices.ContainsFunc(ready[:i], func(a model.Application) bool { return a.ID == st.ID }) {
			return nil, fmt.Errorf("%w: %q is there twice", ErrInvalid, st.ID)
		}
	}
	changes := make([]Change, 0, len(list))
	for i, a := range ready {
		c, err := s.applyOne(ctx, a, upsert{secret: list[i].Secret, actor: "operator"})
		if err != nil {
			return changes, fmt.Errorf("application %s: %w", a.ID, err)
		}
		changes = append(changes, c)
	}
	gone, err := s.freezeMissing(ctx, site, ready)
	return append(changes, gone...), err
}

// static checks one and makes its row.
func (s *Service) static(ctx context.Context, site *model.Site, st Static) (model.Application, error) {
	if !staticID.MatchString(string(st.ID)) {
		return model.Application{}, fmt.Errorf("%w: an id has 1 to 63 lower-case letters, digits, dots and hyphens", ErrInvalid)
	}
	if model.BuiltIn(st.ID) {
		return model.Application{}, fmt.Errorf("%w: %w", ErrInvalid, ErrKeptElsewhere)
	}
	return s.rowOf(ctx, site, st)
}

// rowOf checks all but the id.
func (s *Service) rowOf(ctx context.Context, site *model.Site, st Static) (model.Application, error) {
	var a model.Application
	n := NewApplication{Name: st.Name, Kind: st.Kind, OwnerID: st.OwnerID, JWKS: st.JWKS, Settings: st.Settings}
	if err := n.validate(); err != nil {
		return a, err
	}
	if err := s.checkAuthenticator(ctx, site, &n.Settings); err != nil {
		return a, err
	}
	if st.Secret != "" && (!n.AuthMethod.Secret() || len(st.Secret) < minSecret) {
		return a, fmt.Errorf("%w: a secret has at least %d characters, and is for the methods that show one", ErrInvalid, minSecret)
	}
	now := model.MillisOf(s.cfg.Now())
	a = model.Application{RealmID: site.Realm.ID, ID: st.ID, Kind: n.Kind, Name: n.Name, Status: model.ApplicationActive,
		OwnerID: n.OwnerID, Settings: n.Settings, CreatedAt: now, Version: 1}
	a.Settings.Origin = cmp.Or(st.Origin, model.OriginFile)
	return a, addKeys(&a, st.JWKS, now)
}

// An upsert is how one application is brought to what is said of it.
type upsert struct {
	secret  string
	actor   string
	version int64 // that it must have; 0: any
	// status is what its status becomes; empty: it stays, but for one of a file,
	// which works because it is in there.
	status model.ApplicationStatus
}

// stands gives a registration what it does not say: how the application and its keys
// stood before. What somebody stopped is not active again because somebody else
// corrects its name.
func (u upsert) stands(a *model.Application, old model.Application) {
	a.CreatedAt, a.Version, a.TokensInvalidBefore = old.CreatedAt, old.Version, old.TokensInvalidBefore
	if a.Settings.Origin != model.OriginAPI {
		return
	}
	a.Status = cmp.Or(u.status, old.Status)
	for i := range a.Keys {
		for _, k := range old.Keys {
			if k.KID == a.Keys[i].KID {
				k.JWK = a.Keys[i].JWK
				a.Keys[i] = k
			}
		}
	}
}

// effects are one event for each thing that is different. lever is when what it
// stops is revoked.
func (u upsert) effects(a *model.Application, old model.Application, now, lever model.Millis) model.Effects {
	fx := by(u.actor, effects(*a, "application.updated", now))
	if a.Status == old.Status || a.Settings.Origin != model.OriginAPI {
		return fx
	}
	changed := by(u.actor, effects(*a, "application."+string(a.Status), now)).Events
	if a.Status != model.ApplicationActive {
		fx.Revocations = []model.Revocation{a.RevokeTokens(lever)}
	}
	if fx.Events = append(fx.Events, changed...); alike(*a, old) {
		fx.Events = changed
	}
	return fx
}

// alike reports whether two registrations say the same.
func alike(a, old model.Application) bool {
	return same(old, a) && sameSecrets(old, a) && old.OwnerID == a.OwnerID
}

// applyOne brings one application to what is said of it.
func (s *Service) applyOne(ctx context.Context, a model.Application, u upsert) (Change, error) {
	now, secret := a.CreatedAt, u.secret
	old, err := s.cfg.Store.Application(ctx, a.RealmID, a.ID)
	known := err == nil
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return Change{}, err
	}
	if u.version != 0 && (!known || old.Version != u.version) {
		return Change{}, ErrChanged
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
		a.Status = cmp.Or(u.status, a.Status)
		// What one of that id had, which was deleted, stays dead.
		if a.TokensInvalidBefore, err = s.cfg.Store.Revoked(ctx, a.RealmID, model.RevokeApplication, string(a.ID)); err != nil {
			return Change{}, fmt.Errorf("look for tokens of an earlier application %s: %w", a.ID, err)
		}
		c.Application = a
		return c, s.cfg.Store.CreateApplication(ctx, a, by(u.actor, effects(a, "application.created", now)))
	}
	if old.Settings.Origin != a.Settings.Origin {
		return Change{}, fmt.Errorf("%w: %w", ErrInvalid, ErrKeptElsewhere)
	}
	u.stands(&a, old)
	if alike(a, old) && old.Status == a.Status {
		return Change{ID: a.ID, Did: "unchanged", Application: old}, nil
	}
	c.Did = "updated"
	fx := renaming(u.effects(&a, old, now, s.lever()), pairwiseSector(&old.Settings), &a, s.lever())
	err = s.cfg.Store.UpdateRegistration(ctx, a, fx)
	a.Version++
	c.Application = a
	return c, err
}

var (
	// ErrKeptElsewhere: the id belongs to an application that came to be in another
	// way, and is changed there.
	ErrKeptElsewhere = errors.New("the id belongs to an application that is kept elsewhere")
	// ErrChanged: the application is not the version that was meant.
	ErrChanged = errors.New("the application was changed meanwhile")
)

// A Put is one application that a program at the management API keeps.
type Put struct {
	Static
	Version int64  // that it must have; 0: any, or none yet
	Actor   string // who does it
	// Status is what its status becomes; empty: it stays.
	Status model.ApplicationStatus
	// Made: its id is one that is made here, now or, where ID is set, before.
	Made bool
}

// Put makes an application what is said of it, or creates it: ErrInvalid,
// ErrChanged, ErrKeptElsewhere.
func (s *Service) Put(ctx context.Context, site *model.Site, p Put) (Change, error) {
	p.Origin = model.OriginAPI
	if p.Settings.Management { // it would give itself what it was not given
		return Change{}, fmt.Errorf("%w: management applications are made at the server itself", ErrInvalid)
	}
	if err := checkStatus(p.Status); p.Status != "" && err != nil {
		return Change{}, err
	}
	check := s.static
	if p.Made {
		check = s.rowOf
		p.ID = cmp.Or(p.ID, model.ClientID(ids.New(prefix(p.Kind))))
	}
	a, err := check(ctx, site, p.Static)
	if err != nil {
		return Change{}, err
	}
	c, err := s.applyOne(ctx, a, upsert{p.Secret, p.Actor, p.Version, p.Status})
	s.cache.Forget(string(site.Realm.ID) + "/" + string(a.ID))
	if errors.Is(err, model.ErrConflict) {
		return c, fmt.Errorf("%w: %w", ErrChanged, err)
	}
	return c, err
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
