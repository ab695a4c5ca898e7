package oauth

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// opaquePrefix tells an access token that is a reference from one that is a
// JWT, and lets scanners find one that leaked.
const opaquePrefix = "at_"

// saveOpaque stores the claims of an access token under the digest of a new
// reference of 256 random bits (RFC 6750, Section 5.2), and returns that.
func (e *Engine) saveOpaque(ctx context.Context, x *exchange, claims []byte, expires model.Millis) (string, error) {
	raw := opaquePrefix + ids.Secret()
	err := e.cfg.Store.SaveOpaque(ctx, model.OpaqueToken{RealmID: x.Site.Realm.ID, Digest: ids.DigestOf(raw), Claims: claims, ExpiresAt: expires})
	if err != nil {
		return "", fmt.Errorf("save access token: %w", err)
	}
	return raw, nil
}

// openOpaque finds the claims of such a token; errNotOurs.
func (e *Engine) openOpaque(ctx context.Context, site *model.Site, raw string) ([]byte, error) {
	t, err := e.cfg.Store.Opaque(ctx, site.Realm.ID, ids.DigestOf(raw))
	if errors.Is(err, model.ErrNotFound) {
		return nil, errNotOurs
	}
	if err != nil {
		return nil, fmt.Errorf("find access token: %w", err)
	}
	return t.Claims, nil
}

func isOpaque(raw string) bool { return strings.HasPrefix(raw, opaquePrefix) }
