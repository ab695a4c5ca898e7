package oauth

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// Store is what this service needs of the database.
type Store interface {
	// Consume reports whether this is the first use. Concurrent callers on all
	// nodes are decided by the database; many calls share one commit.
	Consume(context.Context, model.Once) (first bool, err error)
	// Revoke is idempotent: revoking again keeps the earlier row and its time
	// unless Before is later.
	Revoke(context.Context, model.Revocation, model.Effects) error
}
