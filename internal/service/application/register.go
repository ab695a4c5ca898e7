package application

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/model"
)

// Clients that register themselves: RFC 7591 and OpenID Connect Dynamic Client
// Registration 1.0, and RFC 7592 for what comes after.

// Rates of open registration, so that nobody fills the database. Many people may
// sit behind one address.
var (
	registrationsOfAddress = limit.Rate{Every: time.Second, Burst: 300}
	registrationsOfRealm   = limit.Rate{Every: 200 * time.Millisecond, Burst: 3000}
)

// guard slows those down who register without anybody's leave. It forgets when
// the process ends.
type guard struct{ addresses, realms *limit.Keyed }

func newGuard() guard {
	return guard{limit.NewKeyed(registrationsOfAddress, 100_000), limit.NewKeyed(registrationsOfRealm, 10_000)}
}

// A Registration is a request to register, or to change what is registered.
type Registration struct {
	Body    []byte // JSON
	Token   string // of the Authorization header; empty: none
	Address string // network address that it came from
}

// Registered is a client that registered itself, and what only it may see.
type Registered struct {
	Application model.Application
	Secret      string // empty: it has none, or knows it
	Token       string // registration access token (RFC 7592, Section 3)
	Statement   string // software statement as it came (RFC 7591, Section 3.2.1)
}

// Register creates an application for whoever asks, as far as the realm lets
// them (RFC 7591, Section 3). Its refusals are *Refusal.
func (s *Service) Register(ctx context.Context, site *model.Site, r Registration) (Registered, error) {
	initial, err := s.admit(site, r)
	if err != nil {
		return Registered{}, err
	}
	w, err := s.read(ctx, site, r.Body)
	if err != nil {
		return Registered{}, err
	}
	may := selfGrants
	if initial != nil {
		may = nil // whoever gave the token vouches for the client
	}
	if err := s.examine(ctx, site, &w, may); err != nil {
		return Registered{}, err
	}
	now := model.MillisOf(s.cfg.Now())
	a := model.Application{RealmID: site.Realm.ID, ID: model.ClientID(ids.New(prefix(w.Kind))), Kind: w.Kind, Name: w.Name,
		Status: model.ApplicationActive, CreatedAt: now, Version: 1, Settings: w.Settings, Keys: w.keys}
	out := Registered{Token: ids.Secret(), Statement: w.statement}
	a.Settings.RegistrationDigest = digestText(out.Token)
	out.Secret = giveSecret(&a, now)
	if err := s.spend(ctx, site, initial); err != nil {
		return Registered{}, err
	}
	if err := s.cfg.Store.CreateApplication(ctx, a, by(string(a.ID), effects(a, "application.registered", now))); err != nil {
		return Registered{}, fmt.Errorf("register application: %w", err)
	}
	out.Application = a
	return out, nil
}

// digestText is how the digest of a registration access token is kept.
func digestText(token string) string {
	d := ids.DigestOf(token)
	return base64.RawURLEncoding.EncodeToString(d[:])
}

// giveSecret gives the application a secret if its method shows one and it has
// none.
func giveSecret(a *model.Application, now model.Millis) string {
	switch {
	case !a.Settings.AuthMethod.Secret():
		a.Secrets = nil
		return ""
	case len(a.Secrets) > 0:
		return ""
	}
	secret := ids.Secret()
	digest := ids.DigestOf(secret)
	a.Secrets = []model.ClientSecret{{Digest: digest[:], CreatedAt: now}}
	return secret
}

// admit asks whether somebody may register at all. It answers the initial access
// token that they brought (RFC 7591, Section 3), or nil.
func (s *Service) admit(site *model.Site, r Registration) (*initialToken, error) {
	policy := site.Realm.Policy.Registration
	switch {
	case !policy.On() || site.Realm.Status != model.RealmActive:
		return nil, &Refusal{Code: AccessDenied, Description: "this realm does not let applications register themselves"}
	case r.Token != "":
		return s.openInitial(site, r.Token)
	case policy.Mode == model.RegistrationToken:
		return nil, &Refusal{Code: InvalidToken, Description: "an initial access token is needed"}
	}
	now := s.cfg.Now()
	for _, l := range []struct {
		keyed *limit.Keyed
		key   string
	}{{s.guard.addresses, string(site.Realm.ID) + " " + limit.Network(r.Address)}, {s.guard.realms, string(site.Realm.ID)}} {
		if _, ok := l.keyed.Allow(l.key, now); !ok {
			return nil, &Refusal{Code: TooManyRequests, Description: "too many registrations: try again in a while"}
		}
	}
	return nil, nil //nolint:nilnil // no token is an answer
}

// written is a registration on its way.
type written struct {
	Described
	keys      []model.ClientKey
	statement string
	members   Members
}

// read reads a registration, its software statement first: what that says wins
// (RFC 7591, Section 2.3).
func (s *Service) read(ctx context.Context, site *model.Site, body []byte) (written, error) {
	var w written
	var err error
	if w.members, err = readMembers(body); err != nil {
		return w, err
	}
	if w.statement, err = s.applyStatement(ctx, site, w.members); err != nil {
		return w, err
	}
	meta, err := w.members.metadata()
	if err != nil {
		return w, err
	}
	if w.Described, err = SettingsFrom(meta); err != nil {
		return w, err
	}
	var a model.Application
	if err := addKeys(&a, w.JWKS, model.MillisOf(s.cfg.Now())); err != nil {
		return w, unfit("jwks is no set of public keys for signatures", err)
	}
	w.keys = a.Keys
	return w, nil
}

// selfGrants are what clients get that nobody vouches for: those with which a
// person decides. The others give tokens to whoever registered.
var selfGrants = []string{grantCode, grantRefresh, grantDevice, grantCIBA}

// examine holds a registration against what the realm and this server offer. may
// are the grant types that it may have; nil: all.
func (s *Service) examine(ctx context.Context, site *model.Site, w *written, may []string) error {
	settings := &w.Settings
	for _, g := range settings.GrantTypes {
		if may != nil && !slices.Contains(may, g) {
			return unfit("this grant type needs an initial access token: "+g, nil)
		}
	}
	if overTLS(settings.AuthMethod) && !slices.Contains(s.cfg.TLSMethods, settings.AuthMethod) {
		return unfit("token_endpoint_auth_method is not supported", nil)
	}
	if settings.Sender == model.SenderMTLS && len(s.cfg.TLSMethods) == 0 {
		return unfit("tls_client_certificate_bound_access_tokens is not supported", nil)
	}
	settings.Scopes = slices.DeleteFunc(settings.Scopes, func(scope string) bool { return !offers(site, scope) })
	for _, uri := range []string{settings.JWKSURI, settings.SectorURI, settings.NotificationEndpoint, settings.BackchannelLogout} {
		if uri != "" && (s.cfg.Fetch == nil || !s.cfg.Fetch.Allows(uri)) {
			return unfit("a URL that this server is to call must be https", nil)
		}
	}
	return s.checkSector(ctx, settings)
}

// personScopes are those of OpenID Connect, which every realm offers.
var personScopes = []string{"openid", "profile", "email", "phone", "offline_access"}

// offers: nobody makes a scope up by registering for it.
func offers(site *model.Site, scope string) bool {
	return slices.Contains(personScopes, scope) || slices.ContainsFunc(site.Realm.Policy.Resources,
		func(r model.ResourcePolicy) bool { return slices.Contains(r.Scopes, scope) })
}

// registrant finds the application that a registration access token is for (RFC
// 7592, Section 3). A wrong token, another client's and an unknown client look
// the same.
func (s *Service) registrant(ctx context.Context, site *model.Site, id model.ClientID, token string) (model.Application, error) {
	no := &Refusal{Code: InvalidToken, Description: "the registration access token is not valid"}
	if !wellFormed(id) {
		return model.Application{}, no
	}
	a, err := s.cfg.Store.Application(ctx, site.Realm.ID, id)
	if err != nil && !errors.Is(err, model.ErrNotFound) {
		return a, fmt.Errorf("load application %s: %w", id, err)
	}
	want := a.Settings.RegistrationDigest
	if want == "" {
		want = digestText("") // compared with in vain
	}
	same := subtle.ConstantTimeCompare([]byte(want), []byte(digestText(token))) == 1
	stopped := a.Status != model.ApplicationActive || site.Realm.Status != model.RealmActive
	if !same || token == "" || stopped || a.Settings.Origin != model.OriginDynamic {
		return model.Application{}, no
	}
	return a, nil
}

// Registration answers what is registered (RFC 7592, Section 2.1).
func (s *Service) Registration(ctx context.Context, site *model.Site, id model.ClientID, token string) (Registered, error) {
	a, err := s.registrant(ctx, site, id, token)
	if err != nil {
		return Registered{}, err
	}
	return Registered{Application: a, Token: token}, nil
}

// Reregister replaces the metadata of a client (RFC 7592, Section 2.2).
func (s *Service) Reregister(ctx context.Context, site *model.Site, id model.ClientID, r Registration) (Registered, error) {
	for try := 1; ; try++ {
		out, err := s.reregister(ctx, site, id, r)
		if errors.Is(err, model.ErrConflict) && try < tries {
			continue
		}
		return out, err
	}
}

func (s *Service) reregister(ctx context.Context, site *model.Site, id model.ClientID, r Registration) (Registered, error) {
	a, err := s.registrant(ctx, site, id, r.Token)
	if err != nil {
		return Registered{}, err
	}
	w, err := s.read(ctx, site, r.Body)
	if err != nil {
		return Registered{}, err
	}
	if err := w.members.names(a); err != nil {
		return Registered{}, err
	}
	// What it has it may keep, whoever vouched for it.
	if err := s.examine(ctx, site, &w, slices.Concat(selfGrants, a.Settings.GrantTypes)); err != nil {
		return Registered{}, err
	}
	keepOperators(&a.Settings, &w.Settings)
	if err := checkSettings(w.Kind, &w.Settings); err != nil {
		return Registered{}, refused(InvalidMetadata, err)
	}
	now := model.MillisOf(s.cfg.Now())
	sector := pairwiseSector(&a.Settings)
	a.Kind, a.Name, a.Settings, a.Keys = w.Kind, w.Name, w.Settings, w.keys
	out := Registered{Token: r.Token, Statement: w.statement, Secret: giveSecret(&a, now)}
	fx := renaming(by(string(a.ID), effects(a, "application.updated", now)), sector, &a, s.lever())
	if err := s.cfg.Store.UpdateRegistration(ctx, a, fx); err != nil {
		return Registered{}, fmt.Errorf("change the registration of application %s: %w", id, err)
	}
	out.Application = a
	return out, nil
}

// names: RFC 7592, Section 2.2: the client names itself, and the secret that it
// has if it names one.
func (m Members) names(a model.Application) error {
	if m.text("client_id") != string(a.ID) {
		return unfit("client_id must be that of the registration", nil)
	}
	if _, sent := m["client_secret"]; !sent {
		return nil
	}
	digest := ids.DigestOf(m.text("client_secret"))
	for _, known := range a.Secrets {
		if subtle.ConstantTimeCompare(known.Digest, digest[:]) == 1 {
			return nil
		}
	}
	return unfit("client_secret must be that of the registration", nil)
}

// keepOperators keeps what no client says of itself, but an operator of it. What
// both may say gets stricter only: who set it is not known any more.
func keepOperators(old, s *model.ApplicationSettings) {
	if old.Profile != dynamicProfile(old.AuthMethod) { // it was given another, which holds
		s.Profile, s.OptionalPKCE = old.Profile, old.OptionalPKCE
	}
	if old.AuthMethod.Confidential() && !old.OptionalPKCE {
		s.OptionalPKCE = false
	}
	keepStrict(old, s)
	s.AnyScope, s.DefaultScopes, s.Resources = old.AnyScope, old.DefaultScopes, old.Resources
	s.ResponseModes, s.FirstParty, s.CodeLifetime = old.ResponseModes, old.FirstParty, old.CodeLifetime
	s.DPoPNonce, s.RefreshLifetime, s.TokenLifetime = old.DPoPNonce, old.RefreshLifetime, old.TokenLifetime
	s.TokenAlg, s.OpaqueTokens, s.Exchange, s.Refresh = old.TokenAlg, old.OpaqueTokens, old.Exchange, old.Refresh
	s.Origin, s.RegistrationDigest, s.AuthenticatorConfig = old.Origin, old.RegistrationDigest, old.AuthenticatorConfig
	s.Description = old.Description
}

// keepStrict: a registration access token is not worth more than the restrictions
// that the client was put under.
func keepStrict(old, s *model.ApplicationSettings) {
	s.RequirePAR, s.RequireSigned = s.RequirePAR || old.RequirePAR, s.RequireSigned || old.RequireSigned
	s.RequireSignedCIBA = s.RequireSignedCIBA || old.RequireSignedCIBA
	s.StrictAudience = s.StrictAudience || old.StrictAudience
	if s.Sender == model.SenderNone {
		s.Sender = old.Sender
	}
	if len(old.DetailsTypes) > 0 { // none named: all
		s.DetailsTypes = old.DetailsTypes
	}
	switch {
	case old.AnyScope:
	case len(s.Scopes) == 0: // RFC 7591, Section 2: then the server chooses
		s.Scopes = old.Scopes
	default:
		s.Scopes = slices.DeleteFunc(s.Scopes, func(scope string) bool { return !slices.Contains(old.Scopes, scope) })
	}
}

// Unregister removes a client that wants to be gone (RFC 7592, Section 2.3).
func (s *Service) Unregister(ctx context.Context, site *model.Site, id model.ClientID, token string) error {
	if _, err := s.registrant(ctx, site, id, token); err != nil {
		return err
	}
	return s.Delete(ctx, site, id, string(id))
}

// Grants ends what was given to an application.
type Grants interface {
	// RevokeOf revokes every grant of an application, and with them its tokens.
	RevokeOf(ctx context.Context, realm model.RealmID, id model.ClientID, actor string) error
}

// Delete removes an application: first what people gave it, then itself. A
// client that is gone is told so at every endpoint.
func (s *Service) Delete(ctx context.Context, site *model.Site, id model.ClientID, actor string) error {
	if s.cfg.Grants != nil {
		if err := s.cfg.Grants.RevokeOf(ctx, site.Realm.ID, id, actor); err != nil {
			return fmt.Errorf("revoke the grants of application %s: %w", id, err)
		}
	}
	a, err := s.cfg.Store.Application(ctx, site.Realm.ID, id)
	if err != nil {
		return fmt.Errorf("load application %s: %w", id, err)
	}
	now := model.MillisOf(s.cfg.Now())
	fx := by(actor, effects(a, "application.deleted", now))
	fx.Revocations = []model.Revocation{a.RevokeTokens(s.lever())}
	err = s.cfg.Store.DeleteApplication(ctx, site.Realm.ID, id, now, fx)
	s.cache.Forget(string(site.Realm.ID) + "/" + string(id))
	if err != nil {
		return fmt.Errorf("delete application %s: %w", id, err)
	}
	return nil
}

// registerPath is where clients register, under the issuer.
const registerPath = "/oauth/register"

// ClientURI is where a registration is read, changed and ended (RFC 7592,
// Section 3).
func ClientURI(site *model.Site, id model.ClientID) string {
	return site.Issuer + registerPath + "/" + string(id)
}
