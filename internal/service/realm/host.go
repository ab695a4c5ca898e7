package realm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"

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

// checkRPID: browsers take a relying party id that is the host of the page, or a
// parent of it (Web Authentication Level 3, Section 5.1.3, step 8). A name without a
// dot is everybody's, but for localhost.
func (s *Service) checkRPID(r *model.Realm) error {
	id, host := r.Policy.RPID, s.base.Hostname()
	if !r.Default && r.Policy.Host != "" {
		host = r.Policy.Host
	}
	parent := net.ParseIP(host) == nil && hostPattern.MatchString(id) && strings.HasSuffix(host, "."+id) && (strings.Contains(id, ".") || id == "localhost")
	if id != "" && id != host && !parent {
		return fmt.Errorf("%w: rp_id is the host of the realm's issuer, or a domain that it is in", ErrPolicy)
	}
	return nil
}
