-- Times are microseconds since 1970-01-01 UTC; the zero time.Time of Go, which
-- means "never", is -62135596800000000.

CREATE TABLE main.users (
    id              TEXT    NOT NULL PRIMARY KEY,
    email           TEXT    NOT NULL, -- as it was given
    email_key       TEXT    NOT NULL, -- the same with ASCII letters in lower case
    username        TEXT    NOT NULL,
    hashed_password TEXT    NOT NULL, -- bcrypt
    roles           TEXT    NOT NULL, -- JSON array of strings
    user_settings   TEXT    NOT NULL, -- JSON object
    is_verified     INTEGER NOT NULL,
    is_active       INTEGER NOT NULL,
    session_epoch   INTEGER NOT NULL, -- counts up when all sessions end at once
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL  -- compare-and-swap counter
) STRICT;

CREATE UNIQUE INDEX main.users_email_key ON users (email_key);

CREATE TABLE main.tokens (
    id            TEXT    NOT NULL PRIMARY KEY,
    token_type    TEXT    NOT NULL, -- refresh or password_reset
    user_id       TEXT    NOT NULL, -- no foreign key: the user may live elsewhere
    session_id    TEXT    NOT NULL,
    epoch         INTEGER NOT NULL, -- the user's session_epoch when it was made
    secret_hash   BLOB    NOT NULL, -- SHA-256
    previous_hash BLOB,
    salt          BLOB,
    created_at    INTEGER NOT NULL,
    rotated_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    revoked_at    INTEGER NOT NULL,
    version       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- In a table without rowid an index ends with the primary key, so this one also
-- gives a user's tokens in the order of their ids.
CREATE INDEX main.tokens_user_id ON tokens (user_id);
CREATE INDEX main.tokens_expires_at ON tokens (expires_at);
