package signin

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/gate"
)

var (
	// ErrNoSession: the cookie is not a live session of this realm, or its
	// person may not do anything now.
	ErrNoSession = errors.New("no session")
	// ErrCeremony: the sign-in was not begun here, waited too long or was
	// finished before. Beginning again helps.
	ErrCeremony = errors.New("ceremony is over")
)

// A Cause says why a sign-in was refused. It is for the audit trail and the
// log; people read one plain sentence for all of them.
type Cause string

// The causes of refusal.
const (
	CauseMalformed      Cause = "response_malformed"
	CauseUnknownPasskey Cause = "passkey_unknown"
	CauseRevokedPasskey Cause = "passkey_revoked"
	// CauseElsewhere: another realm of this server, which browsers cannot tell from
	// this one, has the passkey. It must not be forgotten.
	CauseElsewhere   Cause = "passkey_elsewhere"
	CauseOtherPerson Cause = "user_handle_mismatch"
	CauseOtherRP     Cause = "relying_party_mismatch" // made for another one
	CauseAssertion   Cause = "assertion_invalid"
	CauseClone       Cause = "clone_suspected"
	// CauseOvertaken: the counter did not grow, and another answer of the passkey came
	// in since this sign-in began. Answers that change places look like that too.
	CauseOvertaken     Cause = "counter_overtaken"
	CauseSoftware      Cause = "software_passkey"
	CauseReplayed      Cause = "ceremony_replayed"
	CauseSuspended     Cause = "identity_suspended"
	CauseRealmDisabled Cause = "realm_disabled"
	CauseGate          Cause = "gate"
	CausePassword      Cause = "password_wrong"
)

// A Refused is a sign-in that did not happen.
type Refused struct {
	Cause Cause
	Err   error // what was found; may be nil
}

func (r *Refused) Error() string {
	if r.Err == nil {
		return "sign-in refused: " + string(r.Cause)
	}
	return fmt.Sprintf("sign-in refused: %s: %v", r.Cause, r.Err)
}

func (r *Refused) Unwrap() error { return r.Err }

// An attempt is what is known of a sign-in so far.
type attempt struct {
	site     *model.Site
	rp       passkey.RP   // whose passkeys may answer
	began    model.Millis // when the ceremony did
	at       model.Millis
	identity model.IdentityID
	passkey  model.PasskeyID
	// only is the passkey that must answer; empty: any.
	only model.PasskeyID
	// bucket limits what is written of refusals where the identity must not: whether
	// something is written takes time, and would tell who exists.
	bucket string
	// also is noted together with a refusal.
	also []model.Event
}

// refuse notes a refusal in the audit trail and returns it. That the note
// cannot be written changes nothing for the person, who is refused either way.
func (s *Service) refuse(ctx context.Context, a attempt, cause Cause, err error) error {
	refused := &Refused{Cause: cause, Err: err}
	key := string(a.site.Realm.ID) + "/" + cmp.Or(a.bucket, string(a.identity))
	if _, ok := s.refusals.Allow(key, a.at.Time()); !ok {
		return refused
	}
	event := a.event("signin.refused", map[string]string{"cause": string(cause), "passkey": string(a.passkey)})
	if err := s.store.RecordEvents(ctx, append(a.also, event)); err != nil {
		s.log.WarnContext(ctx, "record refused sign-in", slog.String("cause", string(cause)), slog.Any("error", err))
	}
	return refused
}

func (a attempt) event(kind string, data map[string]string) model.Event {
	for k, v := range data {
		if v == "" {
			delete(data, k)
		}
	}
	raw, _ := json.Marshal(data) // a map of strings always encodes
	return model.Event{ID: model.EventID(ids.New("evt")), RealmID: a.site.Realm.ID, Type: kind,
		Actor: string(a.identity), Target: string(a.identity), At: a.at, Data: raw}
}

// closed is what the gate's refusal means here. An error that is no refusal
// says that the gate could not decide; it is ours.
func closed(err error) (Cause, bool) {
	refusal, ok := errors.AsType[*gate.Refusal](err)
	if !ok {
		return "", false
	}
	switch refusal.Reason {
	case gate.RealmDisabled:
		return CauseRealmDisabled, true
	case gate.IdentityNotActive:
		return CauseSuspended, true
	}
	return CauseGate, true
}
