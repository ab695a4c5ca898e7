package approval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/sdk/evidence"
)

// An ending is how an approval closes.
type ending struct {
	state    model.ApprovalState
	at       model.Millis
	decision []byte // canonical; nil where nobody decided
	signed   *signature
	actor    string
}

// end seals the evidence and makes the one transition out of pending.
func (s *Service) end(ctx context.Context, site *model.Site, a model.Approval, e ending) (model.Approval, error) {
	kept, err := s.seal(ctx, site, a, e)
	if err != nil {
		return model.Approval{}, err
	}
	m := model.Ending{RealmID: a.RealmID, ID: a.ID, State: e.state, At: e.at, Evidence: kept}
	if e.signed != nil {
		m.Passkey = &model.PasskeyUse{RealmID: a.RealmID, ID: e.signed.passkey.ID,
			SignCount: e.signed.result.SignCount, BackupState: e.signed.result.BackupState, At: e.at}
	}
	fx := effects(a, "approval."+string(e.state), e.actor, e.at)
	ping(&fx, a, e)
	err = s.cfg.Store.EndApproval(ctx, m, fx)
	if errors.Is(err, model.ErrNotFound) && e.signed != nil {
		return model.Approval{}, &DecisionError{Part: "passkey", Reason: "this passkey was removed a moment ago", Cause: err}
	}
	if errors.Is(err, model.ErrConflict) || errors.Is(err, model.ErrCommitUnknown) {
		return s.readBack(ctx, a, kept, err)
	}
	if err != nil {
		return model.Approval{}, fmt.Errorf("end approval %s: %w", a.ID, err)
	}
	a.State, a.EndedAt, a.Evidence, a.Ping = e.state, e.at, kept, nil
	return a, nil
}

// PingFor is how long after the expiry of an approval, or after its end if that is
// later, a ping is worth sending: as long as its result can be fetched, and a
// little more, because an asker that was away learns from it that it must look.
const PingFor = 5 * time.Minute

// ping tells the asker that it has ended, with the very transition (CIBA Core
// 1.0, Section 10.2). One that took its request back knows.
func ping(fx *model.Effects, a model.Approval, e ending) {
	tookBack := e.state == model.ApprovalWithdrawn && e.actor == string(a.ApplicationID)
	if len(a.Ping) == 0 || tookBack {
		return
	}
	fx.Outbox = append(fx.Outbox, model.OutboxItem{ID: model.OutboxID(ids.New("out")), RealmID: a.RealmID, Channel: model.ChannelPing,
		Payload: a.Ping, NotBefore: e.at, ExpiresAt: max(a.ExpiresAt, e.at).Add(PingFor)})
	fx.Changes = append(fx.Changes, model.Change{ID: ids.New("chg"), Topic: model.TopicOutbox, Key: model.ChannelPing, At: e.at})
}

// readBack finds out how it really ended. After a commit whose outcome is
// unknown, our own evidence in the row means that we won.
func (s *Service) readBack(ctx context.Context, a model.Approval, ours []byte, cause error) (model.Approval, error) {
	got, err := s.cfg.Store.Approval(ctx, a.RealmID, a.ID)
	if err != nil {
		return model.Approval{}, fmt.Errorf("read approval %s back after %w: %w", a.ID, cause, err)
	}
	switch {
	case errors.Is(cause, model.ErrCommitUnknown) && bytes.Equal(got.Evidence, ours):
		return got, nil
	case got.State == model.ApprovalPending && errors.Is(cause, model.ErrConflict):
		return got, ErrExpired // pending and yet no decision counts any more
	case got.State == model.ApprovalPending:
		return got, fmt.Errorf("end approval %s: %w", a.ID, model.ErrUnavailable)
	case got.State == model.ApprovalExpired:
		return got, ErrExpired
	default:
		return got, &EndedError{got.State}
	}
}

// seal makes the evidence, without its statement, as it is kept in the row.
func (s *Service) seal(ctx context.Context, site *model.Site, a model.Approval, e ending) ([]byte, error) {
	ev := evidence.Evidence{Typ: evidence.EvidenceType, Statement: a.Statement, Outcome: e.state.Outcome(), EndedAt: e.at.Unix(), Decision: e.decision}
	if e.signed != nil {
		member, err := e.signed.member()
		if err != nil {
			return nil, err
		}
		ev.Binding, ev.Passkey = e.signed.passkey.Binding, member
	}
	payload, err := evidence.NewSeal(&ev, e.at.Unix())
	if err != nil {
		return nil, fmt.Errorf("seal evidence of %s: %w", a.ID, err)
	}
	if ev.Server, err = s.cfg.Signer.Sign(ctx, site, sealAlg, evidence.SealHeaderType, payload); err != nil {
		return nil, fmt.Errorf("sign evidence of %s: %w", a.ID, err)
	}
	ev.Statement = json.RawMessage("null") // statementElsewhere
	kept, err := json.Marshal(ev)
	if err != nil {
		return nil, fmt.Errorf("encode evidence of %s: %w", a.ID, err)
	}
	return kept, nil
}

// Evidence is the evidence document of an ended approval; ErrNotEnded before.
func Evidence(a model.Approval) ([]byte, error) {
	if len(a.Evidence) == 0 {
		return nil, ErrNotEnded
	}
	before, after, found := bytes.Cut(a.Evidence, statementElsewhere)
	if !found {
		return nil, fmt.Errorf("stored evidence of %s has no place for its statement", a.ID)
	}
	return slices.Concat(before, []byte(`"statement":`), a.Statement, after), nil
}

// statementElsewhere is the statement member of evidence as it is kept: the
// statement stands in the row already. No other member of that name is null.
var statementElsewhere = []byte(`"statement":null`)

// Granted is what the person granted: the action, or less.
func Granted(a model.Approval) (evidence.Action, error) {
	var kept struct {
		Decision struct {
			Granted *evidence.Action `json:"granted"`
		} `json:"decision"`
	}
	if err := json.Unmarshal(a.Evidence, &kept); err != nil || kept.Decision.Granted == nil {
		return evidence.Action{}, fmt.Errorf("decision of %s grants nothing: %w", a.ID, errors.Join(err, ErrNotEnded))
	}
	return *kept.Decision.Granted, nil
}

// Withdraw lets the asker take a pending request back. One that has ended
// stays as it ended.
func (s *Service) Withdraw(ctx context.Context, site *model.Site, a model.Approval) (model.Approval, error) {
	if a.State.Ended() {
		return a, &EndedError{a.State}
	}
	return s.end(ctx, site, a, ending{state: model.ApprovalWithdrawn, at: s.now(), actor: string(a.ApplicationID)})
}

// WithdrawAll takes back whatever a person is asked, because they go.
func (s *Service) WithdrawAll(ctx context.Context, site *model.Site, person model.IdentityID, actor string) error {
	q := Query{RealmID: site.Realm.ID, IdentityID: person, Pending: true, Now: s.now(), Limit: 100}
	for {
		list, err := s.cfg.Store.Approvals(ctx, q)
		if err != nil {
			return fmt.Errorf("list what %s is asked: %w", person, err)
		}
		for _, a := range list {
			_, err := s.end(ctx, site, a, ending{state: model.ApprovalWithdrawn, at: s.now(), actor: actor})
			if _, ended := errors.AsType[*EndedError](err); err != nil && !ended && !errors.Is(err, ErrExpired) {
				return err
			}
			q.Before = a.ID
		}
		if len(list) < q.Limit {
			return nil
		}
	}
}

func (s *Service) expire(ctx context.Context, site *model.Site, a model.Approval) (model.Approval, error) {
	got, err := s.end(ctx, site, a, ending{state: model.ApprovalExpired, at: s.now(), actor: "server"})
	if ended, ok := errors.AsType[*EndedError](err); ok {
		got.State = ended.State // somebody closed it in the last moment
		return got, nil
	}
	if errors.Is(err, ErrExpired) {
		return got, nil
	}
	return got, err
}

// ExpireDue closes approvals whose time is up, and says how many. Any node may
// call it at any time; each approval is closed once.
func (s *Service) ExpireDue(ctx context.Context) (int, error) {
	due, err := s.cfg.Store.DueApprovals(ctx, s.now(), 200)
	if err != nil {
		return 0, fmt.Errorf("read due approvals: %w", err)
	}
	var errs []error // one approval's trouble is not every approval's
	closed := 0
	for _, a := range due {
		if err := s.expireDue(ctx, a); err != nil {
			errs = append(errs, err)
			continue
		}
		closed++
	}
	return closed, errors.Join(errs...)
}

func (s *Service) expireDue(ctx context.Context, a model.Approval) error {
	site, err := s.cfg.Realms.ByID(ctx, a.RealmID)
	if err != nil {
		return err
	}
	_, err = s.expire(ctx, site, a)
	return err
}

// member is the passkey member of the evidence.
func (sig *signature) member() (*evidence.Passkey, error) {
	aaguid, err := evidence.AAGUID(sig.passkey.AAGUID)
	if err != nil {
		return nil, fmt.Errorf("passkey %s: %w", sig.passkey.ID, err)
	}
	return &evidence.Passkey{
		CredentialID: sig.passkey.CredentialID, PublicKey: sig.passkey.PublicKey, AAGUID: aaguid,
		BackupEligible: sig.passkey.BackupEligible, BackupState: sig.result.BackupState,
		AuthenticatorData: sig.assertion.AuthenticatorData, ClientDataJSON: sig.assertion.ClientDataJSON, Signature: sig.assertion.Signature,
	}, nil
}
