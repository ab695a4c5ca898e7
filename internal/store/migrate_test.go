package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/assent-id/assent/internal/format/ids"
	"github.com/assent-id/assent/internal/model"
	"github.com/assent-id/assent/internal/service/oauth"
	"github.com/assent-id/assent/internal/store"
)

// What was released is in databases: it is never changed, only added to.
func TestAReleasedMigrationIsNeverChanged(t *testing.T) {
	released := map[string]string{
		"00001_first.sql": "cacfc8184b6de4e0f39303142862811db912c4ddf09b1fe42f4202e0c3e311bf",
	}
	for name, want := range released {
		text, err := os.ReadFile("migrations/" + name)
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(text)
		if got := hex.EncodeToString(digest[:]); got != want {
			t.Errorf("%s has digest %s, and was released with %s: write a new migration", name, got, want)
		}
	}
}

// firstVersion is a row of each kind that later migrations touch, as the first
// version wrote them.
var firstVersion = []struct {
	sql  string
	args []any
}{
	{`INSERT INTO tenant (id, name, created_at) VALUES ('ten_1', 'Acme', 1)`, nil},
	{`INSERT INTO realm (id, tenant_id, name, display_name, is_default, status, policy, tokens_invalid_before, created_at, version)
	  VALUES ('rlm_1', 'ten_1', 'main', 'Main', true, 'active', '{"ask_anyone":true}', 0, 1, 1)`, nil},
	{`INSERT INTO identity (realm_id, id, display_name, status, username, email, traits, tokens_invalid_before, created_at, updated_at, version)
	  VALUES ('rlm_1', 'idn_1', 'Al', 'active', 'al', '', '{"type":"traits_v0","username":"al"}', 0, 1, 1, 1)`, nil},
	{`INSERT INTO application (realm_id, id, kind, name, status, owner_id, settings, tokens_invalid_before, created_at, version)
	  VALUES ('rlm_1', 'agt_1', 'agent', 'bot', 'active', '',
	  '{"token_endpoint_auth_method":"private_key_jwt","grant_types":["ciba"],"scopes":["deploy"]}', 0, 1, 3)`, nil},
	{`INSERT INTO application_key (realm_id, application_id, kid, jwk, status, created_at, retire_at, last_used_at)
	  VALUES ('rlm_1', 'agt_1', 'k', $1, 'active', 1, 0, 0)`, []any{[]byte(`{}`)}},
	{`INSERT INTO session (realm_id, id, digest, identity_id, passkey_id, auth_time, last_seen_at, expires_at, idle_until, ended_at, user_agent)
	  VALUES ('rlm_1', 'ses_1', $1, 'idn_1', 'psk_1', 1, 1, 9000, 9000, 0, 'test')`, []any{make([]byte, 32)}},
	{`INSERT INTO approval (realm_id, id, kind, state, identity_id, application_id, statement, statement_hash, auth_req_digest,
	  poll_interval, first_time, created_at, expires_at, ended_at, evidence, grant_id, fulfilled_at, redeemed_at)
	  VALUES ('rlm_1', 'apr_1', 'ciba', 'approved', 'idn_1', 'agt_1', $1, 'h', NULL, 5, true, 1, 9000, 2, $1, '', 0, 0)`, []any{[]byte(`{}`)}},
	{`INSERT INTO access_grant (realm_id, id, kind, identity_id, application_id, approval_id, scope, created_at, expires_at, revoked_at)
	  VALUES ('rlm_1', 'grt_1', 'ciba', 'idn_1', 'agt_1', 'apr_0', 'deploy', 1, 9000, 0)`, nil},
}

func TestADatabaseOfTheFirstVersionMigratesWithEverythingInIt(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			url := e.fresh(t)
			if err := store.MigrateTo(t.Context(), url, 1); err != nil {
				t.Fatal(err)
			}
			for _, row := range firstVersion {
				execute(t, e.driver, url, row.sql, row.args...)
			}
			s := open(t, store.Config{URL: url})
			checkMigrated(t, s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			again := open(t, store.Config{URL: url}) // now there is nothing to migrate
			if _, err := again.Grant(t.Context(), "rlm_1", "grt_1"); err != nil {
				t.Error(err)
			}
		})
	}
}

func checkMigrated(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	grant := model.Grant{RealmID: "rlm_1", ID: "grt_1", Kind: "ciba", IdentityID: "idn_1", ApplicationID: "agt_1",
		ApprovalID: "apr_0", Scope: "deploy", CreatedAt: 1, ExpiresAt: 9000}
	got, err := s.Grant(ctx, "rlm_1", "grt_1")
	if diff := cmp.Diff(grant, got); diff != "" || err != nil {
		t.Errorf("the grant (-want +got, %v):\n%s", err, diff)
	}
	app := model.Application{RealmID: "rlm_1", ID: "agt_1", Kind: model.KindAgent, Name: "bot", Status: model.ApplicationActive,
		Settings:  model.ApplicationSettings{AuthMethod: model.AuthPrivateKeyJWT, GrantTypes: []string{"ciba"}, Scopes: []string{"deploy"}},
		Keys:      []model.ClientKey{{KID: "k", JWK: []byte(`{}`), Status: model.KeyActive, CreatedAt: 1}},
		CreatedAt: 1, Version: 3}
	kept, err := s.Application(ctx, "rlm_1", "agt_1")
	if diff := cmp.Diff(app, kept, cmpopts.EquateEmpty()); diff != "" || err != nil {
		t.Errorf("the application (-want +got, %v):\n%s", err, diff)
	}
	if idle, err := s.IdleRegistrations(ctx, 1<<50, 10); len(idle) != 0 || err != nil {
		t.Errorf("an application of an operator counts as a registration: %v, %v", idle, err)
	}
	useMigrated(t, s, grant)
}

// useMigrated goes on with what was begun before the migration.
func useMigrated(t *testing.T, s *store.Store, old model.Grant) {
	t.Helper()
	ctx := t.Context()
	fulfilled := old
	fulfilled.ID, fulfilled.ApprovalID = "grt_2", "apr_1"
	child := model.Grant{RealmID: old.RealmID, ID: "grt_3", Kind: "exchange", ApplicationID: "agt_1", ParentID: old.ID,
		SessionID: "ses_1", CreatedAt: 3, ExpiresAt: 9000}
	once := model.Once{Namespace: model.OncePushed, RealmID: old.RealmID, Digest: ids.DigestOf("code"), Until: 9000}
	if err := errors.Join(
		s.FulfilApproval(ctx, fulfilled, 3, model.Effects{}),
		s.OpenGrant(ctx, oauth.Opening{Grant: child, Once: &once, Decided: 2}, model.Effects{}),
		s.UpdateApplication(ctx, model.Application{RealmID: "rlm_1", ID: "agt_1", Version: 3}, model.Effects{}),
	); err != nil {
		t.Error(err)
	}
	gone, err := s.RevokeGrants(ctx, oauth.GrantQuery{RealmID: old.RealmID, ID: old.ID, At: 4, Until: 9000}, model.Effects{})
	if len(gone) != 2 || err != nil {
		t.Errorf("revoked %v (%v), want the old grant and its child", gone, err)
	}
}

// Of several processes that find an old database, one migrates it.
func TestProcessesThatStartAtOnceOnAnOldDatabaseAllSucceed(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			url := e.fresh(t)
			if err := store.MigrateTo(t.Context(), url, 1); err != nil {
				t.Fatal(err)
			}
			outcomes := make(chan error)
			for range 6 {
				go func() {
					s, err := store.Open(context.WithoutCancel(t.Context()), store.Config{URL: url})
					if err == nil {
						_, err = s.IdleRegistrations(t.Context(), 1, 1)
						err = errors.Join(err, s.Close())
					}
					outcomes <- err
				}()
			}
			for range 6 {
				if err := <-outcomes; err != nil {
					t.Error(err)
				}
			}
		})
	}
}
