package sqlite_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// SQLite's own functions stop at a NUL in a text; the store must not.
func TestTextIsNotCutAtNUL(t *testing.T) {
	path := tempFile(t)
	users := open(t, path).Users()
	u := newUser("1")
	u.Email, u.Username, u.Roles = "a\x00b@example.com", "x\x00y\x00", []string{"r\x00s", "\x00"}
	u.Settings = []byte("\x00{}")
	if err := users.Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	for _, email := range []string{"a", "a\x00c@example.com", "a\x00"} {
		if _, err := users.ByEmail(t.Context(), email); !errors.Is(err, kit.ErrNotFound) {
			t.Errorf("ByEmail(%q): %v, want ErrNotFound", email, err)
		}
	}
	got, err := users.ByEmail(t.Context(), "A\x00B@example.com")
	if err != nil {
		t.Fatal(err)
	}
	if got.Email != u.Email || got.Username != u.Username || len(got.Roles) != 2 || got.Roles[0] != u.Roles[0] || got.Roles[1] != u.Roles[1] || string(got.Settings) != string(u.Settings) {
		t.Errorf("got %q %q %q %q", got.Email, got.Username, got.Roles, got.Settings)
	}
	other := newUser("2")
	other.Email = "a\x00c@example.com"
	if err := users.Create(t.Context(), other); err != nil {
		t.Error("an address that differs behind the NUL:", err)
	}
}

// The encoding of times is part of the schema: other programs read it.
func TestTimesAreMicroseconds(t *testing.T) {
	path := tempFile(t)
	store := open(t, path)
	for _, c := range []struct {
		t    time.Time
		want int64
	}{
		{time.Time{}, -62135596800000000},
		{time.Unix(0, 0), 0},
		{time.Unix(0, -1), -1}, // down, and not to zero
		{testTime.In(time.FixedZone("", 3600)), 1793881800123456},
		{time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), 253402300799999999},
	} {
		token := newToken(c.t.UTC().Format(time.RFC3339Nano), "u")
		token.ExpiresAt = c.t
		if err := store.Tokens().Create(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		var stored int64
		row := rawDB(t, path).QueryRowContext(t.Context(), "SELECT expires_at FROM tokens WHERE id = $1", token.ID)
		if err := row.Scan(&stored); err != nil || stored != c.want {
			t.Errorf("%v: stored as %d, %v, want %d", c.t, stored, err, c.want)
		}
		got, err := store.Tokens().ByID(t.Context(), token.ID)
		if err != nil {
			t.Fatal(err)
		}
		if got.ExpiresAt != c.t.UTC().Truncate(time.Microsecond) && c.want >= 0 || got.RevokedAt != (time.Time{}) {
			t.Errorf("%v: got %v, revoked %v", c.t, got.ExpiresAt, got.RevokedAt)
		}
	}
}

func TestInMemoryWithOneConnection(t *testing.T) {
	db, err := sql.Open("sqlite3", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	store, err := sqlite.New(t.Context(), db, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	u := newUser("1")
	if err := store.Users().Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := store.Users().Update(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := store.Users().Update(t.Context(), u); !errors.Is(err, kit.ErrConflict) {
		t.Errorf("Update: %v, want ErrConflict", err)
	}
}
