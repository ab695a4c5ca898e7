package application

import (
	"context"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/dn"
	"github.com/assent-id/assent/internal/format/jose"
	"github.com/assent-id/assent/internal/model"
)

// Limits on what may be set.
const (
	maxRefreshLife = 10 * 365 * 24 * time.Hour
)

// defaultTokenAlg signs access tokens.
const defaultTokenAlg = string(jose.ES256)

// algorithms are what signatures may be made with: ours and those of clients.
// Ed25519 (RFC 9864) is EdDSA.
var algorithms = []string{string(jose.ES256), string(jose.EdDSA), string(jose.PS256), string(jose.RS256)}

// settle completes the settings of a new application by its profile and checks
// them. Who has nobody in front has no profile unless one is named.
func settle(kind model.ApplicationKind, s *model.ApplicationSettings) error {
	if s.Profile == "" && kind != model.KindService && kind != model.KindAgent {
		s.Profile = model.ProfileOAuth21
	}
	if s.Profile != "" {
		if err := Apply(s.Profile, s); err != nil {
			return err
		}
	}
	return checkSettings(kind, s)
}

// checkSettings refuses settings that contradict themselves, their profile, or
// what this server does at all.
func checkSettings(kind model.ApplicationKind, s *model.ApplicationSettings) error {
	for _, check := range []func(*model.ApplicationSettings) error{checkDescription, checkLifetimes, checkAlgs, checkChoices, checkTLSSubject, checkProfile} {
		if err := check(s); err != nil {
			return err
		}
	}
	return checkURIs(kind, s)
}

const maxDescription = 1000 // bytes

func checkDescription(s *model.ApplicationSettings) error {
	if len(s.Description) > maxDescription || !plainText(s.Description) {
		return fmt.Errorf("%w: a description is text of at most %d bytes without control characters", ErrInvalid, maxDescription)
	}
	return nil
}

func checkLifetimes(s *model.ApplicationSettings) error {
	for _, l := range []struct {
		name    string
		seconds int
		most    time.Duration
	}{
		{"a code", s.CodeLifetime, model.CodeLifetime},
		{"an access token", s.TokenLifetime, model.LongestToken},
		{"a refresh token", s.RefreshLifetime, maxRefreshLife},
	} {
		if l.seconds < 0 || l.seconds > int(l.most.Seconds()) {
			return fmt.Errorf("%w: %s lives at most %s", ErrInvalid, l.name, l.most)
		}
	}
	return nil
}

func checkAlgs(s *model.ApplicationSettings) error {
	for _, alg := range algsOf(s) {
		if alg != "" && !slices.Contains(algorithms, alg) {
			return fmt.Errorf("%w: signatures are made with ES256, EdDSA, PS256 or RS256", ErrInvalid)
		}
	}
	return nil
}

func checkChoices(s *model.ApplicationSettings) error {
	public := s.AuthMethod == model.AuthNone
	switch {
	case public && s.OptionalPKCE: // OAuth 2.1, Section 7.5.1
		return fmt.Errorf("%w: a public client must use PKCE", ErrInvalid)
	case public && s.Refresh == model.RefreshKeep: // RFC 9700, Section 4.14.2
		return fmt.Errorf("%w: refresh tokens of a public client are rotated", ErrInvalid)
	case !slices.Contains([]model.RefreshPolicy{model.RefreshNone, model.RefreshRotate, model.RefreshKeep}, s.Refresh):
		return fmt.Errorf("%w: refresh tokens are rotated, kept, or not given", ErrInvalid)
	case !slices.Contains([]model.SenderConstraint{model.SenderNone, model.SenderDPoP, model.SenderMTLS}, s.Sender):
		return fmt.Errorf("%w: tokens are bound by dpop, by mtls, or not", ErrInvalid)
	case !slices.Contains([]string{"", "public", "pairwise"}, s.SubjectType):
		return fmt.Errorf("%w: subjects are public or pairwise", ErrInvalid)
	case s.SubjectType == "pairwise" && s.Sector == "" && s.SectorURI == "" && !oneHost(s): // OpenID Connect Core 1.0, Section 8.1
		return fmt.Errorf("%w: pairwise subjects need sector_identifier_uri, or redirect URIs of one host", ErrInvalid)
	case !slices.Contains([]string{"", "poll", "ping"}, s.DeliveryMode): // no push: docs/divergences.md
		return fmt.Errorf("%w: backchannel_token_delivery_mode is poll or ping", ErrInvalid)
	case s.DeliveryMode == "ping" && s.NotificationEndpoint == "": // CIBA Core 1.0, Section 4
		return fmt.Errorf("%w: ping needs backchannel_client_notification_endpoint", ErrInvalid)
	}
	return nil
}

// checkTLSSubject: RFC 8705, Section 2.1.2: exactly one.
func checkTLSSubject(s *model.ApplicationSettings) error {
	if s.AuthMethod != model.AuthTLS {
		return nil
	}
	subjects := slices.DeleteFunc([]string{s.TLSSubjectDN, s.TLSSanDNS, s.TLSSanURI, s.TLSSanIP, s.TLSSanEmail},
		func(v string) bool { return v == "" })
	if len(subjects) != 1 {
		return fmt.Errorf("%w: tls_client_auth needs exactly one of the subject members", ErrInvalid)
	}
	if s.TLSSubjectDN != "" {
		if _, err := dn.Parse(s.TLSSubjectDN); err != nil {
			return fmt.Errorf("%w: tls_client_auth_subject_dn: %w", ErrInvalid, err)
		}
	}
	if s.TLSSanIP != "" && net.ParseIP(s.TLSSanIP) == nil {
		return fmt.Errorf("%w: tls_client_auth_san_ip is no IP address", ErrInvalid)
	}
	return nil
}

// Configure changes the switches of an application. The result must hold
// together, as at registration: ErrInvalid otherwise.
func (s *Service) Configure(ctx context.Context, site *model.Site, id model.ClientID, actor string, change func(*model.ApplicationSettings)) error {
	var refused error
	err := s.update(ctx, site, id, func(a *model.Application, now model.Millis) model.Effects {
		sector := pairwiseSector(&a.Settings)
		change(&a.Settings)
		if refused = checkSettings(a.Kind, &a.Settings); refused == nil {
			refused = s.checkAuthenticator(ctx, site, &a.Settings)
		}
		if refused != nil {
			return model.Effects{}
		}
		return renaming(by(actor, effects(*a, "application.updated", now)), sector, a, s.lever())
	})
	if refused != nil {
		return refused
	}
	return err
}
