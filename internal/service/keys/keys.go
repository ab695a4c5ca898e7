// Package keys owns the signing keys of realms: made here, sealed at rest
// under the key-encryption key, published before they sign, and published
// after they signed for as long as a token of theirs can live.
//
// If this package is wrong, tokens cannot be verified, or a stolen database
// can sign.
package keys

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/format/seal"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
)

// ErrNoKey: the realm has no active key of the algorithm.
var ErrNoKey = errors.New("no active signing key")

// purpose binds sealed private keys to their use; the associated data binds
// them to realm and kid, so that no row can stand in for another.
const purpose = "signing-key"

// Config is what a Service needs.
type Config struct {
	Store   Store
	Hub     *hub.Hub
	Keyring *seal.Keyring
	Now     func() time.Time
	// PublishAhead is how long a new key is in the JWKS before it signs.
	// Default: 1 hour, longer than anybody should cache a JWKS.
	PublishAhead time.Duration
	// Lifetime is how long a key signs before the next one is prepared.
	// Default: 90 days.
	Lifetime time.Duration
	// LongestToken is how long after retirement a key stays published.
	// Default: 24 hours.
	LongestToken time.Duration
}

// A Service signs for realms and publishes their keys.
type Service struct {
	cfg     Config
	cache   *hub.Cache[*keySet]
	secrets *hub.Cache[[]byte] // by realm id "/" name
}

// New fills in defaults and listens for changes.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.PublishAhead = orDefault(cfg.PublishAhead, time.Hour)
	cfg.Lifetime = orDefault(cfg.Lifetime, 90*24*time.Hour)
	cfg.LongestToken = orDefault(cfg.LongestToken, 24*time.Hour)
	s := &Service{cfg: cfg}
	s.cache = hub.NewCache(10_000, s.load)
	s.secrets = hub.NewCache(50_000, s.loadSecret)
	if cfg.Hub != nil {
		cfg.Hub.Listen(model.TopicKeys, func(c model.Change) { s.cache.Forget(c.Key) })
		cfg.Hub.OnResync(s.cache.Clear)
	}
	return s
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// A keySet is one realm's keys, opened and parsed once.
type keySet struct {
	rows      []model.SigningKey
	active    map[jose.Alg]*jose.PrivateKey
	public    map[string]*jose.PublicKey // by kid, of the published ones
	published []byte                     // JWKS of what may still verify a live token
	evidence  []byte                     // JWKS of every key there ever was
	renewAt   model.Millis               // when published changes by itself; 0: never
}

func (s *Service) load(ctx context.Context, realm string) (*keySet, error) {
	rows, err := s.cfg.Store.SigningKeys(ctx, model.RealmID(realm))
	if err != nil {
		return nil, fmt.Errorf("load signing keys of %s: %w", realm, err)
	}
	set := &keySet{rows: rows, active: map[jose.Alg]*jose.PrivateKey{}, public: map[string]*jose.PublicKey{}}
	now := model.MillisOf(s.cfg.Now())
	for _, row := range rows {
		if err := s.add(set, row, now); err != nil {
			return nil, fmt.Errorf("signing key %s: %w", row.KID, err)
		}
	}
	set.published = jwks(rows, func(k model.SigningKey) bool { return publishedAt(k, now) })
	set.evidence = jwks(rows, func(model.SigningKey) bool { return true })
	for _, k := range rows {
		if k.State == model.SigningRetired && now < k.PublishUntil && (set.renewAt == 0 || k.PublishUntil < set.renewAt) {
			set.renewAt = k.PublishUntil
		}
	}
	return set, nil
}

func (s *Service) add(set *keySet, row model.SigningKey, now model.Millis) error {
	public, err := jose.ParsePublic(row.PublicJWK)
	if err != nil {
		return err
	}
	if public.KID() != string(row.KID) || !public.Alg().Same(jose.Alg(row.Alg)) {
		return errAltered
	}
	if publishedAt(row, now) {
		set.public[string(row.KID)] = public
	}
	if row.State != model.SigningActive {
		return nil
	}
	private, err := s.open(row)
	if err != nil {
		return err
	}
	if !bytes.Equal(private.Public().JSON(), row.PublicJWK) {
		return errAltered
	}
	set.active[jose.Alg(row.Alg)] = private
	return nil
}

// errAltered: somebody changed the row. A realm that publishes a key which is
// not its own would vouch for whoever has the other half.
var errAltered = errors.New("the row contradicts itself")

// open unseals the private half. The associated data tie it to its row.
func (s *Service) open(row model.SigningKey) (*jose.PrivateKey, error) {
	jwk, err := s.cfg.Keyring.Open(purpose, row.Sealed, aad(row.RealmID, row.KID))
	if err != nil {
		return nil, fmt.Errorf("open (is this the right key-encryption key?): %w", err)
	}
	return jose.ParsePrivate(jwk)
}

func publishedAt(k model.SigningKey, now model.Millis) bool {
	return k.State != model.SigningRetired || now < k.PublishUntil
}

func jwks(rows []model.SigningKey, keep func(model.SigningKey) bool) []byte {
	out := []byte(`{"keys":[`)
	first := true
	for _, k := range rows {
		if !keep(k) {
			continue
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(out, k.PublicJWK...)
	}
	return append(out, `]}`...)
}

func aad(realm model.RealmID, kid model.SigningKeyID) []byte {
	return []byte(string(realm) + "/" + string(kid))
}

func (s *Service) set(ctx context.Context, site *model.Site) (*keySet, error) {
	id := string(site.Realm.ID)
	set, err := s.cache.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if set.renewAt != 0 && model.MillisOf(s.cfg.Now()) >= set.renewAt {
		s.cache.Forget(id)
		return s.cache.Get(ctx, id)
	}
	return set, nil
}

// Sign makes a compact JWS with the realm's active key of the algorithm.
func (s *Service) Sign(ctx context.Context, site *model.Site, alg, typ string, payload []byte) (string, error) {
	set, err := s.set(ctx, site)
	if err != nil {
		return "", err
	}
	name := keyed(jose.Alg(alg))
	key := set.active[name]
	if key == nil {
		if key, err = s.first(ctx, site, name); err != nil {
			return "", err
		}
	}
	return key.Sign(typ, payload)
}

// keyed is the name under which the realm has its key of an algorithm: Ed25519
// (RFC 9864) and EdDSA are one, and its tokens say EdDSA.
func keyed(alg jose.Alg) jose.Alg {
	if alg.Same(jose.EdDSA) {
		return jose.EdDSA
	}
	return alg
}

// first makes the realm's first key of an algorithm when it is first needed:
// a realm that was created a moment ago can sign at once.
func (s *Service) first(ctx context.Context, site *model.Site, alg jose.Alg) (*jose.PrivateKey, error) {
	if !slices.Contains(Algorithms, alg) {
		return nil, fmt.Errorf("%s in %s: %w", alg, site.Issuer, ErrNoKey)
	}
	if err := s.Ensure(ctx, site, alg); err != nil {
		return nil, err
	}
	set, err := s.set(ctx, site)
	if err != nil {
		return nil, err
	}
	if key := set.active[alg]; key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("%s in %s: %w", alg, site.Issuer, ErrNoKey)
}

// Verify checks a compact JWS that the realm signed, by whichever of its
// published keys the header names: who asks us hears what the JWKS says.
func (s *Service) Verify(ctx context.Context, site *model.Site, compact string) (jose.Verified, error) {
	u, err := jose.Peek(compact)
	if err != nil {
		return jose.Verified{}, err
	}
	set, err := s.set(ctx, site)
	if err != nil {
		return jose.Verified{}, err
	}
	key := set.public[u.Header().KID]
	if key == nil {
		return jose.Verified{}, jose.ErrSignature
	}
	return jose.Verify(u, key)
}

// JWKS is the realm's public key set (RFC 7517, Section 5).
func (s *Service) JWKS(ctx context.Context, site *model.Site) ([]byte, error) {
	set, err := s.set(ctx, site)
	if err != nil {
		return nil, err
	}
	if len(set.rows) == 0 { // a new realm: publish what it will sign with
		if err := s.Ensure(ctx, site, jose.EdDSA, jose.ES256); err != nil {
			return nil, err
		}
		if set, err = s.set(ctx, site); err != nil {
			return nil, err
		}
	}
	return set.published, nil
}

// EvidenceKeys is the set of every key that the realm ever had, so that old
// evidence can be checked after a rotation.
func (s *Service) EvidenceKeys(ctx context.Context, site *model.Site) ([]byte, error) {
	set, err := s.set(ctx, site)
	if err != nil {
		return nil, err
	}
	return set.evidence, nil
}

// List shows the realm's keys, without their private halves.
func (s *Service) List(ctx context.Context, site *model.Site) ([]model.SigningKey, error) {
	set, err := s.set(ctx, site)
	if err != nil {
		return nil, err
	}
	out := make([]model.SigningKey, len(set.rows))
	for i, k := range set.rows {
		k.Sealed = nil
		out[i] = k
	}
	return out, nil
}

func (s *Service) generate(realm model.RealmID, alg jose.Alg, state model.SigningKeyState) (model.SigningKey, error) {
	private, err := jose.Generate(alg)
	if err != nil {
		return model.SigningKey{}, fmt.Errorf("generate %s key: %w", alg, err)
	}
	jwk, err := private.MarshalPrivate()
	if err != nil {
		return model.SigningKey{}, fmt.Errorf("encode %s key: %w", alg, err)
	}
	kid := model.SigningKeyID(private.KID())
	sealed, err := s.cfg.Keyring.Seal(purpose, jwk, aad(realm, kid))
	if err != nil {
		return model.SigningKey{}, fmt.Errorf("seal %s key: %w", alg, err)
	}
	now := model.MillisOf(s.cfg.Now())
	k := model.SigningKey{RealmID: realm, KID: kid, Alg: string(alg), PublicJWK: private.Public().JSON(), Sealed: sealed, State: state, CreatedAt: now}
	if state == model.SigningActive {
		k.ActivatedAt = now
	}
	return k, nil
}

func effects(k model.SigningKey, event, actor string, now model.Millis) model.Effects {
	data, err := json.Marshal(map[string]string{"alg": k.Alg})
	if err != nil {
		panic(err) // two strings
	}
	return model.Effects{
		Events:  []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: k.RealmID, Type: event, Actor: actor, Target: string(k.KID), At: now, Data: data}},
		Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicKeys, Key: string(k.RealmID), At: now}},
	}
}
