-- +goose Up

-- What the columns and the order of indexes mean: see the first migration.

-- session_application: which applications were given something in a session,
-- so that they can be told when it ends. The grants cannot say that: one without
-- a refresh token is over in minutes, one for offline access outlives the session.
CREATE TABLE session_application (
  realm_id       {{text}} NOT NULL,
  session_id     {{text}} NOT NULL,
  application_id {{text}} NOT NULL,
  PRIMARY KEY (realm_id, session_id, application_id)
){{rowless}};

CREATE INDEX session_identity ON session (identity_id, realm_id);
CREATE INDEX session_expires ON session (expires_at);
