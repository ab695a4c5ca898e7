package directory

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// How long a binding link may live.
const (
	defaultLinkLife = 7 * 24 * time.Hour
	minLinkLife     = time.Minute
	maxLinkLife     = 30 * 24 * time.Hour
)

const tokenLen = 43 // of ids.Secret

// NewBinding asks for a binding link.
type NewBinding struct {
	IdentityID model.IdentityID
	// Lifetime is 1 minute to 30 days; zero: 7 days.
	Lifetime time.Duration
	// RedirectURI is where the person goes afterwards: a path of the realm, or
	// empty for the approver.
	RedirectURI string
	Actor       string // who asks; empty: the operator
}

// A Binding is an invitation. Link holds the secret, which is nowhere else.
type Binding struct {
	Job  model.BindingJob
	Link string
}

// CreateBindingJob makes a one-time link with which a person binds a passkey. It
// returns an [*InvalidError], or model.ErrNotFound for an unknown person.
func (s *Service) CreateBindingJob(ctx context.Context, site *model.Site, n NewBinding) (Binding, error) {
	if n.Lifetime == 0 {
		n.Lifetime = defaultLinkLife
	}
	if n.Lifetime < minLinkLife || n.Lifetime > maxLinkLife {
		return Binding{}, invalid("expires", "must be between 1 minute and 30 days")
	}
	if n.RedirectURI != "" && !site.LocalPath(n.RedirectURI) {
		return Binding{}, invalid("post_binding_redirect_uri", "must be a path of this realm")
	}
	if _, err := s.Identity(ctx, site, n.IdentityID); err != nil {
		return Binding{}, err
	}
	d := s.deed(site, n.Actor)
	token := ids.Secret()
	job := d.job(n, token)
	event := d.event("binding_job.created", string(job.ID), map[string]string{"identity": string(n.IdentityID)})
	if err := s.store.CreateBindingJob(ctx, job, model.Effects{Events: []model.Event{event}}); err != nil {
		return Binding{}, fmt.Errorf("create binding job for %s: %w", n.IdentityID, err)
	}
	return Binding{Job: job, Link: site.Issuer + "/bind?token=" + url.QueryEscape(token)}, nil
}

func (d deed) job(n NewBinding, token string) model.BindingJob {
	digest := ids.DigestOf(token)
	return model.BindingJob{RealmID: d.site.Realm.ID, ID: model.BindingJobID(ids.New("bnd")),
		IdentityID: n.IdentityID, TokenDigest: digest[:], DeliveryMethod: "RETURN",
		State: model.BindingLinkSent, RedirectURI: n.RedirectURI,
		CreatedAt: d.at, UpdatedAt: d.at, ExpiresAt: d.at.Add(n.Lifetime)}
}

// RevokeBindingJob takes a link back. It returns model.ErrConflict for one that
// was used or taken back before, model.ErrNotFound for an unknown one.
func (s *Service) RevokeBindingJob(ctx context.Context, site *model.Site, id model.BindingJobID, actor string) error {
	d := s.deed(site, actor)
	fx := model.Effects{Events: []model.Event{d.event("binding_job.revoked", string(id), nil)}}
	if err := s.store.RevokeBindingJob(ctx, site.Realm.ID, id, d.at, fx); err != nil {
		return fmt.Errorf("revoke binding job %s: %w", id, err)
	}
	return nil
}

// openJob finds the job of a token's digest that can still be used at an
// instant; otherwise it says why not.
func (s *Service) openJob(ctx context.Context, site *model.Site, digest []byte, at model.Millis) (model.BindingJob, error) {
	job, err := s.store.BindingJobByToken(ctx, site.Realm.ID, digest)
	if errors.Is(err, model.ErrNotFound) {
		return job, ErrLinkUnknown
	}
	if err != nil {
		return job, fmt.Errorf("find binding job: %w", err)
	}
	return job, linkError(job, at)
}

// linkError says why a job cannot be used at an instant, nil if it can.
func linkError(job model.BindingJob, at model.Millis) error {
	switch job.StateAt(at) {
	case model.BindingLinkSent, model.BindingLinkOpened:
		return nil
	case model.BindingComplete:
		return fmt.Errorf("%s: %w", job.ID, ErrLinkUsed)
	case model.BindingExpired:
		return fmt.Errorf("%s: %w", job.ID, ErrLinkExpired)
	default:
		return fmt.Errorf("%s is %s: %w", job.ID, strings.ToLower(string(job.State)), ErrLinkUnknown)
	}
}
