package server

import (
	"context"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/store"
)

// revocationsKept is longer than any token of an application lives.
const revocationsKept = 25 * time.Hour

// grantsOf ends the grants of applications that go.
type grantsOf struct {
	store *store.Store
	now   func() time.Time // nil: time.Now
}

// RevokeOf implements application.Grants.
func (g grantsOf) RevokeOf(ctx context.Context, realm model.RealmID, id model.ClientID, actor string) error {
	if g.now == nil {
		g.now = time.Now
	}
	now := model.MillisOf(g.now())
	fx := model.Effects{Events: []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: realm, Type: "application.grants_revoked",
		Actor: actor, Target: string(id), At: now}}}
	_, err := g.store.RevokeGrants(ctx, oauth.GrantQuery{RealmID: realm, ApplicationID: id, At: now, Until: now.Add(revocationsKept)}, fx)
	return err
}

// reapEvery is how often registrations that nobody uses are removed.
const reapEvery = 10 * time.Minute

func (s *Server) reap(ctx context.Context) {
	s.every(ctx, reapEvery, "reap registrations", func() error {
		_, err := s.Applications.Reap(ctx)
		return err
	})
}

const (
	// noteUsesEvery is how often it is written down when keys of clients were used.
	noteUsesEvery = time.Minute
	// lastNote bounds how long a server that stops tries to.
	lastNote = 5 * time.Second
)

func (s *Server) noteUses(ctx context.Context) {
	s.every(ctx, noteUsesEvery, "note uses of keys", func() error { return s.Applications.WriteUses(ctx) })
}

// noteLastUses keeps what was used since. A server without a database stops all the
// same.
func (s *Server) noteLastUses(ctx context.Context) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), lastNote)
	defer stop()
	if err := s.Applications.WriteUses(ctx); err != nil {
		s.cfg.Logger.Warn("note uses of keys", "error", err)
	}
}

// tlsMethods are the ways of RFC 8705 in which clients may authenticate here.
func (c *Config) tlsMethods() []model.ClientAuthMethod {
	var list []model.ClientAuthMethod
	if c.MTLS.BaseURL != "" {
		list = append(list, model.AuthSelfSignedTLS)
		if len(c.MTLS.ClientCA) > 0 {
			list = append(list, model.AuthTLS)
		}
	}
	return list
}
