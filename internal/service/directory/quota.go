package directory

import (
	"time"

	"github.com/assent-id/assent/internal/format/limit"
	"github.com/assent-id/assent/internal/model"
)

// A MailsError refuses a link by e-mail: the person, or the realm, got so many that
// the next has to wait. Whoever may invite people must not flood a mailbox, nor have
// the server's own address listed as one that does.
type MailsError struct{ Wait time.Duration }

func (e *MailsError) Error() string { return "too many links by e-mail" }

// A TooOftenError refuses what a person does for themselves too often.
type TooOftenError struct{ Wait time.Duration }

func (e *TooOftenError) Error() string { return "too often" }

const (
	mailsToOne   = 10   // in an hour, to one address
	mailsOfRealm = 5000 // in an hour, so that batches of 1,000 go through
	ownInHour    = 10   // links, or sets of codes, that a person makes for themselves
)

// quotas bound what this node sends and makes. Notices have allowances of their own,
// each kind by itself: whoever floods somebody with one kind must not keep another
// from them, least of all the one that says what was done.
type quotas struct {
	links, notices mailQuota
	own            *limit.Keyed
}

func newQuotas() quotas {
	return quotas{links: newMailQuota(mailsOfRealm), notices: newMailQuota(mailsOfRealm),
		own: limit.NewKeyed(limit.Per(ownInHour, time.Hour), 1<<16)}
}

type mailQuota struct{ people, realms *limit.Keyed }

func newMailQuota(ofRealm int) mailQuota {
	return mailQuota{people: limit.NewKeyed(limit.Per(mailsToOne, time.Hour), 1<<16), realms: limit.NewKeyed(limit.Per(ofRealm, time.Hour), 1<<14)}
}

// take counts one e-mail of a kind to an address, in both allowances or in none.
func (q mailQuota) take(d deed, kind, address string) error {
	realm := string(d.site.Realm.ID)
	if wait, ok := q.realms.Allow(realm, d.at.Time()); !ok {
		return &MailsError{wait}
	}
	if wait, ok := q.people.Allow(realm+" "+kind+" "+model.FoldName(address), d.at.Time()); !ok {
		q.realms.Return(realm)
		return &MailsError{wait}
	}
	return nil
}

// often counts what a person does for themselves.
func (q quotas) often(d deed, what string, id model.IdentityID) error {
	if wait, ok := q.own.Allow(string(d.site.Realm.ID)+" "+what+" "+string(id), d.at.Time()); !ok {
		return &TooOftenError{wait}
	}
	return nil
}
