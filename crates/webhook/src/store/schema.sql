CREATE TABLE meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Where each endpoint is.
CREATE TABLE cursor (
  endpoint         TEXT PRIMARY KEY,
  next             INTEGER NOT NULL,            -- position of the next event to look at
  begun_from       INTEGER NOT NULL,            -- the endpoint's `from` that was taken into account
  failing_since_ms INTEGER                      -- first failure since the last success
) STRICT, WITHOUT ROWID;

-- What each endpoint is sent. State: 0 pending, 1 delivered, 2 dead.
CREATE TABLE delivery (
  number     INTEGER PRIMARY KEY AUTOINCREMENT,
  endpoint   TEXT NOT NULL,
  message    TEXT NOT NULL,                     -- id of the event
  type       TEXT NOT NULL,
  position   INTEGER,
  body       BLOB NOT NULL,
  since_ms   INTEGER NOT NULL,                  -- when it was due first
  state      INTEGER NOT NULL DEFAULT 0,
  failures   INTEGER NOT NULL DEFAULT 0,
  due_at_ms  INTEGER NOT NULL,
  last_at_ms INTEGER,                           -- the last attempt
  status     INTEGER,                           -- HTTP status of its answer
  error      TEXT                               -- why there was none
) STRICT;

CREATE UNIQUE INDEX delivery_message ON delivery (endpoint, message);
CREATE INDEX delivery_due ON delivery (endpoint, due_at_ms) WHERE state = 0;
CREATE INDEX delivery_done ON delivery (number) WHERE state <> 0;
