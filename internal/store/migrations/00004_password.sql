-- +goose Up

-- What the columns and the order of indexes mean: see the first migration.

-- password: of realms that allow them. hash is an Argon2id hash as a PHC string.
CREATE TABLE password (
  realm_id    {{text}} NOT NULL,
  identity_id {{text}} NOT NULL,
  hash        {{text}} NOT NULL,
  set_at      {{int}}  NOT NULL,
  used_at     {{int}}  NOT NULL,
  PRIMARY KEY (realm_id, identity_id),
  FOREIGN KEY (realm_id, identity_id) REFERENCES identity (realm_id, id)
){{strict}};
