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
	// selfLinkLife is that of a link which its person made: they are there.
	selfLinkLife = 10 * time.Minute
)

const tokenLen = 43 // of ids.Secret

// NewBinding asks for a binding link.
type NewBinding struct {
	IdentityID model.IdentityID
	// Lifetime is 1 minute to 30 days; zero: 7 days, or until ExpiresAt.
	Lifetime  time.Duration
	ExpiresAt model.Millis
	// RedirectURI is where the person goes afterwards: a path of the realm, or a
	// URL at a trusted origin of the authenticator config; empty: the approver.
	RedirectURI string
	Actor       string // who asks; empty: the operator
	// Method is model.DeliverReturn (as if empty) or model.DeliverEmail.
	Method string
	// ConfigID says where the link leads; empty: a page of the realm.
	ConfigID model.AuthenticatorConfigID
	// Recovery: whoever has the link binds without a proof of an earlier passkey.
	// The person is told.
	Recovery bool
	// SparesAdmins: whoever asks may not make a way in for an admin.
	SparesAdmins bool
}

// A Binding is an invitation. Link holds the secret, which is nowhere else; it is
// empty where the link travels by e-mail.
type Binding struct {
	Job  model.BindingJob
	Link string
}

// CreateBindingJob makes a one-time link with which a person binds a passkey. It
// returns an [*InvalidError], [ErrNoMail], [ErrNoAddress], a [*MailsError],
// [ErrAdmin], or model.ErrNotFound for an unknown person.
func (s *Service) CreateBindingJob(ctx context.Context, site *model.Site, n NewBinding) (Binding, error) {
	d := s.deed(site, n.Actor)
	n, err := s.checkedBinding(ctx, d, n)
	if err != nil {
		return Binding{}, err
	}
	identity, err := s.Identity(ctx, site, n.IdentityID)
	if err != nil {
		return Binding{}, err
	}
	w, err := s.invitation(d, n, identity)
	if err != nil {
		return Binding{}, err
	}
	if err := s.store.CreateBindingJob(ctx, w.Job, w.effects); err != nil {
		return Binding{}, fmt.Errorf("create binding job for %s: %w", n.IdentityID, err)
	}
	return w.Binding, nil
}

// InviteSelf makes the link of a person who is signed in and wants another
// passkey. They prove one that they have when they open it, as ever. It returns a
// [*TooOftenError] beside what [Service.CreateBindingJob] does.
func (s *Service) InviteSelf(ctx context.Context, site *model.Site, id model.IdentityID) (Binding, error) {
	if err := s.quotas.often(s.deed(site, string(id)), "link", id); err != nil {
		return Binding{}, err
	}
	return s.CreateBindingJob(ctx, site, NewBinding{IdentityID: id, Lifetime: selfLinkLife, Method: model.DeliverSelf,
		RedirectURI: site.Path + "/account?done=added", Actor: string(id)})
}

// checkedBinding fills blanks in and refuses what could not work.
func (s *Service) checkedBinding(ctx context.Context, d deed, n NewBinding) (NewBinding, error) {
	n, err := n.timed(d.at)
	if err != nil {
		return n, err
	}
	switch n.Method {
	case "":
		n.Method = model.DeliverReturn
	case model.DeliverReturn, model.DeliverSelf:
	case model.DeliverEmail:
		if !s.mails {
			return n, ErrNoMail
		}
	default:
		return n, invalid("delivery_method", "must be RETURN or EMAIL")
	}
	config, err := s.config(ctx, d.site, n.ConfigID)
	if errors.Is(err, model.ErrNotFound) {
		return n, invalid("authenticator_config_id", "is not the id of an authenticator config of this realm")
	}
	if err != nil {
		return n, err
	}
	if n.RedirectURI != "" && !trustedTarget(d.site, config, n.RedirectURI) {
		return n, invalid("post_binding_redirect_uri", "must be a path of this realm, or a URL at a trusted origin of the authenticator config")
	}
	return n, nil
}

// timed says when the link ends.
func (n NewBinding) timed(now model.Millis) (NewBinding, error) {
	switch {
	case n.ExpiresAt != 0 && n.Lifetime != 0:
		return n, invalid("lifetime", "must not be given beside expire_time")
	case n.ExpiresAt != 0:
		n.Lifetime = time.Duration(n.ExpiresAt-now) * time.Millisecond
	case n.Lifetime == 0:
		n.Lifetime = defaultLinkLife
	}
	if n.Lifetime < minLinkLife || n.Lifetime > maxLinkLife {
		field := "lifetime"
		if n.ExpiresAt != 0 {
			field = "expire_time"
		}
		return n, invalid(field, "must be between 1 minute and 30 days from now")
	}
	n.ExpiresAt = now.Add(n.Lifetime)
	return n, nil
}

// config is the authenticator config of a job; none for an empty id.
func (s *Service) config(ctx context.Context, site *model.Site, id model.AuthenticatorConfigID) (*model.AuthenticatorConfig, error) {
	switch {
	case id == "":
		return nil, nil
	case s.authenticators == nil || !ids.Valid("acf", string(id)):
		return nil, fmt.Errorf("authenticator config: %w", model.ErrNotFound)
	}
	config, err := s.authenticators.Config(ctx, site, id)
	if err != nil {
		return nil, fmt.Errorf("find authenticator config %s: %w", id, err)
	}
	return config, nil
}

// trustedTarget reports whether a person may be led there: within the realm, or to
// an origin that the config trusts.
func trustedTarget(site *model.Site, config *model.AuthenticatorConfig, target string) bool {
	if len(target) > maxTarget {
		return false
	}
	if site.LocalPath(target) {
		return true
	}
	if config == nil || !plainURL(target) {
		return false
	}
	u, err := url.Parse(target)
	if err != nil || u.User != nil || u.Opaque != "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return false
	}
	origin := u.Scheme + "://" + strings.ToLower(u.Host)
	for _, trusted := range config.Settings.TrustedOrigins {
		if trusted == origin {
			return true
		}
	}
	return false
}

// An inviting is a job to be written, with what is written beside it.
type inviting struct {
	Binding
	effects model.Effects
}

// invitation makes the job, the link and what is said of it.
func (s *Service) invitation(d deed, n NewBinding, identity model.Identity) (inviting, error) {
	if n.SparesAdmins && identity.AdminSince != 0 {
		return inviting{}, fmt.Errorf("invite %s: %w", identity.ID, ErrAdmin)
	}
	token := ids.Secret()
	w := inviting{Binding: Binding{Job: d.job(n, token)}}
	job := w.Job
	data := map[string]string{"identity": string(job.IdentityID), "delivery_method": job.DeliveryMethod,
		"authenticator_config": string(job.ConfigID), "proof": job.Proof}
	w.effects.Events = []model.Event{d.event("binding_job.created", string(job.ID), data)}
	if n.Method == model.DeliverEmail {
		return w, s.mailLink(d, &w, identity, token)
	}
	w.Link = link(d.site, token)
	if n.Recovery && n.Method == model.DeliverReturn {
		s.tell(d, &w.effects, identity, Notice{Kind: NoticeRecoveryLink, Job: job.ID})
	}
	return w, nil
}

func link(site *model.Site, token string) string {
	return site.Issuer + "/bind?token=" + url.QueryEscape(token)
}

func (d deed) job(n NewBinding, token string) model.BindingJob {
	digest := ids.DigestOf(token)
	job := model.BindingJob{RealmID: d.site.Realm.ID, ID: model.BindingJobID(ids.New("bnd")),
		IdentityID: n.IdentityID, TokenDigest: digest[:], DeliveryMethod: n.Method,
		State: model.BindingLinkSent, RedirectURI: n.RedirectURI, ConfigID: n.ConfigID, CreatedBy: d.actor,
		CreatedAt: d.at, UpdatedAt: d.at, ExpiresAt: n.ExpiresAt}
	if n.Recovery {
		job.Proof = model.ProofRecovery
	}
	return job
}

// A JobQuery says which binding jobs to list, newest first. Empty members do not
// restrict.
type JobQuery struct {
	IdentityID model.IdentityID
	State      model.BindingState // as [model.BindingJob.StateAt] sees it now
	Method     string
	After      model.BindingJobID // begin behind this one
	Limit      int                // at most so many
	At         model.Millis       // now; set by the service
}

// BindingJobs lists binding jobs of the realm, newest first.
func (s *Service) BindingJobs(ctx context.Context, site *model.Site, q JobQuery) ([]model.BindingJob, error) {
	q.At = s.now()
	jobs, err := s.store.BindingJobs(ctx, site.Realm.ID, q)
	if err != nil {
		return nil, fmt.Errorf("list binding jobs: %w", err)
	}
	for i := range jobs {
		jobs[i] = seenAt(jobs[i], q.At)
	}
	return jobs, nil
}

// BindingJob finds a binding job of the realm; model.ErrNotFound otherwise.
func (s *Service) BindingJob(ctx context.Context, site *model.Site, id model.BindingJobID) (model.BindingJob, error) {
	job, err := s.store.BindingJob(ctx, site.Realm.ID, id)
	if err != nil {
		return job, fmt.Errorf("find binding job %s: %w", id, err)
	}
	return seenAt(job, s.now()), nil
}

// seenAt is a job with the state that it has at an instant. It expired when its
// time was over, whether or not anybody looked.
func seenAt(job model.BindingJob, at model.Millis) model.BindingJob {
	if state := job.StateAt(at); state != job.State {
		job.State, job.UpdatedAt = state, job.ExpiresAt
	}
	return job
}

// RevokeBindingJob takes a link back. It returns model.ErrConflict for one that
// cannot be used any more, model.ErrNotFound for an unknown one.
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
