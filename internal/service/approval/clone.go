package approval

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/format/passkey"
	"github.com/assent-id/assent/internal/model"
)

// suspect refuses an answer whose counter did not grow (Web Authentication Level
// 3, Section 7.2, step 22), and has it noted where somebody looks for copies. at is
// when the person decided, in Unix seconds: an answer of the same passkey that came
// in since may only have been faster.
func (s *Service) suspect(ctx context.Context, pk model.Passkey, shown passkey.Result, at int64) error {
	if pk.LastUsedAt.Unix() > at {
		return &DecisionError{Part: "passkey", Reason: "another answer of this passkey came first; try again"}
	}
	data, _ := json.Marshal(map[string]any{"identity": pk.IdentityID, "during": "decision",
		"stored": pk.SignCount, "shown": shown.SignCount}) // a map of texts and numbers always encodes
	event := model.Event{ID: model.EventID(ids.New("evt")), RealmID: pk.RealmID, Type: "passkey.clone_suspected",
		Actor: string(pk.IdentityID), Target: string(pk.ID), At: s.now(), Data: data}
	if err := s.cfg.Store.RecordEvents(ctx, []model.Event{event}); err != nil {
		s.cfg.Log.WarnContext(ctx, "record suspected copy", slog.String("passkey", string(pk.ID)), slog.Any("error", err))
	}
	return &DecisionError{Part: "passkey", Reason: "this passkey may have been copied"}
}
