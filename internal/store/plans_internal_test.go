package store

import (
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/assent-id/assent/internal/store/pgtest"
)

// everyday are the statements of what many people and applications do at once:
// tokens, codes, refreshing, introspection, devices, approvals, sessions.
var everyday = map[string]string{
	"application": applicationSQL, "application key": applicationKeySQL, "application secret": applicationSecretSQL,
	"identity": identitySQL, "identity by name": identityByUsernameSQL, "identity by e-mail": identityByEmailSQL,
	"passkeys": passkeysSQL, "passkey by credential": passkeyByCredentialSQL, "passkey homes": passkeyHomesSQL, "use passkey": usePasskeySQL,
	"session": sessionByDigestSQL, "session with identity": sessionWithIdentitySQL, "open session": openSessionSQL,
	"touch session": touchSessionSQL, "end session": endSessionSQL, "sessions of identity": sessionsOfIdentitySQL,
	"join session": joinSessionSQL, "applications of session": sessionApplicationsSQL,
	"consents": consentsSQL, "add consent": addConsentSQL, "remove consents": removeConsentsSQL,
	"consents of identity": consentsOfSQL, "disallow": disallowSQL,
	"allowances": allowancesSQL, "use allowance": useAllowanceSQL,
	"reserve key": reserveIdempotentSQL, "key": idempotentSQL, "answer key": answerIdempotentSQL, "release key": releaseIdempotentSQL,
	"grants listed": listGrantsSQL, "grants listed of identity": listGrantsOfIdentitySQL, "grants listed of application": listGrantsOfApplicationSQL,
	"grants listed of both": listGrantsOfBothSQL, "events before": eventsBeforeSQL, "logo": logoSQL,
	"consume": consumeSQL, "open grant": openGrantSQL, "under parent": underParentSQL, "under tokens": underTokensSQL, "take grant": takeGrantSQL, "grant": grantSQL,
	"refresh grant": refreshGrantSQL, "revoke grant": revokeGrantSQL, "grants of session": grantsOfSessionSQL,
	"grants of application": grantsOfApplicationSQL, "grants of both": grantsOfBothSQL, "children": childrenSQL,
	"revoked": revokedSQL, "revoke": revokeSQL, "revocations": revocationsSQL,
	"park": parkSQL, "parked": parkedSQL, "save opaque": saveOpaqueSQL, "opaque": opaqueSQL,
	"device": deviceRequestSQL, "device by user code": deviceByUserCodeSQL, "free user code": freeUserCodeSQL,
	"insert device": insertDeviceSQL, "decide device": decideDeviceSQL, "redeem device": redeemDeviceSQL,
	"ask": askSQL, "insert approval": insertApprovalSQL, "approval": approvalSQL, "approval by request": approvalByRequestSQL,
	"pending approvals": pendingApprovalsSQL, "ended approvals": endedApprovalsSQL, "earlier ended approvals": endedApprovalsBeforeSQL,
	"due approvals": dueApprovalsSQL, "decide approval": decideApprovalSQL, "note approved": noteApprovedSQL,
	"fulfil approval": fulfilApprovalSQL, "redeem approval": redeemApprovalSQL,
	"binding job by token": bindingJobByTokenSQL, "binding job": bindingJobSQL, "binding jobs of identity": bindingJobsOfIdentitySQL,
	"recovery codes": recoveryCodesSQL, "use recovery code": useRecoveryCodeSQL,
	"insert event": insertEventSQL, "insert change": insertChangeSQL, "changes since": changesSinceSQL,
	"grants to sweep": grantsNextSQL, "delete grant": deleteGrantSQL, "old sessions": oldSessionsSQL,
	"grants of identity": grantsOfIdentitySQL, "people": peopleSQL, "people by username": peopleByUsernameSQL, "people by e-mail": peopleByEmailSQL,
	"people by external id": peopleByExternalSQL, "people by name": peopleByNameSQL, "admins": adminsSQL, "suspended": suspendedSQL,
	"people of group": peopleOfGroupSQL, "last admin": lastAdminSQL, "end sessions of identity": endSessionsOfIdentitySQL,
	"group": groupSQL, "groups": groupsSQL, "group by name": groupByNameSQL, "groups of identity": groupsOfSQL,
	"group members": groupMembersSQL, "roles": rolesSQL, "roles of resource": rolesOfResourceSQL,
	"roles of member": rolesOfMemberSQL, "role names": roleNamesSQL, "role members": roleMembersSQL, "add role member": addRoleMemberSQL,
	"used up": usedUpNextSQL, "delete used up": deleteUsedUpSQL,
}

// A plan that reads a table from end to end, or all of a realm, grows with the
// database.
func TestEverydayStatementsFindTheirRowsByIndexOnSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	s, err := Open(t.Context(), Config{URL: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for name, statement := range everyday {
		for _, line := range litePlan(t, db, statement) {
			if growsOnSQLite(line) {
				t.Errorf("%s: %s", name, line)
			}
		}
	}
}

// growsOnSQLite reads one line of a plan.
func growsOnSQLite(line string) bool {
	scan := strings.HasPrefix(line, "SCAN ") && line != "SCAN CONSTANT ROW"
	return scan || strings.HasPrefix(line, "SEARCH ") && strings.HasSuffix(line, " (realm_id=?)")
}

func litePlan(t *testing.T, db *sql.DB, statement string) (lines []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+statement, make([]any, parameters(statement))...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, detail)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

var parameter = regexp.MustCompile(`\$([0-9]+)`)

// parameters is how many a statement has.
func parameters(statement string) (most int) {
	for _, m := range parameter.FindAllStringSubmatch(statement, -1) {
		n, _ := strconv.Atoi(m[1]) // digits
		most = max(most, n)
	}
	return most
}

// Empty tables are read whole whatever indexes they have, so reading whole is made
// dear: what is still read so has no index.
func TestEverydayStatementsFindTheirRowsByIndexOnPostgreSQL(t *testing.T) {
	conn := postgresForPlans(t)
	for name, statement := range everyday {
		plan := postgresPlan(t, conn, statement)
		for i, line := range plan {
			if growsOnPostgreSQL(plan, i) {
				t.Errorf("%s: %s\n%s", name, line, strings.Join(plan, "\n"))
			}
		}
	}
}

func postgresForPlans(t *testing.T) *pgx.Conn {
	t.Helper()
	c, err := pgtest.Start(t.Context())
	if errors.Is(err, pgtest.ErrNotInstalled) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop() })
	url, err := c.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan`); err != nil {
		t.Fatal(err)
	}
	return conn
}

var (
	wholeTable = regexp.MustCompile(`Seq Scan on (\w+)`)
	byIndex    = regexp.MustCompile(`(Index|Bitmap Index)( Only)? Scan`)
	realmAlone = regexp.MustCompile(`Index Cond: \(realm_id = [^()]+\)$`)
)

// growsOnPostgreSQL reads line i of a plan. The tables mark and realm have a few
// rows for ever.
func growsOnPostgreSQL(plan []string, i int) bool {
	if m := wholeTable.FindStringSubmatch(plan[i]); m != nil {
		return m[1] != "mark" && m[1] != "realm"
	}
	if !byIndex.MatchString(plan[i]) {
		return false
	}
	// What is walked through in order, a batch at a time, is bounded by that.
	return i+1 == len(plan) || !strings.Contains(plan[i+1], "Index Cond:") || realmAlone.MatchString(plan[i+1])
}

func postgresPlan(t *testing.T, conn *pgx.Conn, statement string) []string {
	t.Helper()
	const forget = `DEALLOCATE ALL`
	arguments := strings.TrimSuffix(strings.Repeat("NULL,", parameters(statement)), ",")
	if arguments != "" {
		arguments = "(" + arguments + ")"
	}
	if _, err := conn.Exec(t.Context(), `PREPARE everyday AS `+statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	rows, err := conn.Query(t.Context(), fmt.Sprintf(`EXPLAIN (COSTS OFF) EXECUTE everyday%s`, arguments), pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	if _, err := conn.Exec(t.Context(), forget); err != nil {
		t.Fatal(err)
	}
	return plan
}
