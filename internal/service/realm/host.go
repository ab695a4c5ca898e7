package realm

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/assent-id/assent/internal/model"
)

// ErrHost: a realm's own host is a lower-case host name that is nobody else's.
var ErrHost = errors.New("a realm's own host is a lower-case host name, not the server's, and the default realm has none")

var hostPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkHost looks at the host that a new realm is to have.
func (s *Service) checkHost(ctx context.Context, n NewRealm) error {
	host := n.Policy.Host
	if host == "" {
		return nil
	}
	if n.Default || len(host) > 253 || !hostPattern.MatchString(host) || host == s.base.Hostname() {
		return ErrHost
	}
	taken, err := s.ByHost(ctx, host)
	if err != nil {
		return err
	}
	if taken != nil {
		return fmt.Errorf("host %s: %w", host, model.ErrConflict)
	}
	return nil
}
