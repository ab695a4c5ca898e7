// Package approval is the heart of the product: one mechanism for everything a
// person is asked to decide. It states the action exactly, keeps the one
// transition out of pending, checks what the person's passkey signed, and
// keeps the evidence. Formats: sdk/evidence and docs/formats.md.
//
//	pending → approved | denied | expired | withdrawn;  approved → fulfilled
//
// If this package is wrong, somebody acts with a yes that nobody gave.
package approval

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/hub"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

// A Signer signs for a realm.
type Signer interface {
	Sign(ctx context.Context, site *model.Site, alg, typ string, payload []byte) (string, error)
}

// A Gate lets a person decide.
type Gate interface {
	// Person and Pass answer up to when everything was revoked that they let pass.
	Person(ctx context.Context, site *model.Site, id model.Identity) (model.Millis, error)
	Pass(ctx context.Context, u gate.Use) (model.Millis, error)
}

// Realms finds the realm of a due approval.
type Realms interface {
	ByID(ctx context.Context, id model.RealmID) (*model.Site, error)
}

// Config is what a Service needs.
type Config struct {
	Store  Store
	Signer Signer
	Gate   Gate
	Realms Realms
	Hub    *hub.Hub
	Log    *slog.Logger
	Now    func() time.Time
	// MaxPending is how many undecided approvals one application may have with
	// one person. Default 5.
	MaxPending int
	// MailAfter is how long the person's browser has before an e-mail says that
	// something waits; 0: no e-mail.
	MailAfter time.Duration
}

// A Service asks people and keeps their answers.
type Service struct{ cfg Config }

// New fills in defaults.
func New(cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.MaxPending == 0 {
		cfg.MaxPending = 5
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{cfg: cfg}
}

// sealAlg signs bindings and evidence: short, quick, and the same for every
// realm, so that a verifier needs one algorithm.
const sealAlg = "EdDSA"

var (
	// ErrTooManyPending: this application has asked this person enough for now.
	ErrTooManyPending = errors.New("too many undecided approvals")
	// ErrExpired: the time to decide is over.
	ErrExpired = errors.New("approval expired")
	// ErrNotEnded: there is no evidence yet.
	ErrNotEnded = errors.New("approval is still pending")
	// ErrRedeemed: the one use of this approval was made before.
	ErrRedeemed = errors.New("approval was redeemed before")
)

// An EndedError says that an approval was closed before, and how.
type EndedError struct{ State model.ApprovalState }

func (e *EndedError) Error() string { return "approval has ended: " + string(e.State) }

// A DecisionError is a decision that is not about exactly this approval, or
// is not signed as it must be. Part is "decision" or "passkey". Cause may quote
// what was sent, so the message leaves it out.
type DecisionError struct {
	Part   string
	Reason string
	Cause  error
}

func (e *DecisionError) Error() string { return e.Part + ": " + e.Reason }
func (e *DecisionError) Unwrap() error { return e.Cause }

func (s *Service) now() model.Millis { return model.MillisOf(s.cfg.Now()) }

// ForPerson reads an approval that this person decides. Anybody else's is not
// found.
func (s *Service) ForPerson(ctx context.Context, site *model.Site, person model.IdentityID, id model.ApprovalID) (model.Approval, error) {
	a, err := s.cfg.Store.Approval(ctx, site.Realm.ID, id)
	if err == nil && a.IdentityID != person {
		err = model.ErrNotFound
	}
	return s.seen(ctx, site, a, err)
}

// ForClient reads an approval that this application asked for. Anybody else's
// is not found.
func (s *Service) ForClient(ctx context.Context, site *model.Site, client model.ClientID, id model.ApprovalID) (model.Approval, error) {
	a, err := s.cfg.Store.Approval(ctx, site.Realm.ID, id)
	if err == nil && a.ApplicationID != client {
		err = model.ErrNotFound
	}
	return s.seen(ctx, site, a, err)
}

// ByRequest reads an approval by the digest of its auth_req_id.
func (s *Service) ByRequest(ctx context.Context, site *model.Site, client model.ClientID, digest ids.Digest) (model.Approval, error) {
	a, err := s.cfg.Store.ApprovalByRequest(ctx, site.Realm.ID, digest[:])
	if err == nil && a.ApplicationID != client {
		err = model.ErrNotFound
	}
	return s.seen(ctx, site, a, err)
}

// seen makes an approval whose time is up expired before anybody sees it.
func (s *Service) seen(ctx context.Context, site *model.Site, a model.Approval, err error) (model.Approval, error) {
	if err != nil {
		return model.Approval{}, fmt.Errorf("read approval: %w", err)
	}
	if a.State == model.ApprovalPending && s.now() >= a.ExpiresAt {
		return s.expire(ctx, site, a)
	}
	return a, nil
}

// A Page is part of a person's approvals, newest first.
type Page struct {
	Approvals []model.Approval
	Next      model.ApprovalID // pass as Before for the rest; empty at the end
}

// List shows a person's approvals.
func (s *Service) List(ctx context.Context, q Query) (Page, error) {
	q.Now = s.now()
	limit := q.Limit
	q.Limit++
	found, err := s.cfg.Store.Approvals(ctx, q)
	if err != nil {
		return Page{}, fmt.Errorf("list approvals: %w", err)
	}
	p := Page{Approvals: found}
	if len(found) > limit {
		p.Approvals = found[:limit]
		p.Next = found[limit-1].ID
	}
	return p, nil
}

// Watch wakes when this approval changes.
func (s *Service) Watch(id model.ApprovalID) *hub.Wait {
	return s.cfg.Hub.Watch(model.TopicApproval, string(id))
}

// WatchPerson wakes when any approval of this person changes.
func (s *Service) WatchPerson(id model.IdentityID) *hub.Wait {
	return s.cfg.Hub.Watch(model.TopicApproval, string(id))
}

// Fulfil hands out the result of an approved approval: exactly one caller
// succeeds, all others get model.ErrConflict.
func (s *Service) Fulfil(ctx context.Context, g model.Grant) error {
	now := s.now()
	a := model.Approval{RealmID: g.RealmID, ID: g.ApprovalID, IdentityID: g.IdentityID}
	fx := effects(a, "approval.fulfilled", string(g.ApplicationID), now)
	fx.Changes = nil // nobody waits for it
	err := s.cfg.Store.FulfilApproval(ctx, g, now, fx)
	if errors.Is(err, model.ErrCommitUnknown) {
		// The grant's id is ours alone: if it stands in the row, we were the one.
		if got, e := s.cfg.Store.Approval(ctx, g.RealmID, g.ApprovalID); e == nil && got.GrantID == g.ID {
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("fulfil approval %s: %w", g.ApprovalID, err)
	}
	return nil
}

// Redeem makes the one use of an approval's token: ErrRedeemed for all but the
// first.
func (s *Service) Redeem(ctx context.Context, site *model.Site, id model.ApprovalID, actor model.ClientID) (model.Millis, error) {
	now := s.now()
	a := model.Approval{RealmID: site.Realm.ID, ID: id}
	fx := effects(a, "approval.redeemed", string(actor), now)
	fx.Changes = nil // nobody waits for it
	err := s.cfg.Store.RedeemApproval(ctx, site.Realm.ID, id, now, fx)
	if errors.Is(err, model.ErrConflict) {
		return 0, ErrRedeemed
	}
	if err != nil {
		return 0, fmt.Errorf("redeem approval %s: %w", id, err)
	}
	return now, nil
}

func effects(a model.Approval, event, actor string, now model.Millis) model.Effects {
	return model.Effects{
		Events: []model.Event{{ID: model.EventID(ids.New("evt")), RealmID: a.RealmID, Type: event, Actor: actor, Target: string(a.ID), At: now}},
		Changes: []model.Change{{ID: ids.New("chg"), Topic: model.TopicApproval,
			Key: string(a.ID) + "/" + string(a.IdentityID), At: now}},
	}
}
