package sqlite_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
)

// A refresh that extends a token writes the page of its row, and none of an index.
func TestARefreshWritesNoIndex(t *testing.T) {
	path := tempFile(t)
	store := open(t, path)
	token := newToken("t", "u")
	if err := store.Tokens().Create(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	pages := func(change func(*kit.Token)) int64 {
		t.Helper()
		mustExec(t, sqlite.Pool(store), "PRAGMA wal_checkpoint(TRUNCATE)")
		change(&token)
		if err := store.Tokens().Update(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		token.Version++
		info, err := os.Stat(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		return (info.Size() - 32) / (4096 + 24) // https://sqlite.org/fileformat2.html#walformat
	}
	if n := pages(func(t *kit.Token) { t.ExpiresAt = t.ExpiresAt.Add(time.Hour) }); n != 1 {
		t.Errorf("an extension wrote %d pages, want that of the row", n)
	}
	if n := pages(func(t *kit.Token) { t.ExpiresAt = testTime }); n != 2 {
		t.Errorf("an expiry before the first wrote %d pages, want those of the row and of the index", n)
	}
}

// A purge that comes to what has been extended puts it off, however much that is, and removes all the
// rest.
func TestAPurgePutsOffWhatWasExtended(t *testing.T) {
	const extended, expired, limit = 2100, 300, 200
	store := open(t, tempFile(t))
	due, before := testTime.Add(time.Hour), testTime.Add(2*time.Hour)
	err := store.Transaction(t.Context(), func(s kit.Stores) error {
		for i := range extended + expired {
			token := newToken(fmt.Sprintf("%04d", i), "u")
			if i < extended {
				token.ExpiresAt = due
			} else {
				token.ExpiresAt = before
			}
			if err := s.Tokens.Create(t.Context(), token); err != nil {
				return err
			}
			if i < extended {
				token.ExpiresAt = before.Add(time.Duration(i%2) * time.Hour) // half of them expires all the same
				if err := s.Tokens.Update(t.Context(), token); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	left := extended/2 + expired
	for ; left > 0; left -= limit {
		if n, err := store.Tokens().DeleteExpired(t.Context(), before, limit); n != min(limit, left) || err != nil {
			t.Fatalf("with %d expired: %d removed, %v", left, n, err)
		}
	}
	var late int
	if err := sqlite.Pool(store).QueryRowContext(t.Context(), "SELECT count(*) FROM tokens WHERE purge_at < expires_at").Scan(&late); err != nil || late != 0 {
		t.Errorf("%d were not put off, %v", late, err)
	}
	if n, err := store.Tokens().DeleteExpired(t.Context(), before.Add(time.Hour), 1000); n != 1000 || err != nil {
		t.Errorf("at the time of the others: %d, %v", n, err)
	}
}
