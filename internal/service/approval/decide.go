package approval

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
	"github.com/assent-id/assent/sdk/evidence"
)

// An Answer is what the approver sends: the exact decision, and for a yes the
// passkey's assertion over it (AuthenticationResponseJSON, WebAuthn Level 3,
// Section 5.1).
type Answer struct {
	Decision  json.RawMessage
	Assertion json.RawMessage
}

// Decide closes a pending approval with a person's answer. Exactly one of all
// who decide at once wins; the others get *EndedError with what it became.
//
// Nothing that the approver sends is believed: the hash is recomputed from the
// stored statement, the challenge from the decision, and the assertion is
// verified against the person's own passkey.
func (s *Service) Decide(ctx context.Context, site *model.Site, person model.Identity, id model.ApprovalID, ans Answer) (model.Approval, error) {
	if _, err := s.cfg.Gate.Person(ctx, site, person); err != nil {
		return model.Approval{}, err
	}
	a, err := s.ForPerson(ctx, site, person.ID, id)
	if err != nil {
		return model.Approval{}, err
	}
	if a.State == model.ApprovalExpired {
		return a, ErrExpired
	}
	if a.State.Ended() {
		return a, &EndedError{a.State}
	}
	now := s.now()
	d, canonical, err := checkDecision(a, ans.Decision, now)
	if err != nil {
		return model.Approval{}, err
	}
	at, err := s.dated(ctx, site, a, now)
	if err != nil {
		return model.Approval{}, err
	}
	end := ending{state: model.ApprovalDenied, at: at, decision: canonical, actor: string(person.ID)}
	if d.Answer == evidence.Approve {
		end.state = model.ApprovalApproved
		if len(ans.Assertion) == 0 {
			return model.Approval{}, &DecisionError{Part: "passkey", Reason: "a yes needs a passkey"}
		}
	}
	// A no needs no passkey; one that brings a passkey must bring a good one.
	if len(ans.Assertion) > 0 {
		yes := answered{person, canonical, d.At, ans.Assertion}
		if end.signed, err = s.verify(ctx, site, yes); err != nil {
			return model.Approval{}, err
		}
	}
	return s.end(ctx, site, a, end)
}

// dated is when a decision counts as made: later than what was revoked of the
// application and the person by now, so that it is good for a token.
func (s *Service) dated(ctx context.Context, site *model.Site, a model.Approval, now model.Millis) (model.Millis, error) {
	app := model.Application{RealmID: a.RealmID, ID: a.ApplicationID, Status: model.ApplicationActive}
	revoked, err := s.cfg.Gate.Pass(ctx, gate.Use{Site: site, Application: &app, Identity: a.IdentityID})
	if _, refused := gate.Refused(err); refused {
		return now, nil // a stopped application gets nothing for it
	}
	return now.After(revoked), err
}

// checkDecision holds a decision against the stored statement.
func checkDecision(a model.Approval, raw json.RawMessage, now model.Millis) (evidence.Decision, []byte, error) {
	bad := func(reason string, cause error) (evidence.Decision, []byte, error) {
		return evidence.Decision{}, nil, &DecisionError{Part: "decision", Reason: reason, Cause: cause}
	}
	d, err := evidence.ParseDecision(raw)
	if err != nil {
		return bad("not a decision", err)
	}
	canonical, err := d.Canonical()
	if err != nil {
		return bad("not a decision", err)
	}
	st, err := evidence.ParseStatement(a.Statement)
	if err != nil {
		return evidence.Decision{}, nil, fmt.Errorf("stored statement of %s: %w", a.ID, err)
	}
	if d.At < now.Unix()-evidence.Skew || d.At > now.Unix()+evidence.Skew {
		return bad("its time is more than a minute off; is the clock of this device right?", nil)
	}
	// The same rules by which a stranger will check the evidence.
	if err := evidence.CheckDecision(d, st, string(a.StatementHash)); err != nil {
		return bad("it does not answer exactly what was asked", err)
	}
	return d, canonical, nil
}

// A signature is a verified assertion and the passkey that made it.
type signature struct {
	passkey   model.Passkey
	assertion *passkey.Assertion
	result    passkey.Result
}

// An answered decision is one with what a passkey says to it.
type answered struct {
	person    model.Identity
	decision  []byte // canonical
	at        int64  // Unix seconds, by the clock of the approver
	assertion json.RawMessage
}

func (s *Service) verify(ctx context.Context, site *model.Site, a answered) (*signature, error) {
	bad := func(reason string, cause error) (*signature, error) {
		return nil, &DecisionError{Part: "passkey", Reason: reason, Cause: cause}
	}
	assertion, err := passkey.ParseAssertion(a.assertion)
	if err != nil {
		return bad("not a passkey answer", err)
	}
	pk, err := s.cfg.Store.PasskeyByCredential(ctx, site.Realm.ID, assertion.CredentialID)
	if errors.Is(err, model.ErrNotFound) || err == nil && pk.IdentityID != a.person.ID {
		return bad("this passkey is not one of yours", nil)
	}
	if err != nil {
		return nil, fmt.Errorf("read passkey: %w", err)
	}
	if pk.Software() && !site.Realm.Policy.Development {
		return bad("passkeys in software are for development only", nil)
	}
	if !pk.For(site.RPID, site.RPID) {
		return bad("this passkey is for another site", nil)
	}
	challenge := evidence.Challenge(a.decision)
	result, err := assertion.Verify(site.RP(), challenge[:], credential(pk))
	if err != nil {
		return bad("the passkey did not sign exactly this decision", err)
	}
	if result.CloneSuspected {
		return nil, s.suspect(ctx, pk, result, a.at)
	}
	sig := &signature{passkey: pk, assertion: assertion, result: result}
	if err := sig.holds(a.decision); err != nil {
		return bad("the passkey's answer would not stand as evidence", err)
	}
	return sig, nil
}

// holds checks the answer by the rules by which a stranger will: an answer
// that only we accept could be repudiated. The signature itself was verified.
func (sig *signature) holds(decision []byte) error {
	member, err := sig.member()
	if err != nil {
		return err
	}
	binding, err := evidence.ParseBinding(sig.passkey.Binding)
	if err != nil {
		return err
	}
	return evidence.CheckAssertion(*member, binding, decision)
}

func credential(pk model.Passkey) passkey.Credential {
	return passkey.Credential{ID: pk.CredentialID, PublicKey: pk.PublicKey, AAGUID: pk.AAGUID, SignCount: pk.SignCount,
		BackupEligible: pk.BackupEligible, BackupState: pk.BackupState, Transports: pk.Transports}
}

// Options are what navigator.credentials.get needs beside the challenge, which
// the approver computes itself (PublicKeyCredentialRequestOptionsJSON). Passkeys of
// another relying party are left out: no browser would find them here.
func (s *Service) Options(ctx context.Context, site *model.Site, person model.IdentityID) (json.RawMessage, error) {
	all, err := s.cfg.Store.Passkeys(ctx, site.Realm.ID, person)
	if err != nil {
		return nil, fmt.Errorf("read passkeys: %w", err)
	}
	type descriptor struct {
		Type       string         `json:"type"`
		ID         evidence.Bytes `json:"id"`
		Transports []string       `json:"transports,omitempty"`
	}
	allow := make([]descriptor, 0, len(all))
	for _, pk := range all {
		if pk.RevokedAt == 0 && pk.For(site.RPID, site.RPID) {
			allow = append(allow, descriptor{"public-key", pk.CredentialID, pk.Transports})
		}
	}
	out, err := json.Marshal(map[string]any{"rpId": site.RPID, "allowCredentials": allow, "userVerification": "required", "timeout": 120_000})
	if err != nil {
		return nil, fmt.Errorf("encode passkey options: %w", err)
	}
	return out, nil
}
