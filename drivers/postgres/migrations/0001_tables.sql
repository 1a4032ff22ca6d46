-- Times are microseconds since 1970-01-01 UTC; the zero time.Time of Go, which
-- means "never", is -62135596800000000. Keys have the collation "C": the order of their
-- bytes, which no update of the system's collations changes.

CREATE TABLE users (
    id               TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    email            TEXT    NOT NULL, -- as it was given
    email_key        TEXT    COLLATE "C" NOT NULL, -- the same with ASCII letters in lower case
    username         TEXT    NOT NULL,
    hashed_password  TEXT    NOT NULL, -- bcrypt
    roles            TEXT    NOT NULL, -- JSON array of strings
    user_settings    TEXT    NOT NULL, -- JSON object, as it was given: no JSONB, which changes it
    private          TEXT,             -- the same, for the application alone; NULL: none
    factors          TEXT,             -- JSON array of strings; NULL: none
    is_verified      BOOLEAN NOT NULL,
    is_active        BOOLEAN NOT NULL,
    session_epoch    BIGINT  NOT NULL, -- counts up when all sessions end at once
    credential_epoch BIGINT  NOT NULL, -- counts up when all credentials become void at once
    created_at       BIGINT  NOT NULL,
    updated_at       BIGINT  NOT NULL,
    version          BIGINT  NOT NULL, -- compare-and-swap counter
    form             SMALLINT NOT NULL -- which versions of MyAuth understand the row
);

CREATE UNIQUE INDEX users_email_key ON users (email_key);

CREATE TABLE tokens (
    id            TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    token_type    TEXT    NOT NULL, -- refresh, password_reset, …
    user_id       TEXT    COLLATE "C" NOT NULL, -- no foreign key: the user may live elsewhere
    session_id    TEXT    NOT NULL,
    epoch         BIGINT  NOT NULL, -- the user's session_epoch when it was made
    secret_hash   BYTEA   NOT NULL, -- SHA-256
    previous_hash BYTEA,
    salt          BYTEA,
    data          BYTEA, -- up to 8 KiB, which only MyAuth reads
    created_at    BIGINT  NOT NULL,
    rotated_at    BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL,
    revoked_at    BIGINT  NOT NULL,
    purge_at      BIGINT  NOT NULL, -- when the purge looks at the row: not after expires_at
    version       BIGINT  NOT NULL,
    form          SMALLINT NOT NULL
) WITH (fillfactor = 80);

-- A page of a user's tokens, in the order of their ids, is a part of this one.
CREATE INDEX tokens_user_id ON tokens (user_id, id);

-- Each refresh changes expires_at and leaves purge_at. While no column of an index changes and its
-- page has room, a row is written without any index.
CREATE INDEX tokens_purge_at ON tokens (purge_at, id);

-- What its owner alone can make anew, in the form of tokens.
CREATE TABLE credentials (
    id            TEXT    COLLATE "C" NOT NULL PRIMARY KEY,
    token_type    TEXT    NOT NULL,
    user_id       TEXT    COLLATE "C" NOT NULL,
    session_id    TEXT    NOT NULL,
    epoch         BIGINT  NOT NULL, -- the user's credential_epoch when it was made
    secret_hash   BYTEA   NOT NULL,
    previous_hash BYTEA,
    salt          BYTEA,
    data          BYTEA,
    created_at    BIGINT  NOT NULL,
    rotated_at    BIGINT  NOT NULL,
    expires_at    BIGINT  NOT NULL,
    revoked_at    BIGINT  NOT NULL,
    purge_at      BIGINT  NOT NULL,
    version       BIGINT  NOT NULL,
    form          SMALLINT NOT NULL
);

CREATE INDEX credentials_user_id ON credentials (user_id, id);
CREATE INDEX credentials_purge_at ON credentials (purge_at, id);
