package model

import (
	"encoding/json"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
)

// ChannelLogout is the outbox channel of what must be told when sessions end.
const ChannelLogout = "logout"

// An Ended is what an item of that channel says. Either one application is to be
// told of one session; or it is to be found out whom to tell: of one session, of
// those that a passkey opened and that ended with it, or of all of a person.
type Ended struct {
	ClientID   ClientID   `json:"client,omitempty"`
	SessionID  SessionID  `json:"session,omitempty"`
	PasskeyID  PasskeyID  `json:"passkey,omitempty"`
	IdentityID IdentityID `json:"identity"`
	At         Millis     `json:"at"` // when it ended
}

// LogoutLife is how long the news that a session ended is worth telling.
const LogoutLife = 6 * time.Hour

// Tell adds to the effects that the end of a session is made known.
func (fx *Effects) Tell(realm RealmID, e Ended, now Millis) {
	payload, err := json.Marshal(e)
	if err != nil {
		panic(err) // ids and a number
	}
	fx.Outbox = append(fx.Outbox, OutboxItem{ID: OutboxID(ids.New("out")), RealmID: realm, Channel: ChannelLogout,
		Payload: payload, NotBefore: now, ExpiresAt: e.At.Add(LogoutLife)})
	fx.Changes = append(fx.Changes, Change{ID: ids.New("chg"), Topic: TopicOutbox, Key: ChannelLogout, At: now})
}
