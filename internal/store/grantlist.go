package store

import (
	"context"

	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
)

const (
	newestFirst = ` AND id < $2 ORDER BY id DESC LIMIT $3`

	listGrantsSQL           = `SELECT ` + grantColumns + ` FROM access_grant WHERE realm_id = $1` + newestFirst
	listGrantsOfIdentitySQL = `SELECT ` + grantColumns + ` FROM access_grant WHERE realm_id = $1
AND identity_id = $4 AND identity_id <> ''` + newestFirst
	// In the order of the index that there is: one more would cost every grant that
	// is written.
	listGrantsOfApplicationSQL = `SELECT ` + grantColumns + ` FROM access_grant WHERE realm_id = $1
AND application_id = $4 AND (identity_id, id) < ($5, $2) ORDER BY identity_id DESC, id DESC LIMIT $3`
	listGrantsOfBothSQL = `SELECT ` + grantColumns + ` FROM access_grant WHERE realm_id = $1
AND application_id = $4 AND identity_id = $5` + newestFirst
)

// ListGrants implements the OAuth service's store.
func (s *Store) ListGrants(ctx context.Context, q oauth.GrantList) ([]model.Grant, error) {
	from, person := string(q.After), string(q.AfterIdentity)
	if from == "" {
		from, person = afterAll, afterAll
	}
	sql, args := listGrantsSQL, []any{q.RealmID, from, q.Limit}
	switch {
	case q.IdentityID != "" && q.ApplicationID != "":
		sql, args = listGrantsOfBothSQL, append(args, q.ApplicationID, q.IdentityID)
	case q.IdentityID != "":
		sql, args = listGrantsOfIdentitySQL, append(args, q.IdentityID)
	case q.ApplicationID != "":
		sql, args = listGrantsOfApplicationSQL, append(args, q.ApplicationID, person)
	}
	var bad error
	list, err := readAll(ctx, s, scanGrant(&bad), sql, args...)
	return list, wrap(first(err, bad), "list grants of realm", q.RealmID)
}
