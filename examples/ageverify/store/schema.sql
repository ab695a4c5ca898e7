-- Devices, locations and employees. Times are milliseconds since 1970.
CREATE TABLE IF NOT EXISTS entry (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of lists
  kind        TEXT NOT NULL CHECK (kind IN ('device', 'location', 'employee')),
  id          TEXT NOT NULL UNIQUE,
  name        TEXT NOT NULL,
  detail      TEXT NOT NULL, -- serial number, address, staff number
  location_id TEXT REFERENCES entry (id), -- of devices and employees
  closed_at   INTEGER, -- of locations
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  CHECK (location_id IS NULL OR kind <> 'location'),
  CHECK (closed_at IS NULL OR kind = 'location')
) STRICT;

CREATE INDEX IF NOT EXISTS entry_by_kind ON entry (kind, seq);
CREATE INDEX IF NOT EXISTS entry_by_location ON entry (location_id) WHERE location_id IS NOT NULL;

-- What was verified. Ids of other things are kept as they were: a transaction
-- outlives the device it was made with. Of the pass nothing is kept.
CREATE TABLE IF NOT EXISTS verification (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  id           TEXT NOT NULL UNIQUE,
  result       TEXT NOT NULL CHECK (result IN ('pass', 'fail')),
  reason       TEXT NOT NULL CHECK ((reason = '') = (result = 'pass')),
  required_age INTEGER NOT NULL CHECK (required_age BETWEEN 0 AND 150),
  client_id    TEXT NOT NULL,
  device_id    TEXT NOT NULL,
  location_id  TEXT NOT NULL,
  employee_id  TEXT NOT NULL,
  created_at   INTEGER NOT NULL
) STRICT;

-- Append-only, whoever writes: also INSERT OR REPLACE, which deletes without a
-- trigger unless recursive_triggers is on.
CREATE TRIGGER IF NOT EXISTS verification_stays BEFORE DELETE ON verification
BEGIN SELECT RAISE(ABORT, 'transactions are append-only'); END;

CREATE TRIGGER IF NOT EXISTS verification_does_not_change BEFORE UPDATE ON verification
BEGIN SELECT RAISE(ABORT, 'transactions are append-only'); END;

CREATE TRIGGER IF NOT EXISTS verification_is_not_replaced BEFORE INSERT ON verification
WHEN EXISTS (SELECT 1 FROM verification WHERE id = NEW.id OR seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'transactions are append-only'); END;
