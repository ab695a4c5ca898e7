package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/sdk/evidence"
)

// A Request is one question to one person.
type Request struct {
	Kind     string // a row of kinds
	Client   *model.Application
	Person   model.Identity
	Action   evidence.Action
	Lifetime time.Duration
	// AuthReq is the digest of the secret with which the asker polls.
	AuthReq  ids.Digest
	Interval int // seconds between polls
	// Ping is the payload for model.ChannelPing when it ends; nil: the asker polls.
	Ping json.RawMessage
}

// Ask states the action, stores it and lets the person know, in one
// transaction. Whether it is the first time is in the row, not in the answer. It refuses with *DetailsError or ErrTooManyPending.
func (s *Service) Ask(ctx context.Context, site *model.Site, r Request) (model.Approval, error) {
	shown, err := show(site, r)
	if err != nil {
		return model.Approval{}, err
	}
	now := s.now()
	a := model.Approval{
		RealmID: site.Realm.ID, ID: model.ApprovalID(ids.New("apr")), Kind: r.Kind, State: model.ApprovalPending,
		IdentityID: r.Person.ID, ApplicationID: r.Client.ID, AuthReqDigest: r.AuthReq[:], Interval: r.Interval,
		FirstTime: true, // unless the database knows better
		Ping:      r.Ping,
		CreatedAt: now, ExpiresAt: now.Add(r.Lifetime),
	}
	if err := state(&a, site, r, shown); err != nil {
		return model.Approval{}, err
	}
	fx := effects(a, "approval.asked", string(r.Client.ID), now)
	fx.Outbox = s.mail(a, now)
	err = s.cfg.Store.CreateApproval(ctx, a, s.cfg.MaxPending, fx)
	if errors.Is(err, model.ErrCommitUnknown) {
		if _, e := s.cfg.Store.Approval(ctx, a.RealmID, a.ID); e == nil {
			err = nil // it is there: the person sees it, so the asker must know
		}
	}
	if errors.Is(err, model.ErrTooMany) {
		return model.Approval{}, ErrTooManyPending
	}
	if err != nil {
		return model.Approval{}, fmt.Errorf("store approval: %w", err)
	}
	return a, nil
}

// state writes the statement: what the person's passkey will sign the hash of.
func state(a *model.Approval, site *model.Site, r Request, shown evidence.Shown) error {
	st := evidence.Statement{
		Typ: evidence.StatementType, Iss: site.Issuer, ID: string(a.ID), Kind: r.Kind, Sub: string(r.Person.ID),
		ClientID: string(r.Client.ID), ClientName: r.Client.Name, Action: r.Action, Shown: shown,
		Nonce: ids.Secret(), Iat: a.CreatedAt.Unix(), Exp: a.ExpiresAt.Unix(),
	}
	if r.Client.Kind == model.KindAgent {
		st.Agent = &evidence.Agent{ID: string(r.Client.ID), Name: r.Client.Name, Owner: string(r.Client.OwnerID)}
	}
	canonical, err := st.Canonical()
	if err != nil {
		return &DetailsError{Reason: "the action cannot be written as canonical JSON", Cause: err}
	}
	a.Statement, a.StatementHash = canonical, model.StatementHash(evidence.Hash(canonical))
	return nil
}

// A Waiting is the payload of the e-mail that says that something waits. It
// does not say what.
type Waiting struct {
	Approval model.ApprovalID `json:"approval"`
	Identity model.IdentityID `json:"identity"`
}

func (s *Service) mail(a model.Approval, now model.Millis) []model.OutboxItem {
	if s.cfg.MailAfter == 0 {
		return nil
	}
	payload, err := json.Marshal(Waiting{a.ID, a.IdentityID})
	if err != nil {
		panic(err) // two strings
	}
	return []model.OutboxItem{{ID: model.OutboxID(ids.New("out")), RealmID: a.RealmID, Channel: "mail",
		Payload: payload, NotBefore: now.Add(s.cfg.MailAfter), ExpiresAt: a.ExpiresAt}}
}
