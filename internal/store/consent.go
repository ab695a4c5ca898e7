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

	consentsOfSQL = `
SELECT application_id, item, at FROM consent WHERE realm_id = $1 AND identity_id = $2 ORDER BY application_id, item`

	allowancesSQL = `
SELECT application_id, used_at, disallowed_at FROM allowance
WHERE realm_id = $1 AND identity_id = $2 ORDER BY application_id`

	// The row is taken in any case: whoever takes back what the application has
	// comes before, and this finds it disallowed, or after, and then finds the grant.
	useAllowanceSQL = `
INSERT INTO allowance (realm_id, identity_id, application_id, used_at, disallowed_at) VALUES ($1, $2, $3, $4, 0)
ON CONFLICT (realm_id, identity_id, application_id) DO UPDATE SET
  used_at = CASE WHEN excluded.used_at > allowance.used_at THEN excluded.used_at ELSE allowance.used_at END
WHERE $5 = 0 OR allowance.disallowed_at < $5`

	// A clock that was set back revives nothing.
	disallowSQL = `
INSERT INTO allowance (realm_id, identity_id, application_id, used_at, disallowed_at) VALUES ($1, $2, $3, 0, $4)
ON CONFLICT (realm_id, identity_id, application_id) DO UPDATE SET disallowed_at = excluded.disallowed_at
WHERE allowance.disallowed_at < excluded.disallowed_at`

	removeConsentsSQL = `
DELETE FROM consent WHERE realm_id = $1 AND identity_id = $2 AND application_id = $3 AND at <= $4`
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

// ConsentsOf implements the OAuth service's store.
func (s *Store) ConsentsOf(ctx context.Context, realm model.RealmID, identity model.IdentityID) ([]model.Consent, error) {
	scan := func(r row) model.Consent {
		return model.Consent{RealmID: realm, IdentityID: identity, ApplicationID: model.ClientID(r.text()), Item: r.text(), At: millis(r)}
	}
	list, err := readAll(ctx, s, scan, consentsOfSQL, realm, identity)
	return list, wrap(err, "list consents of identity", identity)
}

// GrantsOf implements the OAuth service's store.
func (s *Store) GrantsOf(ctx context.Context, realm model.RealmID, identity model.IdentityID) ([]model.Grant, error) {
	var bad error
	list, err := readAll(ctx, s, scanGrant(&bad), grantsOfIdentitySQL, realm, identity)
	slices.SortFunc(list, func(a, b model.Grant) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return list, wrap(first(err, bad), "list grants of identity", identity)
}

// Allowances implements the OAuth service's store.
func (s *Store) Allowances(ctx context.Context, realm model.RealmID, identity model.IdentityID) ([]model.Allowance, error) {
	scan := func(r row) model.Allowance {
		return model.Allowance{RealmID: realm, IdentityID: identity, ApplicationID: model.ClientID(r.text()), UsedAt: millis(r), DisallowedAt: millis(r)}
	}
	list, err := readAll(ctx, s, scan, allowancesSQL, realm, identity)
	return list, wrap(err, "list allowances of identity", identity)
}

// Disallow implements the OAuth service's store. Where that was done as far
// already, nothing is written, effects included.
func (s *Store) Disallow(ctx context.Context, a model.Allowance, fx model.Effects) error {
	name := consentName(model.Consent{IdentityID: a.IdentityID, ApplicationID: a.ApplicationID})
	var u unit
	u.do(removeConsentsSQL, a.RealmID, a.IdentityID, a.ApplicationID, a.DisallowedAt)
	u.locks(lockRow, name)
	u.expect(errDisallowedAlready, disallowSQL, a.RealmID, a.IdentityID, a.ApplicationID, a.DisallowedAt)
	u.locks(lockJoined, name)
	err := s.write(ctx, &u, fx)
	if errors.Is(err, errDisallowedAlready) {
		return nil
	}
	return wrap(err, "disallow application of identity", a.IdentityID)
}

var errDisallowedAlready = errors.New("disallowed already")
