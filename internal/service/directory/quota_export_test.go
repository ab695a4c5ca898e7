package directory

import (
	"time"

	"github.com/assent-id/assent/internal/model"
)

// MailQuota counts e-mails of a realm that may send so many in an hour.
func MailQuota(ofRealm int, site *model.Site) func(kind, address string, at time.Time) error {
	q := newMailQuota(ofRealm)
	return func(kind, address string, at time.Time) error {
		return q.take(deed{site: site, at: model.MillisOf(at)}, kind, address)
	}
}

// RecoveryTries counts tries of recovery codes of one node.
func RecoveryTries() func(*model.Site, RecoveryAnswer, time.Time) error {
	l := newRecoveryLimits()
	return func(site *model.Site, a RecoveryAnswer, at time.Time) error {
		_, err := l.allow(site, a, at)
		return err
	}
}
