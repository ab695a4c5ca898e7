package oauth

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// A pairwise subject is `pw_` and one AES-256 block, which is a permutation of
// 128 bits, over the UUID of the identity. The key belongs to the realm and the
// sector. So it is stable without a row, tells nothing to whoever lacks the
// realm's secret, differs between sectors, and leads back to the identity, which
// introspection, id_token_hint and token exchange need (OpenID Connect Core 1.0,
// Section 8.1, whose third example method it is).

const (
	pairwisePrefix = "pw"
	pairwiseSecret = "pairwise" // name of the realm's secret
	identityPrefix = "idn"

	pairwiseSession = "ps"
	sessionPrefix   = "ses"
	sessionDomain   = "sid\x00"  // no host begins so
	subjectTypes    = "pairwise" // model.ApplicationSettings.SubjectType
)

var (
	errSector  = errors.New("a pairwise client needs one sector")
	errSubject = errors.New("not a subject of this client")
)

// subject is the `sub` under which a client knows an identity: the identity's
// id or its did:web, or a name that only the client's sector sees.
func (e *Engine) subject(ctx context.Context, site *model.Site, s *model.ApplicationSettings, id model.IdentityID) (string, error) {
	if s.SubjectType != subjectTypes {
		if site.Realm.Policy.SubjectDIDs {
			return subjectDID(site, id), nil
		}
		return string(id), nil
	}
	plain, ok := ids.Decode(identityPrefix, string(id))
	if !ok {
		return "", fmt.Errorf("pairwise subject of %q: %w", id, errSubject)
	}
	block, err := e.pairwise(ctx, site, s, "")
	if err != nil {
		return "", err
	}
	var out [16]byte
	block.Encrypt(out[:], plain[:])
	return ids.Encode(pairwisePrefix, out), nil
}

// sessionName is the `sid` under which a client knows a session. Clients of
// different sectors cannot tell by it that one person uses both.
func (e *Engine) sessionName(ctx context.Context, site *model.Site, s *model.ApplicationSettings, id model.SessionID) (string, error) {
	plain, ok := ids.Decode(sessionPrefix, string(id))
	if s.SubjectType != subjectTypes || !ok {
		return string(id), nil
	}
	block, err := e.pairwise(ctx, site, s, sessionDomain)
	if err != nil {
		return "", err
	}
	var out [16]byte
	block.Encrypt(out[:], plain[:])
	return ids.Encode(pairwiseSession, out), nil
}

// sessionOf finds the session that a client knows as sid; "" for none of ours.
func (e *Engine) sessionOf(ctx context.Context, site *model.Site, s *model.ApplicationSettings, sid string) (model.SessionID, error) {
	if s.SubjectType != subjectTypes {
		return model.SessionID(sid), nil
	}
	sealed, ok := ids.Decode(pairwiseSession, sid)
	if !ok {
		return "", nil
	}
	block, err := e.pairwise(ctx, site, s, sessionDomain)
	if err != nil {
		return "", err
	}
	var plain [16]byte
	block.Decrypt(plain[:], sealed[:])
	return model.SessionID(ids.Encode(sessionPrefix, plain)), nil
}

// identityOf finds the identity that a client knows as sub. It refuses what is
// not spelled as the client's subjects are, and what is of another sector with
// all but a chance of one in 64; that the identity exists is for the caller to
// ask, which makes that chance nothing.
func (e *Engine) identityOf(ctx context.Context, site *model.Site, s *model.ApplicationSettings, sub string) (model.IdentityID, error) {
	if s.SubjectType != subjectTypes {
		return publicIdentity(site, sub)
	}
	sealed, ok := ids.Decode(pairwisePrefix, sub)
	if !ok {
		return "", errSubject
	}
	block, err := e.pairwise(ctx, site, s, "")
	if err != nil {
		return "", err
	}
	var plain [16]byte
	block.Decrypt(plain[:], sealed[:])
	id := ids.Encode(identityPrefix, plain)
	if !ids.Valid(identityPrefix, id) {
		return "", errSubject
	}
	return model.IdentityID(id), nil
}

// publicIdentity takes both public forms, so that the realm may change from one
// to the other while tokens live.
func publicIdentity(site *model.Site, sub string) (model.IdentityID, error) {
	if rest, found := strings.CutPrefix(sub, realmDID(site)+":"); found {
		sub = rest
	}
	if !ids.Valid(identityPrefix, sub) {
		return "", errSubject
	}
	return model.IdentityID(sub), nil
}

// namesIdentity reports whether a subject has the form of one of an identity of
// ours. A subject that somebody else vouches for must not.
func namesIdentity(site *model.Site, sub string) bool {
	_, err := publicIdentity(site, sub)
	return err == nil || strings.HasPrefix(sub, pairwisePrefix+"_") || strings.HasPrefix(sub, identityPrefix+"_")
}

// pairwise is the permutation of the client's sector for one kind of name.
func (e *Engine) pairwise(ctx context.Context, site *model.Site, s *model.ApplicationSettings, kind string) (cipher.Block, error) {
	name, err := sector(s)
	if err != nil {
		return nil, err
	}
	secret, err := e.cfg.Keys.Secret(ctx, site, pairwiseSecret)
	if err != nil {
		return nil, fmt.Errorf("pairwise subjects: %w", err)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(kind + name))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, fmt.Errorf("pairwise subjects: %w", err) // 32 bytes are an AES-256 key
	}
	return block, nil
}

// sector is whom a pairwise subject is for: the host of sector_identifier_uri,
// or else the one host of the redirect URIs (OpenID Connect Core 1.0, Section
// 8.1), or of jwks_uri for a client without any (CIBA Core 1.0, Section 4).
func sector(s *model.ApplicationSettings) (string, error) {
	if s.Sector != "" {
		return strings.ToLower(s.Sector), nil
	}
	uris := s.RedirectURIs
	if len(uris) == 0 {
		uris = []string{s.JWKSURI}
	}
	var host string
	for _, uri := range uris {
		u, err := url.Parse(uri)
		if err != nil || u.Hostname() == "" {
			return "", errSector
		}
		name := strings.ToLower(u.Hostname())
		if host != "" && host != name {
			return "", errSector
		}
		host = name
	}
	return host, nil
}
