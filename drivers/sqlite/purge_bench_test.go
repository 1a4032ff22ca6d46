package sqlite_test

import (
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"myauth.internal/drivers/sqlite"
)

// BenchmarkPurge deletes expired tokens in batches of 1,000, as PurgeExpired does,
// out of a table with as many live ones, and fails unless exactly the expired ones
// are gone. It reports rows/s and the slowest batch, which is how long a writer may
// have to wait behind a purge. There are 200,000 tokens of each kind; a million with
//
//	MYAUTH_BENCH_TOKENS=1000000 go test -run '^$' -bench Purge -benchtime 1x .
func BenchmarkPurge(b *testing.B) {
	const batch = 1000
	n := 200_000
	if s := os.Getenv("MYAUTH_BENCH_TOKENS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 1 {
			b.Fatalf("MYAUTH_BENCH_TOKENS is %q: write a number of tokens", s)
		}
	}
	store := open(b, tempFile(b))
	db := sqlite.Pool(store)
	fillTokens(b, db, "live", n, testTime.Add(time.Microsecond))
	live := tokenCensus(b, db)

	var slowest, purging time.Duration
	runs := 0
	for b.Loop() {
		b.StopTimer()
		fillTokens(b, db, "dead", n, testTime)
		runs++
		b.StartTimer()
		for left := n; left >= 0; {
			began := time.Now()
			deleted, err := store.Tokens().DeleteExpired(b.Context(), testTime, batch)
			took := time.Since(began)
			if want := min(batch, left); err != nil || deleted != want {
				b.Fatalf("a batch deleted %d, %v; want %d", deleted, err, want)
			}
			purging += took
			slowest = max(slowest, took)
			if left -= deleted; deleted < batch {
				break
			}
		}
		b.StopTimer()
		if got := tokenCensus(b, db); got != live {
			b.Fatalf("afterwards there are %s tokens, want %s", got, live)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(runs)*float64(n)/purging.Seconds(), "rows/s")
	b.ReportMetric(float64(slowest.Microseconds())/1000, "ms/slowest-batch")
}

// fillTokens writes n tokens in one transaction. Their ids are scattered, as random
// ones are, so the rows of one batch lie all over the table.
func fillTokens(b *testing.B, db *sql.DB, kind string, n int, expires time.Time) {
	b.Helper()
	_, err := db.ExecContext(b.Context(), `
		WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM numbers WHERE i + 1 < $1)
		INSERT INTO tokens (id, token_type, user_id, session_id, epoch, secret_hash, previous_hash, salt, created_at, rotated_at, expires_at, revoked_at, version)
		SELECT printf('%016x', i * 2654435761 % 4294967296) || $2, 'refresh', printf('user-%032d', i / 4), printf('%022d', i), 0,
			randomblob(32), randomblob(32), randomblob(32), $3, $3, $4, $5, 1
		FROM numbers`, n, kind, testTime.Add(-time.Hour).UnixMicro(), expires.UnixMicro(), time.Time{}.UnixMicro())
	if err != nil {
		b.Fatal(err)
	}
}

// tokenCensus is how many tokens there are, live and expired, with a sum that another
// choice of live ones would change.
func tokenCensus(b *testing.B, db *sql.DB) string {
	b.Helper()
	var live, dead, sum int64
	err := db.QueryRowContext(b.Context(), `SELECT count(*) FILTER (WHERE expires_at > $1), count(*) FILTER (WHERE expires_at <= $1),
		coalesce(sum(CAST(session_id AS INTEGER)), 0) FROM tokens`, testTime.UnixMicro()).Scan(&live, &dead, &sum)
	if err != nil {
		b.Fatal(err)
	}
	return fmt.Sprintf("%d live and %d expired (sum %d)", live, dead, sum)
}
