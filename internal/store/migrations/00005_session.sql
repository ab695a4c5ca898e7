-- +goose Up

-- What the columns and the order of indexes mean: see the first migration.

-- earlier: what opened the session before passkey_id did, as ids of passkeys, each
-- after a space; nothing between two spaces is a password.
ALTER TABLE session ADD COLUMN earlier {{text}} NOT NULL DEFAULT '';
