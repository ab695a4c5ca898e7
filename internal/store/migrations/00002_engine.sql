-- +goose Up

-- What the columns and the order of indexes mean: see the first migration.

-- origin repeats a member of settings, for those who look for applications
-- that registered themselves.
ALTER TABLE application ADD COLUMN origin {{text}} NOT NULL DEFAULT '';
CREATE INDEX application_registered ON application (created_at, realm_id) WHERE origin <> '';

-- Using a refresh token moves refresh, refreshed_at and expires_at: no index
-- may hold one of these. What a grant is under never changes.
ALTER TABLE access_grant ADD COLUMN session_id {{text}} NOT NULL DEFAULT '';
ALTER TABLE access_grant ADD COLUMN parent_id {{text}} NOT NULL DEFAULT '';
ALTER TABLE access_grant ADD COLUMN terms {{text}} NOT NULL DEFAULT '{}';
ALTER TABLE access_grant ADD COLUMN refresh {{int}} NOT NULL DEFAULT 0;
ALTER TABLE access_grant ADD COLUMN refreshed_at {{int}} NOT NULL DEFAULT 0;
CREATE INDEX access_grant_session ON access_grant (session_id, realm_id) WHERE session_id <> '';
CREATE INDEX access_grant_parent ON access_grant (parent_id, realm_id) WHERE parent_id <> '';
CREATE INDEX access_grant_application ON access_grant (application_id, identity_id, realm_id);
-- Room in each page for the next version of a few rows.
{{postgres}} ALTER TABLE access_grant SET (fillfactor = 85);

-- ping: what to tell the asker when it ends; NULL: nothing, or it was told.
ALTER TABLE approval ADD COLUMN ping {{bytes}};

-- parked: sealed state that is too long for a client to carry.
CREATE TABLE parked (
  realm_id   {{text}}  NOT NULL,
  digest     {{bytes}} NOT NULL,
  sealed     {{bytes}} NOT NULL,
  expires_at {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, digest)
){{rowless}};
CREATE INDEX parked_expires ON parked (expires_at);

-- opaque_token: access tokens that are references to their claims.
CREATE TABLE opaque_token (
  realm_id   {{text}}  NOT NULL,
  digest     {{bytes}} NOT NULL,
  claims     {{bytes}} NOT NULL,
  expires_at {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, digest)
){{rowless}};
CREATE INDEX opaque_token_expires ON opaque_token (expires_at);

CREATE TABLE device_request (
  realm_id       {{text}}  NOT NULL,
  digest         {{bytes}} NOT NULL,
  user_code      {{text}}  NOT NULL,
  application_id {{text}}  NOT NULL,
  state          {{text}}  NOT NULL,
  scope          {{text}}  NOT NULL,
  terms          {{text}}  NOT NULL,
  identity_id    {{text}}  NOT NULL,
  user_agent     {{text}}  NOT NULL,
  address        {{text}}  NOT NULL,
  created_at     {{int}}   NOT NULL,
  decided_at     {{int}}   NOT NULL,
  expires_at     {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, digest)
){{strict}};
CREATE UNIQUE INDEX device_request_user_code ON device_request (user_code, realm_id);
CREATE INDEX device_request_expires ON device_request (expires_at);

CREATE TABLE consent (
  realm_id       {{text}} NOT NULL,
  identity_id    {{text}} NOT NULL,
  application_id {{text}} NOT NULL,
  item           {{text}} NOT NULL,
  at             {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, identity_id, application_id, item)
){{rowless}};
CREATE INDEX consent_application ON consent (application_id, realm_id);

CREATE TABLE realm_secret (
  realm_id   {{text}}  NOT NULL REFERENCES realm (id),
  name       {{text}}  NOT NULL,
  sealed     {{bytes}} NOT NULL,
  created_at {{int}}   NOT NULL,
  PRIMARY KEY (realm_id, name)
){{strict}};
