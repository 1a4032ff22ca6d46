-- Times are microseconds since 1970-01-01 UTC; the zero time.Time of Go, which
-- means "never", is -62135596800000000.

CREATE TABLE main.users (
    id               TEXT    NOT NULL PRIMARY KEY,
    email            TEXT    NOT NULL, -- as it was given
    email_key        TEXT    NOT NULL, -- the same with ASCII letters in lower case
    username         TEXT    NOT NULL,
    hashed_password  TEXT    NOT NULL, -- bcrypt
    roles            TEXT    NOT NULL, -- JSON array of strings
    user_settings    TEXT    NOT NULL, -- JSON object, as it was given
    private          TEXT,             -- the same, for the application alone; NULL: none
    factors          TEXT,             -- JSON array of strings; NULL: none
    is_verified      INTEGER NOT NULL,
    is_active        INTEGER NOT NULL,
    session_epoch    INTEGER NOT NULL, -- counts up when all sessions end at once
    credential_epoch INTEGER NOT NULL, -- counts up when all credentials become void at once
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL, -- compare-and-swap counter
    form             INTEGER NOT NULL  -- which versions of MyAuth understand the row
) STRICT;

CREATE UNIQUE INDEX main.users_email_key ON users (email_key);

CREATE TABLE main.tokens (
    id            TEXT    NOT NULL PRIMARY KEY,
    token_type    TEXT    NOT NULL, -- refresh, password_reset, …
    user_id       TEXT    NOT NULL, -- no foreign key: the user may live elsewhere
    session_id    TEXT    NOT NULL,
    epoch         INTEGER NOT NULL, -- the user's session_epoch when it was made
    secret_hash   BLOB    NOT NULL, -- SHA-256
    previous_hash BLOB,
    salt          BLOB,
    data          BLOB, -- up to 8 KiB, which only MyAuth reads
    created_at    INTEGER NOT NULL,
    rotated_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    revoked_at    INTEGER NOT NULL,
    purge_at      INTEGER NOT NULL, -- when the purge looks at the row: not after expires_at
    version       INTEGER NOT NULL,
    form          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- In a table without rowid an index ends with the primary key, so this one also
-- gives a user's tokens in the order of their ids.
CREATE INDEX main.tokens_user_id ON tokens (user_id);

-- Each refresh changes expires_at and leaves purge_at, so it writes no index.
CREATE INDEX main.tokens_purge_at ON tokens (purge_at);

-- What its owner alone can make anew, in the form of tokens.
CREATE TABLE main.credentials (
    id            TEXT    NOT NULL PRIMARY KEY,
    token_type    TEXT    NOT NULL,
    user_id       TEXT    NOT NULL,
    session_id    TEXT    NOT NULL,
    epoch         INTEGER NOT NULL, -- the user's credential_epoch when it was made
    secret_hash   BLOB    NOT NULL,
    previous_hash BLOB,
    salt          BLOB,
    data          BLOB,
    created_at    INTEGER NOT NULL,
    rotated_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    revoked_at    INTEGER NOT NULL,
    purge_at      INTEGER NOT NULL,
    version       INTEGER NOT NULL,
    form          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX main.credentials_user_id ON credentials (user_id);
CREATE INDEX main.credentials_purge_at ON credentials (purge_at);
