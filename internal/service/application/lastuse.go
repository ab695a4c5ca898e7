package application

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/model"
)

const (
	// warnEvery is how often one node says that a retiring key is in use.
	warnEvery     = time.Hour
	maxWarnedKeys = 10_000
	// maxUnwritten bounds the marks that wait for a database that does not answer.
	maxUnwritten = 100_000
)

// uses are marks of keys that were used since they were last written down. A mark
// comes here once between two writes, however often its key is used.
type uses struct {
	mu     sync.Mutex
	marks  []*model.KeyMark
	warned *limit.Keyed // by realm id "/" client id "/" kid
}

func newUses() *uses {
	return &uses{warned: limit.NewKeyed(limit.Rate{Every: warnEvery, Burst: 1}, maxWarnedKeys)}
}

func (u *uses) add(m *model.KeyMark) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.marks) < maxUnwritten {
		u.marks = append(u.marks, m)
	}
}

func (u *uses) take() []*model.KeyMark {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := u.marks
	u.marks = nil
	return all
}

// Used hears that a client has just proved who it is with one of its keys. It
// writes nothing (see [Service.WriteUses]), but that a key is used which is being
// retired, once in an hour. A key of a jwks_uri is none of ours.
func (s *Service) Used(ctx context.Context, c *model.Client, kid string, now model.Millis) {
	mark, key := c.Mark(kid)
	if mark == nil {
		return
	}
	if mark.Note(now) {
		s.uses.add(mark)
	}
	if key.Status == model.KeyRetiring && mark.Warn(now, model.Millis(warnEvery.Milliseconds())) {
		s.warnRetiring(ctx, c, *key, now)
	}
}

// warnRetiring tells those who run the server that a client has not changed its key
// yet. The mark is new whenever the client was read again, so it is asked here too.
func (s *Service) warnRetiring(ctx context.Context, c *model.Client, k model.ClientKey, now model.Millis) {
	name := string(c.RealmID) + "/" + string(c.ID) + "/" + string(k.KID)
	if _, ok := s.uses.warned.Allow(name, now.Time()); !ok {
		return
	}
	s.cfg.Log.WarnContext(ctx, "a client still signs with a key that is being retired", "client_id", c.ID, "kid", k.KID, "retire_time", k.RetireAt.Time())
	fx := about(by(string(c.ID), effects(c.Application, "service_client.retiring_key_used", now)), k)
	if err := s.cfg.Store.RecordEvents(ctx, fx.Events); err != nil {
		s.uses.warned.Return(name)
		s.cfg.Log.WarnContext(ctx, "note the use of a key that is being retired", "client_id", c.ID, "error", err)
	}
}

// about adds to an event which key it is about.
func about(fx model.Effects, k model.ClientKey) model.Effects {
	data := struct {
		KID      model.ClientKeyID `json:"kid"`
		RetireAt string            `json:"retire_time,omitempty"`
	}{KID: k.KID}
	if k.RetireAt != 0 {
		data.RetireAt = k.RetireAt.Time().Format(time.RFC3339Nano)
	}
	if text, err := json.Marshal(data); err == nil {
		fx.Events[0].Data = text
	}
	return fx
}

// WriteUses writes down when keys were last used. The server calls it once a
// minute, and when it stops. What cannot be written is tried again the next time.
func (s *Service) WriteUses(ctx context.Context) error {
	marks := s.uses.take()
	if len(marks) == 0 {
		return nil
	}
	err := s.cfg.Store.KeysUsed(ctx, lastUses(marks))
	if errors.Is(err, model.ErrCommitUnknown) {
		return nil // what was used again is written again
	}
	if err != nil {
		for _, m := range marks {
			if m.Note(0) {
				s.uses.add(m)
			}
		}
		return fmt.Errorf("write down the last uses of keys: %w", err)
	}
	return nil
}

// lastUses is one use of each key, in one order on every node. A key has several
// marks where its client was read again.
func lastUses(marks []*model.KeyMark) []model.KeyUse {
	all := make([]model.KeyUse, len(marks))
	for i, m := range marks {
		all[i] = m.Take()
	}
	slices.SortFunc(all, func(a, b model.KeyUse) int {
		return cmp.Or(cmp.Compare(a.RealmID, b.RealmID), cmp.Compare(a.ClientID, b.ClientID), cmp.Compare(a.KID, b.KID), cmp.Compare(b.At, a.At))
	})
	return slices.CompactFunc(all, func(a, b model.KeyUse) bool { // the latest comes first
		return a.RealmID == b.RealmID && a.ClientID == b.ClientID && a.KID == b.KID
	})
}
