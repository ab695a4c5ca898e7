-- +goose Up

-- Names in double braces are filled in for the engine: see migrate.go.
-- Instants are Unix milliseconds; 0 means never or not yet.
-- Every row of a realm has a primary key that starts with its realm. Other
-- indexes end with it: all their first columns tell rows apart by themselves,
-- and a planner without statistics cannot mistake one of them for a way to
-- find a primary key.

-- meta: facts about this database as a whole, such as the restore epoch.
CREATE TABLE meta (
  name  {{text}} NOT NULL PRIMARY KEY,
  value {{text}} NOT NULL
){{rowless}};
INSERT INTO meta (name, value) VALUES ('epoch', '1');

-- mark: instants that only ever move forward. 'forgotten': single-use things
-- that ended before it may have been forgotten, so they count as used.
CREATE TABLE mark (
  name {{text}} NOT NULL PRIMARY KEY,
  at   {{int}}  NOT NULL
){{rowless}};
INSERT INTO mark (name, at) VALUES ('forgotten', 0), ('sweep', 0);

CREATE TABLE tenant (
  id         {{text}} NOT NULL PRIMARY KEY,
  name       {{text}} NOT NULL UNIQUE,
  created_at {{int}}  NOT NULL
){{strict}};

CREATE TABLE realm (
  id                    {{text}} NOT NULL PRIMARY KEY,
  tenant_id             {{text}} NOT NULL REFERENCES tenant (id),
  name                  {{text}} NOT NULL UNIQUE,
  display_name          {{text}} NOT NULL,
  is_default            {{bool}} NOT NULL,
  status                {{text}} NOT NULL,
  policy                {{text}} NOT NULL,
  tokens_invalid_before {{int}}  NOT NULL,
  created_at            {{int}}  NOT NULL,
  version               {{int}}  NOT NULL
){{strict}};
CREATE UNIQUE INDEX realm_default ON realm (is_default) WHERE is_default;

CREATE TABLE signing_key (
  realm_id      {{text}}  NOT NULL REFERENCES realm (id),
  kid           {{text}}  NOT NULL,
  alg           {{text}}  NOT NULL,
  public_jwk    {{bytes}} NOT NULL,
  sealed        {{bytes}} NOT NULL,
  state         {{text}}  NOT NULL,
  created_at    {{int}}   NOT NULL,
  activated_at  {{int}}   NOT NULL,
  retired_at    {{int}}   NOT NULL,
  publish_until {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, kid)
){{strict}};
CREATE UNIQUE INDEX signing_key_active ON signing_key (alg, realm_id) WHERE state = 'active';
CREATE UNIQUE INDEX signing_key_next ON signing_key (alg, realm_id) WHERE state = 'next';

CREATE TABLE application (
  realm_id              {{text}} NOT NULL REFERENCES realm (id),
  id                    {{text}} NOT NULL,
  kind                  {{text}} NOT NULL,
  name                  {{text}} NOT NULL,
  status                {{text}} NOT NULL,
  owner_id              {{text}} NOT NULL,
  settings              {{text}} NOT NULL,
  tokens_invalid_before {{int}}  NOT NULL,
  created_at            {{int}}  NOT NULL,
  version               {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, id)
){{strict}};

CREATE TABLE application_key (
  realm_id       {{text}}  NOT NULL,
  application_id {{text}}  NOT NULL,
  kid            {{text}}  NOT NULL,
  jwk            {{bytes}} NOT NULL,
  status         {{text}}  NOT NULL,
  created_at     {{int}}   NOT NULL,
  retire_at      {{int}}   NOT NULL,
  last_used_at   {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, application_id, kid),
  FOREIGN KEY (realm_id, application_id) REFERENCES application (realm_id, id)
){{strict}};

CREATE TABLE application_secret (
  realm_id       {{text}}  NOT NULL,
  application_id {{text}}  NOT NULL,
  digest         {{bytes}} NOT NULL,
  created_at     {{int}}   NOT NULL,
  expires_at     {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, application_id, digest),
  FOREIGN KEY (realm_id, application_id) REFERENCES application (realm_id, id)
){{strict}};

CREATE TABLE identity (
  realm_id              {{text}} NOT NULL REFERENCES realm (id),
  id                    {{text}} NOT NULL,
  display_name          {{text}} NOT NULL,
  status                {{text}} NOT NULL,
  username              {{text}} NOT NULL, -- folded
  email                 {{text}} NOT NULL, -- folded
  traits                {{text}} NOT NULL,
  tokens_invalid_before {{int}}  NOT NULL,
  created_at            {{int}}  NOT NULL,
  updated_at            {{int}}  NOT NULL,
  version               {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, id)
){{strict}};
CREATE UNIQUE INDEX identity_username ON identity (username, realm_id) WHERE username <> '';
CREATE INDEX identity_email ON identity (email, realm_id) WHERE email <> '';

CREATE TABLE passkey (
  realm_id        {{text}}  NOT NULL,
  id              {{text}}  NOT NULL,
  identity_id     {{text}}  NOT NULL,
  name            {{text}}  NOT NULL,
  credential_id   {{bytes}} NOT NULL,
  public_key      {{bytes}} NOT NULL,
  aaguid          {{bytes}} NOT NULL,
  sign_count      {{int}}   NOT NULL,
  backup_eligible {{bool}}  NOT NULL,
  backup_state    {{bool}}  NOT NULL,
  transports      {{text}}  NOT NULL,
  binding         {{text}}  NOT NULL,
  created_at      {{int}}   NOT NULL,
  last_used_at    {{int}}   NOT NULL,
  revoked_at      {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, id),
  FOREIGN KEY (realm_id, identity_id) REFERENCES identity (realm_id, id)
){{strict}};
CREATE UNIQUE INDEX passkey_credential ON passkey (credential_id, realm_id);
CREATE INDEX passkey_identity ON passkey (identity_id, realm_id);

CREATE TABLE binding_job (
  realm_id        {{text}}  NOT NULL,
  id              {{text}}  NOT NULL,
  identity_id     {{text}}  NOT NULL,
  token_digest    {{bytes}} NOT NULL,
  delivery_method {{text}}  NOT NULL,
  state           {{text}}  NOT NULL,
  redirect_uri    {{text}}  NOT NULL,
  created_at      {{int}}   NOT NULL,
  updated_at      {{int}}   NOT NULL,
  expires_at      {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, id),
  FOREIGN KEY (realm_id, identity_id) REFERENCES identity (realm_id, id)
){{strict}};
CREATE UNIQUE INDEX binding_job_token ON binding_job (token_digest, realm_id);

-- session, approval and what follows are written with every use of the
-- product. They name their person and application without a foreign key: the
-- check would lock the same two rows in every transaction.
CREATE TABLE session (
  realm_id     {{text}}  NOT NULL,
  id           {{text}}  NOT NULL,
  digest       {{bytes}} NOT NULL,
  identity_id  {{text}}  NOT NULL,
  passkey_id   {{text}}  NOT NULL,
  auth_time    {{int}}   NOT NULL,
  last_seen_at {{int}}   NOT NULL,
  expires_at   {{int}}   NOT NULL,
  idle_until   {{int}}   NOT NULL,
  ended_at     {{int}}   NOT NULL,
  user_agent   {{text}}  NOT NULL,
  PRIMARY KEY (realm_id, id)
){{strict}};
CREATE UNIQUE INDEX session_digest ON session (digest, realm_id);

CREATE TABLE approval (
  realm_id        {{text}}  NOT NULL,
  id              {{text}}  NOT NULL,
  kind            {{text}}  NOT NULL,
  state           {{text}}  NOT NULL,
  identity_id     {{text}}  NOT NULL,
  application_id  {{text}}  NOT NULL,
  statement       {{bytes}} NOT NULL,
  statement_hash  {{text}}  NOT NULL,
  auth_req_digest {{bytes}},             -- NULL: not polled
  poll_interval   {{int}}   NOT NULL,    -- seconds
  first_time      {{bool}}  NOT NULL,
  created_at      {{int}}   NOT NULL,
  expires_at      {{int}}   NOT NULL,
  ended_at        {{int}}   NOT NULL,
  evidence        {{bytes}} NOT NULL,
  grant_id        {{text}}  NOT NULL,
  fulfilled_at    {{int}}   NOT NULL,
  redeemed_at     {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, id)
){{strict}};
CREATE UNIQUE INDEX approval_request ON approval (auth_req_digest, realm_id);
CREATE INDEX approval_pending ON approval (identity_id, application_id, realm_id) WHERE ended_at < 1;
CREATE INDEX approval_ended ON approval (identity_id, id, realm_id) WHERE ended_at > 0;
-- These ask for ended_at and not for state, so that fulfilling and redeeming
-- touch no index (on PostgreSQL such an update stays in its page). This one
-- says the same as the first in other words, so that who looks for one person's
-- pending ones is not led here.
CREATE INDEX approval_due ON approval (expires_at) WHERE ended_at = 0;

-- asker: one row per person and application that ever asked. Asking updates
-- it, so that two that ask at once are counted one after the other.
CREATE TABLE asker (
  realm_id       {{text}} NOT NULL,
  identity_id    {{text}} NOT NULL,
  application_id {{text}} NOT NULL,
  asked          {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, identity_id, application_id)
){{rowless}};

-- approved_asker: whom a person has approved, since when.
CREATE TABLE approved_asker (
  realm_id       {{text}} NOT NULL,
  identity_id    {{text}} NOT NULL,
  application_id {{text}} NOT NULL,
  approved_at    {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, identity_id, application_id)
){{rowless}};

-- access_grant: "grant" is a word of SQL.
CREATE TABLE access_grant (
  realm_id       {{text}} NOT NULL,
  id             {{text}} NOT NULL,
  kind           {{text}} NOT NULL,
  identity_id    {{text}} NOT NULL,
  application_id {{text}} NOT NULL,
  approval_id    {{text}} NOT NULL,
  scope          {{text}} NOT NULL,
  created_at     {{int}}  NOT NULL,
  expires_at     {{int}}  NOT NULL,
  revoked_at     {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, id)
){{strict}};

-- consumed: what may be used once and was. No index on until_at: it would cost
-- every token what the sweeper saves once a minute.
CREATE TABLE consumed (
  realm_id  {{text}}  NOT NULL,
  namespace {{text}}  NOT NULL,
  digest    {{bytes}} NOT NULL,
  until_at  {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, namespace, digest)
){{rowless}};

CREATE TABLE revocation (
  realm_id   {{text}} NOT NULL,
  kind       {{text}} NOT NULL,
  subject    {{text}} NOT NULL,
  before_at  {{int}}  NOT NULL,
  expires_at {{int}}  NOT NULL,
  at         {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, kind, subject)
){{rowless}};
CREATE INDEX revocation_at ON revocation (at);

CREATE TABLE event (
  realm_id {{text}} NOT NULL,
  id       {{text}} NOT NULL,
  type     {{text}} NOT NULL,
  actor    {{text}} NOT NULL,
  target   {{text}} NOT NULL,
  at       {{int}}  NOT NULL,
  data     {{text}} NOT NULL,
  PRIMARY KEY (realm_id, id)
){{rowless}};

-- outbox: due_at is not_before, or the end of the lease of the node that has it.
CREATE TABLE outbox (
  id         {{text}} NOT NULL PRIMARY KEY,
  realm_id   {{text}} NOT NULL,
  channel    {{text}} NOT NULL,
  payload    {{text}} NOT NULL,
  not_before {{int}}  NOT NULL,
  due_at     {{int}}  NOT NULL,
  expires_at {{int}}  NOT NULL,
  attempts   {{int}}  NOT NULL,
  last_error {{text}} NOT NULL,
  node       {{text}} NOT NULL
){{rowless}};
CREATE INDEX outbox_due ON outbox (due_at);

-- change: the feed that nodes follow. noted_at is the database's own clock, so
-- that nodes whose clocks differ miss nothing of each other.
CREATE TABLE change (
  noted_at {{int}}  NOT NULL DEFAULT ({{now}}),
  id       {{text}} NOT NULL,
  node     {{text}} NOT NULL,
  topic    {{text}} NOT NULL,
  subject  {{text}} NOT NULL,
  at       {{int}}  NOT NULL,
  PRIMARY KEY (noted_at, id)
){{rowless}};
