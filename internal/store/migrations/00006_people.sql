-- +goose Up

-- What the columns and the order of indexes mean: see the first migration.

-- external_id repeats a member of traits, for those who look people up by what
-- their own system calls them. admin_since: may manage the realm, since when.
ALTER TABLE identity ADD COLUMN external_id {{text}} NOT NULL DEFAULT '';
ALTER TABLE identity ADD COLUMN admin_since {{int}} NOT NULL DEFAULT 0;
CREATE INDEX identity_external ON identity (external_id, realm_id) WHERE external_id <> '';
CREATE INDEX identity_admin ON identity (id, realm_id) WHERE admin_since > 0;

-- rp_id: the relying party that the passkey was made for; empty: the realm's own.
-- attestation: what is known of the authenticator's make; empty: nothing.
ALTER TABLE passkey ADD COLUMN rp_id {{text}} NOT NULL DEFAULT '';
ALTER TABLE passkey ADD COLUMN attestation {{text}} NOT NULL DEFAULT '';

-- proof: what stands in for a proof of an earlier passkey; empty: nothing does.
-- failure: why the link could not be sent.
ALTER TABLE binding_job ADD COLUMN authenticator_config_id {{text}} NOT NULL DEFAULT '';
ALTER TABLE binding_job ADD COLUMN proof {{text}} NOT NULL DEFAULT '';
ALTER TABLE binding_job ADD COLUMN created_by {{text}} NOT NULL DEFAULT '';
ALTER TABLE binding_job ADD COLUMN failure {{text}} NOT NULL DEFAULT '';
CREATE INDEX binding_job_identity ON binding_job (identity_id, realm_id, id);

CREATE TABLE recovery_code (
  realm_id    {{text}}  NOT NULL,
  identity_id {{text}}  NOT NULL,
  digest      {{bytes}} NOT NULL,
  created_at  {{int}}   NOT NULL,
  used_at     {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, identity_id, digest),
  FOREIGN KEY (realm_id, identity_id) REFERENCES identity (realm_id, id)
){{strict}};

-- people_group: "group" is a word of SQL. folded: its name, as it is compared.
CREATE TABLE people_group (
  realm_id    {{text}} NOT NULL REFERENCES realm (id),
  id          {{text}} NOT NULL,
  name        {{text}} NOT NULL,
  folded      {{text}} NOT NULL,
  description {{text}} NOT NULL,
  created_at  {{int}}  NOT NULL,
  updated_at  {{int}}  NOT NULL,
  version     {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, id)
){{strict}};
CREATE UNIQUE INDEX people_group_name ON people_group (folded, realm_id);

CREATE TABLE group_member (
  realm_id    {{text}} NOT NULL,
  group_id    {{text}} NOT NULL,
  identity_id {{text}} NOT NULL,
  at          {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, group_id, identity_id),
  FOREIGN KEY (realm_id, group_id) REFERENCES people_group (realm_id, id),
  FOREIGN KEY (realm_id, identity_id) REFERENCES identity (realm_id, id)
){{rowless}};
CREATE INDEX group_member_identity ON group_member (identity_id, group_id, realm_id);

-- resource_role: what people are at a resource server.
CREATE TABLE resource_role (
  realm_id    {{text}} NOT NULL REFERENCES realm (id),
  id          {{text}} NOT NULL,
  resource    {{text}} NOT NULL,
  name        {{text}} NOT NULL,
  description {{text}} NOT NULL,
  created_at  {{int}}  NOT NULL,
  updated_at  {{int}}  NOT NULL,
  version     {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, id)
){{strict}};
CREATE UNIQUE INDEX resource_role_name ON resource_role (resource, name, realm_id);

-- role_member: an identity or a group.
CREATE TABLE role_member (
  realm_id  {{text}} NOT NULL,
  role_id   {{text}} NOT NULL,
  member_id {{text}} NOT NULL,
  at        {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, role_id, member_id),
  FOREIGN KEY (realm_id, role_id) REFERENCES resource_role (realm_id, id)
){{rowless}};
CREATE INDEX role_member_member ON role_member (member_id, role_id, realm_id);

CREATE TABLE authenticator_config (
  realm_id   {{text}} NOT NULL REFERENCES realm (id),
  id         {{text}} NOT NULL,
  name       {{text}} NOT NULL,
  settings   {{text}} NOT NULL,
  created_at {{int}}  NOT NULL,
  updated_at {{int}}  NOT NULL,
  version    {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, id)
){{strict}};

ALTER TABLE tenant ADD COLUMN updated_at {{int}} NOT NULL DEFAULT 0;
ALTER TABLE tenant ADD COLUMN version {{int}} NOT NULL DEFAULT 1;
ALTER TABLE realm ADD COLUMN updated_at {{int}} NOT NULL DEFAULT 0;
ALTER TABLE realm ADD COLUMN theme {{text}} NOT NULL DEFAULT '{}';

-- realm_logo: variant is 'light' or 'dark'.
CREATE TABLE realm_logo (
  realm_id   {{text}}  NOT NULL REFERENCES realm (id),
  variant    {{text}}  NOT NULL,
  media_type {{text}}  NOT NULL,
  data       {{bytes}} NOT NULL,
  PRIMARY KEY (realm_id, variant)
){{strict}};

-- idempotent: a request with an Idempotency-Key. status 0: its answer is not known
-- yet. answer is sealed: it may hold a secret that is shown once.
CREATE TABLE idempotent (
  realm_id   {{text}}  NOT NULL,
  digest     {{bytes}} NOT NULL,
  request    {{bytes}} NOT NULL,
  status     {{int}}   NOT NULL,
  answer     {{bytes}} NOT NULL,
  created_at {{int}}   NOT NULL,
  expires_at {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, digest)
){{strict}};
CREATE INDEX idempotent_expires ON idempotent (expires_at);

-- What a person was given, newest last.
CREATE INDEX access_grant_identity ON access_grant (identity_id, realm_id) WHERE identity_id <> '';

-- allowance: an application that was given something of a person's, when last, and
-- when the person last took back what it had; 0: never.
CREATE TABLE allowance (
  realm_id       {{text}} NOT NULL,
  identity_id    {{text}} NOT NULL,
  application_id {{text}} NOT NULL,
  used_at        {{int}}  NOT NULL,
  disallowed_at  {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, identity_id, application_id)
){{rowless}};
{{postgres}} ALTER TABLE allowance SET (fillfactor = 85);

-- Open jobs keep the authenticator config that they name.
CREATE INDEX binding_job_config ON binding_job (authenticator_config_id, realm_id) WHERE authenticator_config_id <> '';

-- name_folded repeats display_name as it is looked for: people are listed by how
-- their names begin.
ALTER TABLE identity ADD COLUMN name_folded {{text}} NOT NULL DEFAULT '';
UPDATE identity SET name_folded = lower(display_name);
CREATE INDEX identity_name ON identity (name_folded, realm_id);
CREATE INDEX identity_suspended ON identity (id, realm_id) WHERE status = 'suspended';
