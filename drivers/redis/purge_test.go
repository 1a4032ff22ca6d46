package redis_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
	"myauth.internal/kit"
)

// wantPurged checks how many tokens a purge removes.
func wantPurged(t *testing.T, store *redis.Store, before time.Time, limit, want int) {
	t.Helper()
	if n, err := store.Tokens().DeleteExpired(t.Context(), before, limit); n != want || err != nil {
		t.Errorf("DeleteExpired(%v, %d): %d, %v, want %d", before, limit, n, err, want)
	}
}

// wantFiled checks the entries of the index by expiry that a token may have, in order.
func wantFiled(t *testing.T, client *goredis.Client, store *redis.Store, token kit.Token, at ...time.Time) {
	t.Helper()
	_, _, key, _ := redis.Keys(store, token)
	entries := client.ZRange(t.Context(), key, 0, -1).Val()
	if len(entries) != len(at) {
		t.Errorf("the index has %q, want %d entries", entries, len(at))
		return
	}
	for i, filed := range at {
		token.ExpiresAt = filed
		if _, _, _, entry := redis.Keys(store, token); entries[i] != entry {
			t.Errorf("the index has %q, want %q", entries[i], entry)
		}
	}
}

// update stores a token with another expiry, and returns it as it is then.
func update(t *testing.T, store *redis.Store, token kit.Token, expires time.Time) kit.Token {
	t.Helper()
	token.ExpiresAt = expires
	if err := store.Tokens().Update(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	token.Version++
	if got, err := store.Tokens().ByID(t.Context(), token.ID); err != nil || got.Version != token.Version || !got.ExpiresAt.Equal(expires) {
		t.Fatalf("after Update %v, %v", got, err)
	}
	return token
}

// A purge meets many tokens that were extended among those that have expired. It removes exactly
// these, and looks at each token once.
func TestPurgePassesExtendedTokens(t *testing.T) {
	const extended, expired = 600, 300
	later := testTime.Add(time.Hour)
	for _, c := range []struct {
		limit   int
		removed []int
	}{{100, []int{100, 100, 100, 0}}, {1000, []int{300, 0}}} {
		t.Run(fmt.Sprint("limit ", c.limit), func(t *testing.T) {
			var trips counter
			client := plain(t, servers.Redis(t))
			client.AddHook(&trips)
			store, err := redis.New(t.Context(), client, fresh())
			if err != nil {
				t.Fatal(err)
			}
			defer store.Close()
			var kept []kit.Token
			_, _, partition, _ := redis.Keys(store, newToken("t0", "u")) // all in one, which takes several steps
			for i, made := 0, 0; made < extended+expired; i++ {
				token := newToken(fmt.Sprint("t", i), "u")
				if _, _, key, _ := redis.Keys(store, token); key != partition {
					continue
				}
				token.ExpiresAt = testTime.Add(-time.Duration(made) * time.Microsecond)
				if err := store.Tokens().Create(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				if made%3 > 0 {
					kept = append(kept, update(t, store, token, later.Add(time.Duration(made)*time.Microsecond)))
				}
				made++
			}
			trips.Store(0)
			for _, want := range c.removed {
				wantPurged(t, store, testTime, c.limit, want)
			}
			if most := int64(16*len(c.removed) + 2*(extended+expired)/250 + 2*len(c.removed)); trips.Load() > most {
				t.Errorf("the purges took %d round trips, want %d at most", trips.Load(), most)
			}
			for _, want := range kept {
				if got, err := store.Tokens().ByID(t.Context(), want.ID); err != nil || got.Version != want.Version || !got.ExpiresAt.Equal(want.ExpiresAt) {
					t.Fatalf("a token that was extended is %v, %v", got, err)
				}
			}
			_, users, _, _ := redis.Keys(store, kept[0])
			if filed, owned := client.ZCard(t.Context(), partition).Val(), client.ZCard(t.Context(), users).Val(); filed != extended || owned != extended {
				t.Errorf("%d tokens are filed, and %d are owned, want %d", filed, owned, extended)
			}
			wantPurged(t, store, later, 1000, 0) // the earliest expires a step later
			wantPurged(t, store, later.Add(time.Minute), 1000, extended)
			if left := client.Exists(t.Context(), partition, users).Val(); left != 0 {
				t.Error("an index has entries of no token")
			}
		})
	}
}

// A token stays filed as it is while its expiry moves behind that, and a purge files it anew.
func TestWhenATokenIsFiled(t *testing.T) {
	url, o := servers.Redis(t), fresh()
	store, client := open(t, url, o), plain(t, url)
	at := func(minutes int) time.Time { return testTime.Add(time.Duration(minutes) * time.Minute) }
	just := func(minutes int) time.Time { return at(minutes).Add(-time.Microsecond) }
	token := newToken("t", "u")
	token.ExpiresAt = at(10)
	if err := store.Tokens().Create(t.Context(), token); err != nil {
		t.Fatal(err)
	}

	// It is extended twice, with a purge after each time.
	for _, c := range []struct{ filed, expires int }{{10, 20}, {20, 40}} {
		token = update(t, store, token, at(c.expires-1))
		token = update(t, store, token, at(c.expires))
		wantFiled(t, client, store, token, at(c.filed))
		wantPurged(t, store, just(c.filed), 10, 0)
		wantFiled(t, client, store, token, at(c.filed))
		wantPurged(t, store, at(c.filed), 10, 0)
		wantFiled(t, client, store, token, at(c.expires))
		if list, err := store.Tokens().ByUser(t.Context(), "u", "", 10); err != nil || len(list) != 1 || list[0].Version != token.Version {
			t.Errorf("the tokens are %v, %v", list, err)
		}
	}
	token = update(t, store, token, at(50))

	// It is made to expire earlier: behind what it is filed under, then before that.
	token = update(t, store, token, at(45))
	wantFiled(t, client, store, token, at(40))
	token = update(t, store, token, at(15))
	wantFiled(t, client, store, token, at(15))
	wantPurged(t, store, just(15), 10, 0)
	token = update(t, store, token, at(5))
	wantPurged(t, store, just(5), 10, 0)
	wantPurged(t, store, at(5), 10, 1)
	if left := client.Keys(t.Context(), "{"+o.Prefix+":*").Val(); len(left) != 0 {
		t.Errorf("left: %q", left)
	}

	// One that was extended is deleted from where it is filed.
	if err := store.Tokens().Create(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	token = update(t, store, token, at(60))
	if err := store.Tokens().Delete(t.Context(), token.ID, token.Version); err != nil {
		t.Fatal(err)
	}
	if left := client.Keys(t.Context(), "{"+o.Prefix+":*").Val(); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// A purge frees memory that is full, also when it meets a token first that was extended.
func TestPurgeWithFullMemory(t *testing.T) {
	s := startServer(t)
	store, client := open(t, s.url(), nil), plain(t, s.url())
	extended, expired := newToken("kept", "u"), newToken("t0", "u")
	partition := func(token kit.Token) string {
		_, _, key, _ := redis.Keys(store, token)
		return key
	}
	for i := 1; partition(expired) != partition(extended); i++ {
		expired.ID = fmt.Sprint("t", i)
	}
	extended.ExpiresAt, expired.ExpiresAt = testTime.Add(-time.Hour), testTime
	for _, token := range []kit.Token{extended, expired} {
		if err := store.Tokens().Create(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	extended = update(t, store, extended, testTime.Add(time.Hour))
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	wantPurged(t, store, testTime, 10, 1)
	wantFiled(t, client, store, extended, extended.ExpiresAt)
	if got, err := store.Tokens().ByID(t.Context(), extended.ID); err != nil || got.Version != extended.Version {
		t.Errorf("the token that was extended is %v, %v", got, err)
	}
}

// A record of another user at the ID of one that is gone is no record of it, whatever its
// version.
func TestUpdateOfAnothersRecord(t *testing.T) {
	store := open(t, servers.Redis(t), fresh())
	keep(t, store)
	for what, other := range map[string]kit.Token{"another user": newToken("kept", "kep"), "another type": newToken("kept", "kept")} {
		if what == "another type" {
			other.Type = "refresh2"
		}
		if err := store.Tokens().Update(t.Context(), other); !errors.Is(err, kit.ErrConflict) {
			t.Errorf("Update by %s: %v", what, err)
		}
	}
	wantKept(t, store)
}
