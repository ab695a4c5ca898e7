package oauth

import (
	"context"
	"crypto/sha256"
	"fmt"

	"github.com/assent-id/assent/internal/model"
)

// readSignedCIBA reads a signed authentication request (CIBA Core 1.0, Section
// 7.1.1). Outside it only the client's authentication counts.
func (e *Engine) readSignedCIBA(ctx context.Context, x *exchange) error {
	if x.Params.Get("request_uri") != "" {
		return &Error{Code: RequestURINotSupported, Description: "a backchannel request is sent by value"}
	}
	if err := e.readRequestObject(ctx, x); err != nil {
		return err
	}
	return e.requireSigned(ctx, x) // FAPI-CIBA, Section 5.2.2
}

// useUpSignedCIBA lets a signed request ask once: its jti is its name (CIBA Core
// 1.0, Section 7.1.1). It stands behind all other checks, so that a request that
// was refused can be sent again.
func (e *Engine) useUpSignedCIBA(ctx context.Context, x *exchange) error {
	if x.ciba.jti == "" {
		return nil
	}
	first, err := e.cfg.Store.Consume(ctx, model.Once{Namespace: model.OnceRequest, RealmID: x.Site.Realm.ID,
		Digest: sha256.Sum256([]byte(string(x.client.ID) + "\x00" + x.ciba.jti)), Until: x.ciba.until})
	if err != nil {
		return fmt.Errorf("use up signed request: %w", err)
	}
	if !first {
		return badObject("it was used before", nil)
	}
	return nil
}
