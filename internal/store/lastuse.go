package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/assent-id/assent/internal/model"
)

// usesAtOnce is how many last uses one statement writes.
const usesAtOnce = 64

// keysUsedSQL has room for usesAtOnce of them: one text, whatever their number.
var keysUsedSQL = func() string {
	rows := make([]string, usesAtOnce)
	for i := range rows {
		n := 4 * i
		rows[i] = fmt.Sprintf("(CAST($%d AS text), CAST($%d AS text), CAST($%d AS text), CAST($%d AS bigint))", n+1, n+2, n+3, n+4)
	}
	return `
WITH used (realm, app, kid, at) AS (VALUES ` + strings.Join(rows, ", ") + `)
UPDATE application_key SET last_used_at = used.at FROM used
WHERE realm_id = used.realm AND application_id = used.app AND application_key.kid = used.kid AND last_used_at < used.at`
}()

// KeysUsed implements the application service's store.
func (s *Store) KeysUsed(ctx context.Context, uses []model.KeyUse) error {
	var u unit
	for len(uses) > 0 {
		n := min(len(uses), usesAtOnce)
		u.do(keysUsedSQL, keysUsedArgs(uses[:n])...)
		uses = uses[n:]
	}
	return wrap(s.write(ctx, &u, model.Effects{}), "write down the last use of", "keys")
}

// keysUsedArgs fills what is left of the room with the last one again.
func keysUsedArgs(uses []model.KeyUse) []any {
	args := make([]any, 0, 4*usesAtOnce)
	for i := range usesAtOnce {
		k := uses[min(i, len(uses)-1)]
		args = append(args, k.RealmID, k.ClientID, string(k.KID), k.At)
	}
	return args
}
