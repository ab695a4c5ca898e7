package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
)

// mailChannel is the outbox channel of e-mails.
const mailChannel = "mail"

// What people are told by e-mail.
const (
	NoticeBindingLink  = "binding_link"    // here is your link
	NoticeRecoveryLink = "recovery_link"   // somebody made a link that needs no earlier passkey
	NoticePasskeyAdded = "passkey_added"   // you have another passkey
	NoticePasskeyGone  = "passkey_removed" // you have one passkey less
	NoticeCodesMade    = "recovery_codes"  // you have new recovery codes
	NoticeRecoveryUsed = "recovery_used"   // one of them was used
	NoticeEmailChanged = "email_changed"   // this is not your address here any more
)

const (
	// What is sealed in a notice.
	linkPurpose    = "binding-link"
	addressPurpose = "notice-address"
	// noticeLife: one that comes later alarms more than it helps.
	noticeLife = 24 * time.Hour
	// linkTries is for how long a mail server may be away.
	linkTries = 24 * time.Hour
)

// A Notice is the payload of an e-mail to a person: what it is about, not what it
// says. The link in it is sealed.
type Notice struct {
	Kind     string             `json:"kind"`
	ID       string             `json:"id"` // of the message; the same at every attempt
	Identity model.IdentityID   `json:"identity"`
	Job      model.BindingJobID `json:"job,omitempty"`
	Sealed   string             `json:"sealed,omitempty"`  // the link's token
	Address  string             `json:"address,omitempty"` // sealed, where it is not the person's own by now
	Passkey  string             `json:"passkey,omitempty"` // its name
	At       model.Millis       `json:"at"`
	GiveUp   model.Millis       `json:"give_up"` // not tried again from then on
}

// tell queues a notice where the person has an address and there is mail at all.
func (s *Service) tell(d deed, fx *model.Effects, identity model.Identity, n Notice) {
	if !s.mails || identity.Traits.PrimaryEmailAddress == "" {
		return
	}
	if s.quotas.notices.take(d, n.Kind, identity.Traits.PrimaryEmailAddress) != nil {
		s.log.Warn("notice not sent: too many", "kind", n.Kind, "realm", string(d.site.Realm.ID), "identity", string(identity.ID))
		return
	}
	n.GiveUp = d.at.Add(noticeLife)
	d.queue(fx, n, identity.ID, n.GiveUp)
}

// tellMoved tells whoever has the address that a person had before: who takes an
// account over would change it first, and its owner would hear of nothing.
func (s *Service) tellMoved(d deed, fx *model.Effects, old, next model.Identity) error {
	was := old.Traits.PrimaryEmailAddress
	if model.FoldName(was) == model.FoldName(next.Traits.PrimaryEmailAddress) {
		return nil
	}
	sealed, err := s.keyring.SealString(addressPurpose, []byte(was), []byte(old.ID))
	if err != nil {
		return fmt.Errorf("seal the address that %s had: %w", old.ID, err)
	}
	s.tell(d, fx, old, Notice{Kind: NoticeEmailChanged, Address: sealed})
	return nil
}

// NoticeAddress is where a notice goes; empty: to the person's address, as it is then.
func (s *Service) NoticeAddress(n Notice) (string, error) {
	if n.Address == "" {
		return "", nil
	}
	address, err := s.keyring.OpenString(addressPurpose, n.Address, []byte(n.Identity))
	if err != nil {
		return "", fmt.Errorf("open the address of notice %s: %w", n.ID, err)
	}
	return string(address), nil
}

// mailLink queues the link itself. Its token leaves the outbox as soon as it is
// sent, and is sealed until then: a copy of the database opens nothing.
func (s *Service) mailLink(d deed, w *inviting, identity model.Identity, token string) error {
	if identity.Traits.PrimaryEmailAddress == "" {
		return fmt.Errorf("send a link to %s: %w", identity.ID, ErrNoAddress)
	}
	if err := s.quotas.links.take(d, NoticeBindingLink, identity.Traits.PrimaryEmailAddress); err != nil {
		return fmt.Errorf("send a link to %s: %w", identity.ID, err)
	}
	sealed, err := s.keyring.SealString(linkPurpose, []byte(token), []byte(w.Job.ID))
	if err != nil {
		return fmt.Errorf("seal link of %s: %w", w.Job.ID, err)
	}
	n := Notice{Kind: NoticeBindingLink, Job: w.Job.ID, Sealed: sealed, GiveUp: min(w.Job.ExpiresAt, d.at.Add(linkTries))}
	// The item itself lasts as long as the link, so that whoever comes back later
	// than GiveUp still finds it and writes down that it was not sent.
	d.queue(&w.effects, n, identity.ID, w.Job.ExpiresAt)
	return nil
}

func (d deed) queue(fx *model.Effects, n Notice, to model.IdentityID, until model.Millis) {
	n.ID, n.Identity, n.At = ids.New("out"), to, d.at
	payload, _ := json.Marshal(n) // strings and numbers always encode
	fx.Outbox = append(fx.Outbox, model.OutboxItem{ID: model.OutboxID(n.ID), RealmID: d.site.Realm.ID, Channel: mailChannel,
		Payload: payload, NotBefore: d.at, ExpiresAt: until})
	fx.Changes = append(fx.Changes, model.Change{ID: ids.New("chg"), Topic: model.TopicOutbox, Key: mailChannel, At: d.at})
}

// A MailedLink is what the message about a job needs.
type MailedLink struct {
	Job model.BindingJob
	URL string // a secret
}

// MailedLink opens the link that a notice carries. It returns [ErrLinkUnknown],
// [ErrLinkUsed] or [ErrLinkExpired] for one that must not be sent any more.
func (s *Service) MailedLink(ctx context.Context, site *model.Site, n Notice) (MailedLink, error) {
	job, err := s.store.BindingJob(ctx, site.Realm.ID, n.Job)
	if errors.Is(err, model.ErrNotFound) {
		return MailedLink{}, ErrLinkUnknown
	}
	if err != nil {
		return MailedLink{}, fmt.Errorf("find binding job %s: %w", n.Job, err)
	}
	if err := linkError(job, s.now()); err != nil {
		return MailedLink{}, err
	}
	token, err := s.keyring.OpenString(linkPurpose, n.Sealed, []byte(n.Job))
	if err != nil {
		return MailedLink{}, fmt.Errorf("open the link of %s: %w", n.Job, err)
	}
	return MailedLink{Job: job, URL: link(site, string(token))}, nil
}

// LinkNotSent ends a job whose link did not reach its person, unless it was opened
// all the same. Whoever asked for it reads the reason.
func (s *Service) LinkNotSent(ctx context.Context, site *model.Site, n Notice, reason string) error {
	d := s.deed(site, "")
	event := d.event("binding_job.failed_to_send", string(n.Job), map[string]string{"identity": string(n.Identity), "reason": reason})
	err := s.store.FailBindingJob(ctx, site.Realm.ID, FailedLink{Job: n.Job, Failure: reason, At: d.at}, model.Effects{Events: []model.Event{event}})
	if err != nil && !errors.Is(err, model.ErrConflict) {
		return fmt.Errorf("note that the link of %s was not sent: %w", n.Job, err)
	}
	return nil
}
