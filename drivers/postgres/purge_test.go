package postgres_test

import (
	"database/sql"
	"testing"
	"time"

	"myauth.internal/drivers/postgres"
	"myauth.internal/kit"
)

func newToken(id string, expires time.Time) kit.Token {
	return kit.Token{
		ID: id, Type: kit.RefreshToken, UserID: "u", SessionID: "s", SecretHash: []byte("hash"),
		CreatedAt: testTime, RotatedAt: testTime, ExpiresAt: expires, Version: 1,
	}
}

// A purge that finds a token expired, and then waits for the row because somebody is
// extending it, looks at it again.
func TestPurgeSparesATokenThatIsBeingExtended(t *testing.T) {
	dataSource := schema(t)
	store := open(t, dataSource, nil)
	if err := store.Tokens().Create(t.Context(), newToken("t", testTime)); err != nil {
		t.Fatal(err)
	}
	db := admin(t, dataSource)
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var pid int
	if err := tx.QueryRowContext(t.Context(), "UPDATE tokens SET expires_at = expires_at + 1, version = 2 RETURNING pg_backend_pid()").Scan(&pid); err != nil {
		t.Fatal(err)
	}
	var removed int
	var purgeErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		removed, purgeErr = store.Tokens().DeleteExpired(t.Context(), testTime, 10)
	}()
	waitForBlocked(t, db, pid, done)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	<-done
	if removed != 0 || purgeErr != nil {
		t.Errorf("DeleteExpired up to the old expiry: %d, %v, want 0 removed", removed, purgeErr)
	}
	if token, err := store.Tokens().ByID(t.Context(), "t"); err != nil || token.Version != 2 {
		t.Errorf("the token that was extended: version %d, %v", token.Version, err)
	}
}

// waitForBlocked returns when some call waits for the backend, or done is closed
// because it never did.
func waitForBlocked(t *testing.T, db *sql.DB, pid int, done <-chan struct{}) {
	t.Helper()
	for blocked := 0; blocked == 0; {
		select {
		case <-done:
			t.Error("the call did not wait for the transaction that holds the row")
			return
		default:
		}
		if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))", pid).Scan(&blocked); err != nil {
			t.Fatal(err)
		}
	}
}

// Purges that run at once take their rows in one order, whatever the plan, or they
// would deadlock: what expired first goes first, and then the ID.
func TestPurgeGoesByExpiry(t *testing.T) {
	dataSource := schema(t)
	for _, key := range []string{"enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"} {
		dataSource = with(t, dataSource, key, "off")
	}
	store := open(t, dataSource, &postgres.Options{MaxConns: 1})
	ids := []string{"d", "c", "z", "b"}
	for i, hours := range []time.Duration{3, 2, 1, 2} {
		if err := store.Tokens().Create(t.Context(), newToken(ids[i], testTime.Add(hours*time.Hour))); err != nil {
			t.Fatal(err)
		}
	}
	for i, left := range []string{"b c d", "c d", "d"} {
		if n, err := store.Tokens().DeleteExpired(t.Context(), testTime.Add(24*time.Hour), 1); n != 1 || err != nil {
			t.Fatalf("DeleteExpired: %d, %v", n, err)
		}
		var got string
		if err := postgres.Pool(store).QueryRowContext(t.Context(), "SELECT string_agg(id, ' ' ORDER BY id) FROM tokens").Scan(&got); err != nil || got != left {
			t.Errorf("after purge %d of one token %q is left, want %q (%v)", i+1, got, left, err)
		}
	}
}

// A refresh writes no index, until a purge comes to the time that the row had at first.
func TestRefreshesWriteNoIndex(t *testing.T) {
	db, store := shared(t, schema(t))
	tx := begin(t, db)
	tokens := store.InTx(tx).Tokens
	token := newToken("t", testTime)
	if err := tokens.Create(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	for range 9 {
		token.ExpiresAt = token.ExpiresAt.Add(30 * time.Minute)
		if err := tokens.Update(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		token.Version++
	}
	var updates, withoutIndex int
	if err := tx.QueryRowContext(t.Context(), "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relid = 'tokens'::regclass").Scan(&updates, &withoutIndex); err != nil {
		t.Fatal(err)
	}
	if updates != 9 || withoutIndex != 9 {
		t.Errorf("%d of %d updates wrote no index", withoutIndex, updates)
	}
}
