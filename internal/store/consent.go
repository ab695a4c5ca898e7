package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

const (
	consentsSQL = `
SELECT item FROM consent WHERE realm_id = $1 AND identity_id = $2 AND application_id = $3 ORDER BY item`

	addConsentSQL = `
INSERT INTO consent (realm_id, identity_id, application_id, item, at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (realm_id, identity_id, application_id, item) DO NOTHING`

	removeConsentsSQL = `DELETE FROM consent WHERE realm_id = $1 AND identity_id = $2 AND application_id = $3`
)

// Consents implements the OAuth service's store.
func (s *Store) Consents(ctx context.Context, realm model.RealmID, identity model.IdentityID, app model.ClientID) ([]string, error) {
	items, err := readAll(ctx, s, row.text, consentsSQL, realm, identity, app)
	return items, wrap(err, "list consents of identity", identity)
}

// AddConsents implements the OAuth service's store. The effects are written
// even if all of it was there already.
func (s *Store) AddConsents(ctx context.Context, list []model.Consent, fx model.Effects) error {
	var u unit
	for _, c := range slices.SortedFunc(slices.Values(list), func(a, b model.Consent) int {
		return strings.Compare(consentName(a), consentName(b))
	}) {
		u.do(addConsentSQL, c.RealmID, c.IdentityID, c.ApplicationID, c.Item, c.At)
		u.locks(lockRow, consentName(c))
	}
	return wrap(s.write(ctx, &u, fx), "add consents", "")
}

// consentName orders consents as their primary key does within a realm. Two
// that agree to the same at once must come in the same order, or each waits for
// the other.
func consentName(c model.Consent) string {
	return string(c.IdentityID) + " " + string(c.ApplicationID) + " " + c.Item
}

// RemoveConsents implements the OAuth service's store. Where nothing is to be
// removed, no effects are written.
func (s *Store) RemoveConsents(ctx context.Context, realm model.RealmID, identity model.IdentityID, app model.ClientID, fx model.Effects) error {
	var u unit
	u.expect(errNoConsents, removeConsentsSQL, realm, identity, app)
	u.locks(lockRow, consentName(model.Consent{IdentityID: identity, ApplicationID: app}))
	err := s.write(ctx, &u, fx)
	if errors.Is(err, errNoConsents) {
		return nil
	}
	return wrap(err, "remove consents of identity", identity)
}

var errNoConsents = errors.New("there are no consents")
