package oauth

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// NormalURL lets the tests compare URLs as htu is compared.
var NormalURL = normalURL

// Proof lets the tests bring proofs to URLs and at instants of their own.
func (e *Engine) Proof(ctx context.Context, site *model.Site, client *model.Client, r Request, accessToken string) (string, error) {
	return e.proof(ctx, site, client, r, accessToken)
}

// NewNonce lets the tests ask for nonces.
func (e *Engine) NewNonce(site *model.Site) (string, error) { return e.newNonce(site) }
