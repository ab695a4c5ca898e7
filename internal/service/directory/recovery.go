package directory

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// Recovery codes are the way back in for somebody who has lost every passkey: each
// works once, and buys a link that binds a new one.

// ErrRecovery: no such person, no such code, or it was used. Nobody learns which.
var ErrRecovery = errors.New("recovery code is not valid")

// A TriesError refuses recovery codes, right or wrong, after too many tries.
type TriesError struct{ Wait time.Duration }

func (e *TriesError) Error() string { return "too many recovery codes" }

// RecoveryState says what recovery codes a person has. All zero: none.
type RecoveryState struct {
	Left, Total int
	CreatedAt   model.Millis
}

// A RecoveryAnswer is what the form of the recovery page brings.
type RecoveryAnswer struct {
	Login     string // username or e-mail address
	Code      string // case, spaces and hyphens do not matter
	Address   string // of the browser; may be empty
	UserAgent string // the audit trail keeps the beginning
}

const (
	recoveryCodes = 10
	codeLen       = 16 // characters of five bits
)

// crockford is the alphabet of Douglas Crockford's base32: nobody can take one of
// its characters for another, nor read a word in it.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newRecoveryCode is 80 random bits.
func newRecoveryCode() string {
	var b [codeLen]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	for i := range b {
		b[i] = crockford[b[i]&31]
	}
	return string(b[:])
}

// grouped is a code as it is shown: XXXX-XXXX-XXXX-XXXX.
func grouped(code string) string {
	return code[:4] + "-" + code[4:8] + "-" + code[8:12] + "-" + code[12:]
}

// readCode is what somebody meant by what they typed, empty where it is no code.
// Crockford's base32 reads O as 0, and I and L as 1.
func readCode(typed string) string {
	if len(typed) > maxLogin {
		return ""
	}
	code := strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '\t' || r == '\u00a0' || r == '-' || r >= '\u2010' && r <= '\u2015':
			return -1
		case r >= 'a' && r <= 'z':
			r -= 'a' - 'A'
		}
		switch r {
		case 'O':
			return '0'
		case 'I', 'L':
			return '1'
		}
		return r
	}, typed)
	if len(code) != codeLen || strings.Trim(code, crockford) != "" {
		return ""
	}
	return code
}

// codeDigest is the only form in which a code is stored. A plain hash will do: a
// code has 80 random bits, so that whoever has the digest would try 2^79 of them,
// and a slow hash would only slow us down. The person is in it, so that codes are
// told apart by person, and one table of hashes serves for nobody else.
func codeDigest(id model.IdentityID, code string) []byte {
	sum := sha256.Sum256([]byte("assent.recovery.v1 " + string(id) + " " + code))
	return sum[:]
}

// NewRecoveryCodes makes 10 codes in place of those before, and returns them this
// once. The person is told. It returns a [*TooOftenError] or model.ErrNotFound.
func (s *Service) NewRecoveryCodes(ctx context.Context, site *model.Site, id model.IdentityID, actor string) ([]string, error) {
	identity, err := s.Identity(ctx, site, id)
	if err != nil {
		return nil, err
	}
	d := s.deed(site, actor)
	if err := s.quotas.often(d, "codes", id); err != nil {
		return nil, err
	}
	shown, kept := make([]string, recoveryCodes), make([]model.RecoveryCode, recoveryCodes)
	for i := range kept {
		code := newRecoveryCode()
		shown[i] = grouped(code)
		kept[i] = model.RecoveryCode{RealmID: site.Realm.ID, IdentityID: id, Digest: codeDigest(id, code), CreatedAt: d.at}
	}
	fx := model.Effects{Events: []model.Event{d.event("recovery_codes.created", string(id), nil)}}
	s.tell(d, &fx, identity, Notice{Kind: NoticeCodesMade})
	if err := s.store.ReplaceRecoveryCodes(ctx, site.Realm.ID, id, kept, fx); err != nil {
		return nil, fmt.Errorf("make recovery codes of %s: %w", id, err)
	}
	return shown, nil
}

// RecoveryCodes says how many codes a person has left.
func (s *Service) RecoveryCodes(ctx context.Context, site *model.Site, id model.IdentityID) (RecoveryState, error) {
	codes, err := s.store.RecoveryCodes(ctx, site.Realm.ID, id)
	if err != nil {
		return RecoveryState{}, fmt.Errorf("read recovery codes of %s: %w", id, err)
	}
	state := RecoveryState{Total: len(codes)}
	for _, c := range codes {
		state.CreatedAt = max(state.CreatedAt, c.CreatedAt)
		if c.UsedAt == 0 {
			state.Left++
		}
	}
	return state, nil
}

// RemoveRecoveryCodes takes a person's codes away; model.ErrNotFound if there are
// none.
func (s *Service) RemoveRecoveryCodes(ctx context.Context, site *model.Site, id model.IdentityID, actor string) error {
	d := s.deed(site, actor)
	fx := model.Effects{Events: []model.Event{d.event("recovery_codes.removed", string(id), nil)}}
	if err := s.store.RemoveRecoveryCodes(ctx, site.Realm.ID, id, fx); err != nil {
		return fmt.Errorf("remove recovery codes of %s: %w", id, err)
	}
	return nil
}

// recoveryLimits bound tries. Nobody guesses 80 bits; they keep a flood of guesses
// from the database, and from the audit trail. They go by what is typed and by where
// it comes from, never by whom it means: a limit of each person would tell who there
// is, and let strangers keep somebody out who tries from elsewhere.
type recoveryLimits struct{ logins, places, realms *limit.Keyed }

const (
	recoveryWindow = 15 * time.Minute
	triesOfLogin   = 10 // from one network
	triesOfPlace   = 30
	triesOfRealm   = 6000 // far beyond what its people need
)

func newRecoveryLimits() recoveryLimits {
	keyed := func(n, keys int) *limit.Keyed { return limit.NewKeyed(limit.Per(n, recoveryWindow), keys) }
	return recoveryLimits{logins: keyed(triesOfLogin, 1<<16), places: keyed(triesOfPlace, 1<<16), realms: keyed(triesOfRealm, 1<<14)}
}

// allow takes a try from each allowance, or from none. It asks the database nothing.
func (l recoveryLimits) allow(site *model.Site, a RecoveryAnswer, at time.Time) (good func(), err error) {
	realm := string(site.Realm.ID)
	place := realm + " " + limit.Network(a.Address)
	typed := ids.DigestOf(model.FoldName(a.Login))
	var taken []func()
	undo := func() {
		for _, back := range taken {
			back()
		}
	}
	for _, one := range []struct {
		allowance *limit.Keyed
		key       string
	}{{l.places, place}, {l.logins, place + " " + string(typed[:])}, {l.realms, realm}} {
		wait, ok := one.allowance.Allow(one.key, at)
		if !ok {
			undo()
			return nil, &TriesError{wait}
		}
		taken = append(taken, func() { one.allowance.Return(one.key) })
	}
	return undo, nil
}

// Recover uses a code up and gives a link for it that binds a passkey without a
// proof, for 10 minutes. It returns [ErrRecovery] or a [*TriesError]; any other
// error is ours. Whoever is nobody, is suspended or has no codes costs the same
// questions to the database as everybody.
func (s *Service) Recover(ctx context.Context, site *model.Site, a RecoveryAnswer) (Binding, error) {
	good, err := s.recoveries.allow(site, a, s.now().Time())
	if err != nil {
		return Binding{}, err
	}
	identity, err := s.claimed(ctx, site, a.Login)
	if err != nil {
		return Binding{}, err
	}
	d := s.deed(site, string(identity.ID))
	b, err := s.redeem(ctx, d, identity, a)
	if err == nil {
		good()
	}
	return b, err
}

// claimed is whom a login means. Who may not do anything now is nobody here.
func (s *Service) claimed(ctx context.Context, site *model.Site, login string) (model.Identity, error) {
	identity, err := s.Find(ctx, site, login)
	if errors.Is(err, model.ErrNotFound) {
		return model.Identity{}, nil
	}
	if err != nil {
		return identity, err
	}
	_, err = s.gate.Person(ctx, site, identity)
	if _, closed := errors.AsType[*gate.Refusal](err); closed {
		return model.Identity{}, nil
	}
	return identity, err
}

// redeem changes a code for a job. The database decides: of all who bring one code,
// one gets a link.
func (s *Service) redeem(ctx context.Context, d deed, identity model.Identity, a RecoveryAnswer) (Binding, error) {
	token := ids.Secret()
	job := d.job(NewBinding{IdentityID: identity.ID, ExpiresAt: d.at.Add(selfLinkLife), Method: model.DeliverSelf, Recovery: true}, token)
	code := model.RecoveryCode{RealmID: d.site.Realm.ID, IdentityID: identity.ID, UsedAt: d.at,
		Digest: codeDigest(identity.ID, readCode(a.Code))}
	about := map[string]string{"binding_job": string(job.ID), "user_agent": model.Printable(a.UserAgent, 200)}
	fx := model.Effects{Events: []model.Event{
		d.event("recovery_code.used", string(identity.ID), about),
		d.event("binding_job.created", string(job.ID), map[string]string{"identity": string(identity.ID),
			"delivery_method": job.DeliveryMethod, "proof": job.Proof}),
	}}
	s.tell(d, &fx, identity, Notice{Kind: NoticeRecoveryUsed, Job: job.ID})
	err := s.store.UseRecoveryCode(ctx, code, job, fx)
	if errors.Is(err, model.ErrNotFound) {
		return Binding{}, s.refuseRecovery(ctx, d)
	}
	if err != nil {
		return Binding{}, fmt.Errorf("use a recovery code of %s: %w", identity.ID, err)
	}
	return Binding{Job: job, Link: link(d.site, token)}, nil
}

// refuseRecovery leaves a line in the audit trail. It never says what was typed.
func (s *Service) refuseRecovery(ctx context.Context, d deed) error {
	target := d.actor
	if target == operator { // nobody of that name
		d.actor, target = "", ""
	}
	if err := s.store.RecordEvents(ctx, []model.Event{d.event("recovery_code.refused", target, nil)}); err != nil {
		s.log.WarnContext(ctx, "record refused recovery code", "error", err)
	}
	return ErrRecovery
}
