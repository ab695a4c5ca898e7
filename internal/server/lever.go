package server

import (
	"context"

	"github.com/assent-id/assent/internal/model"
)

// RevokeGrantTokens makes every access token of a grant invalid that there is by now,
// and answers up to when: model.ErrNotFound. The grant lives.
func (s *Server) RevokeGrantTokens(ctx context.Context, site *model.Site, id model.GrantID, actor string) (model.Millis, error) {
	return s.engine.RevokeGrantTokens(ctx, site, id, actor)
}
