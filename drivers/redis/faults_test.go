package redis_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
	"myauth.internal/kit"
)

// everyWrite makes each kind of write, on records of that number.
func everyWrite(t *testing.T, store *redis.Store, i int) map[string]error {
	id := fmt.Sprint("w", i)
	_, purgeErr := store.Tokens().DeleteExpired(t.Context(), testTime, 10)
	moved := newUser("kept")
	moved.Email = id + "@elsewhere.example"
	return map[string]error{
		"create user":   store.Users().Create(t.Context(), newUser(id)),
		"update user":   store.Users().Update(t.Context(), newUser("kept")),
		"move user":     store.Users().Update(t.Context(), moved),
		"delete user":   store.Users().Delete(t.Context(), "kept"),
		"create token":  store.Tokens().Create(t.Context(), newToken(id, "kept")),
		"update token":  store.Tokens().Update(t.Context(), newToken("kept", "kept")),
		"delete token":  deleteToken(t, store, id),
		"purge":         purgeErr,
		"delete kept":   deleteToken(t, store, "kept"),
		"create at old": store.Tokens().Create(t.Context(), newToken(id+"x", "kept")),
	}
}

// deleteToken removes a token at the version that it has.
func deleteToken(t *testing.T, store *redis.Store, id string) error {
	token, err := store.Tokens().ByID(t.Context(), id)
	if err != nil {
		return err
	}
	return store.Tokens().Delete(t.Context(), id, token.Version)
}

// keep stores a user and a token named kept.
func keep(t *testing.T, store *redis.Store) {
	t.Helper()
	if err := store.Users().Create(t.Context(), newUser("kept")); err != nil {
		t.Fatal(err)
	}
	if err := store.Tokens().Create(t.Context(), newToken("kept", "kept")); err != nil {
		t.Fatal(err)
	}
}

// wantKept checks that both are as they were, and found by every way.
func wantKept(t *testing.T, store *redis.Store) {
	t.Helper()
	if u, err := store.Users().ByEmail(t.Context(), "kept@example.com"); err != nil || u.ID != "kept" || u.Version != 1 {
		t.Errorf("the user is %s version %d, %v", u.ID, u.Version, err)
	}
	if list, err := store.Tokens().ByUser(t.Context(), "kept", "", 10); err != nil || len(list) != 1 || list[0].Version != 1 {
		t.Errorf("the tokens are %v, %v", list, err)
	}
	if token, u, err := store.Tokens().WithOwner(store.Users())(t.Context(), "kept"); err != nil || token.Version != 1 || u.ID != "kept" {
		t.Errorf("the token has version %d and the user %s, %v", token.Version, u.ID, err)
	}
}

func TestFullMemory(t *testing.T) {
	s := startServer(t)
	store, client := open(t, s.url(), nil), plain(t, s.url())
	keep(t, store)
	if err := client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	for what, err := range everyWrite(t, store, 1) {
		if strings.HasPrefix(what, "delete") || what == "purge" {
			continue // removing goes on, as it may
		}
		if !isOutage(err) || !strings.Contains(err.Error(), "raise maxmemory") {
			t.Errorf("%s with full memory: %v", what, err)
		}
	}
	if err := client.ConfigSet(t.Context(), "maxmemory", "0").Err(); err != nil {
		t.Fatal(err)
	}
	// What was refused has left nothing, in the indexes either.
	if list, err := store.Tokens().ByUser(t.Context(), "kept", "", 10); err != nil || len(list) != 0 {
		t.Errorf("tokens %v, %v", list, err)
	}
	if keys, err := client.Keys(t.Context(), "*").Result(); err != nil || len(keys) != 0 {
		t.Errorf("left: %q, %v", keys, err)
	}
	if err := store.Users().Create(t.Context(), newUser("kept")); err != nil {
		t.Errorf("with memory again: %v", err)
	}
}

func TestReadOnlyReplica(t *testing.T) {
	master := startServer(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(master.addr)
	replica := startServer(t, "--replicaof", host+" "+port)
	store, err := redis.NewUnchecked(plain(t, replica.url()), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	keep(t, open(t, master.url(), nil))
	eventually(t, "the replica has the data", func() error {
		_, err := store.Tokens().ByID(t.Context(), "kept")
		return err
	})
	for what, err := range everyWrite(t, store, 1) {
		if what == "delete token" || what == "purge" {
			continue // there is nothing to remove, and that is the answer
		}
		if !isOutage(err) || !strings.Contains(err.Error(), "connect to the master") {
			t.Errorf("%s on a replica: %v", what, err)
		}
	}
	wantKept(t, store)
	_, err = redis.Open(t.Context(), replica.url(), nil)
	wantRefused(t, err, "connect to the master")

	// A replica that has lost its master and then serves nothing.
	master.kill()
	client := plain(t, replica.url())
	if err := client.ConfigSet(t.Context(), "replica-serve-stale-data", "no").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the replica notices", func() error {
		if _, err := store.Tokens().ByID(t.Context(), "kept"); !isOutage(err) || !strings.Contains(err.Error(), "MASTERDOWN") {
			return fmt.Errorf("ByID answers %w", err)
		}
		return nil
	})
}

func TestTooFewReplicas(t *testing.T) {
	s := startServer(t)
	store := open(t, s.url(), nil)
	keep(t, store)
	if err := plain(t, s.url()).ConfigSet(t.Context(), "min-replicas-to-write", "1").Err(); err != nil {
		t.Fatal(err)
	}
	for what, err := range everyWrite(t, store, 1) {
		if what == "delete token" || what == "purge" {
			continue
		}
		if !isOutage(err) || !strings.Contains(err.Error(), "NOREPLICAS") {
			t.Errorf("%s without replicas: %v", what, err)
		}
	}
	wantKept(t, store)
}

// Keys of somebody else under the prefix, and records that are damaged, are neither an
// outage nor "not found", and are left as they are.
func TestForeignKeys(t *testing.T) {
	url := servers.Redis(t)
	client := plain(t, url)
	o := fresh()
	store := open(t, url, o)
	keep(t, store)
	keys, err := client.Keys(t.Context(), "{"+o.Prefix+":*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		t.Run(strings.TrimPrefix(key, "{"+o.Prefix), func(t *testing.T) {
			saved, err := client.Dump(t.Context(), key).Result()
			if err != nil {
				t.Fatal(err)
			}
			client.Del(t.Context(), key)
			client.RPush(t.Context(), key, "foreign")
			before := dump(t, client, o.Prefix)
			_, _, err = store.Tokens().WithOwner(store.Users())(t.Context(), "kept")
			if isRecord := strings.HasSuffix(key, ":id:kept"); isRecord != (err != nil && strings.Contains(err.Error(), "WRONGTYPE")) || errors.Is(err, kit.ErrUnavailable) {
				t.Errorf("the token with its user: %v", err)
			}
			met := 0
			for i := range 40 { // so that tokens of the same partition are among them
				for what, err := range everyWrite(t, store, i) {
					if err != nil && strings.Contains(err.Error(), "WRONGTYPE") {
						met++
						if errors.Is(err, kit.ErrUnavailable) || !strings.HasPrefix(err.Error(), "redis: ") {
							t.Errorf("%s: %v", what, err)
						}
					}
				}
			}
			if met == 0 {
				t.Error("no write met the key")
			}
			if client.Type(t.Context(), key).Val() != "list" {
				t.Error("the foreign key is gone")
			}
			// Put everything back as it was.
			for key := range dump(t, client, o.Prefix) {
				client.Del(t.Context(), key)
			}
			for key, value := range before {
				client.Restore(t.Context(), key, 0, value)
			}
			client.RestoreReplace(t.Context(), key, 0, saved)
			wantKept(t, store)
		})
	}
}

// A write that meets a foreign index has changed nothing.
func TestForeignIndexLeavesRecordsWhole(t *testing.T) {
	url := servers.Redis(t)
	client, o := plain(t, url), fresh()
	store := open(t, url, o)
	keep(t, store)
	token := newToken("kept", "kept")
	shorter := token
	shorter.ExpiresAt = testTime.Add(time.Minute)
	_, users, expiry, _ := redis.Keys(store, token)
	for _, key := range []string{users, expiry} {
		client.Rename(t.Context(), key, "{"+o.Prefix+":saved}")
		client.Set(t.Context(), key, "foreign", 0)
		before := dump(t, client, o.Prefix)
		same := newToken("kept", "kept") // in the partition of the foreign index
		record, _, _, _ := redis.Keys(store, same)
		errs := map[string]error{"delete": deleteToken(t, store, "kept")}
		if key == expiry {
			errs["update"] = store.Tokens().Update(t.Context(), shorter)
			_, errs["purge"] = store.Tokens().DeleteExpired(t.Context(), testTime.Add(time.Hour), 10)
		}
		saved := client.Dump(t.Context(), record).Val()
		client.Del(t.Context(), record)
		errs["create"] = store.Tokens().Create(t.Context(), same)
		client.Restore(t.Context(), record, 0, saved)
		for what, err := range errs {
			if err == nil || !strings.Contains(err.Error(), "choose another Options.Prefix") || errors.Is(err, kit.ErrUnavailable) {
				t.Errorf("%s with a foreign key %s: %v", what, key, err)
			}
		}
		if after := dump(t, client, o.Prefix); !maps.Equal(before, after) {
			t.Errorf("beside a foreign key %s\n%q became\n%q", key, before, after)
		}
		client.Rename(t.Context(), "{"+o.Prefix+":saved}", key)
	}
	wantKept(t, store)
}

func dump(t *testing.T, client *goredis.Client, prefix string) map[string]string {
	t.Helper()
	keys, err := client.Keys(t.Context(), "{"+prefix+":*").Result()
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, key := range keys {
		if values[key], err = client.Dump(t.Context(), key).Result(); err != nil {
			t.Fatal(err)
		}
	}
	return values
}

// A record that is damaged, or of a newer version of MyAuth, is refused by every call and
// stays as it is.
func TestDamagedRecords(t *testing.T) {
	url := servers.Redis(t)
	client, o := plain(t, url), fresh()
	store := open(t, url, o)
	keep(t, store)
	userKey, tokenKey := redis.RecordKey(store, "users", "kept"), redis.RecordKey(store, "tokens", "kept")
	const email = "kept@Example.com"
	sound := dump(t, client, o.Prefix)
	for _, c := range []struct {
		name    string
		damaged func(record string) string
		newer   bool
	}{
		{"newer", func(record string) string { return withForm(record, "10") }, true},
		{"newer and nothing else", func(string) string { return "2\x00" }, true},
		{"older", func(record string) string { return withForm(record, "0") }, false},
		{"another form", func(record string) string { return withForm(record, "x") }, false},
		{"without form", func(record string) string { return withForm(record, "") }, false},
		{"without words", func(string) string { return "1\x00" }, false},
		{"empty", func(string) string { return "" }, false},
	} {
		for _, key := range []string{userKey, tokenKey} {
			client.Set(t.Context(), key, c.damaged(client.Get(t.Context(), key).Val()), 0)
		}
		damaged := dump(t, client, o.Prefix)
		_, byID := store.Users().ByID(t.Context(), "kept")
		_, byEmail := store.Users().ByEmail(t.Context(), email)
		_, list := store.Users().List(t.Context(), "", 10)
		_, listByEmail := store.Users().ListByEmail(t.Context(), "k", "", 10)
		_, tokenByID := store.Tokens().ByID(t.Context(), "kept")
		_, _, withOwner := store.Tokens().WithOwner(store.Users())(t.Context(), "kept")
		_, byUser := store.Tokens().ByUser(t.Context(), "kept", "", 10)
		n, purge := store.Tokens().DeleteExpired(t.Context(), testTime.Add(time.Hour), 10)
		moved := newUser("kept")
		moved.Email = "elsewhere@example.com"
		errs := map[string]error{
			"ByID": byID, "ByEmail": byEmail, "List": list, "ListByEmail": listByEmail, "token ByID": tokenByID, "WithOwner": withOwner, "ByUser": byUser,
			"Update": store.Users().Update(t.Context(), newUser("kept")), "Update of the address": store.Users().Update(t.Context(), moved),
			"Delete": store.Users().Delete(t.Context(), "kept"), "token Update": store.Tokens().Update(t.Context(), newToken("kept", "kept")),
			"token Delete": store.Tokens().Delete(t.Context(), "kept", 1),
		}
		if !c.newer {
			errs["DeleteExpired"] = purge
		} else if n != 0 || purge != nil {
			t.Errorf("%s: purged %d, %v: that is for the newer version", c.name, n, purge)
		}
		for what, err := range errs {
			isNewer, isDamaged := errors.Is(err, kit.ErrNewerRecord), err != nil && strings.Contains(err.Error(), "damaged") && !errors.Is(err, kit.ErrUnavailable)
			if isNewer != c.newer || isDamaged == c.newer || errors.Is(err, kit.ErrNotFound) || errors.Is(err, kit.ErrConflict) {
				t.Errorf("%s, %s: %v", c.name, what, err)
			} else if strings.Contains(err.Error(), "kept") {
				t.Errorf("%s, %s: the error shows a value: %v", c.name, what, err)
			}
		}
		if after := dump(t, client, o.Prefix); !maps.Equal(damaged, after) {
			t.Errorf("%s: the record was changed", c.name)
		}
		for _, key := range []string{userKey, tokenKey} {
			client.RestoreReplace(t.Context(), key, 0, sound[key])
		}
	}
	record := client.Get(t.Context(), userKey).Val()
	for part, other := range map[string]string{"1\x001\x00": "1\x00x\x00", "\x02[]": "\x02{{", "\x04true": "\x04trye", "\x10" + fmt.Sprint(testTime.UnixMicro()): "\x09yesterday", "\x10kept@Example.com": "\xff\xff\x03kept"} {
		client.Set(t.Context(), userKey, strings.Replace(record, part, other, 1), 0)
		_, byID := store.Users().ByID(t.Context(), "kept")
		_, _, withOwner := store.Tokens().WithOwner(store.Users())(t.Context(), "kept")
		for what, err := range map[string]error{"ByID": byID, "WithOwner": withOwner} {
			if err == nil || !strings.Contains(err.Error(), "damaged") || strings.Contains(err.Error(), other) {
				t.Errorf("%s with %q in place of %q: %v", what, other, part, err)
			}
		}
		client.RestoreReplace(t.Context(), userKey, 0, sound[userKey])
	}
	record = client.Get(t.Context(), tokenKey).Val()
	head, rest, _ := strings.Cut(record, "\x00refresh\x00")
	for i, other := range []string{rest[1:], "x" + rest[1:], rest[:18], rest[:19] + rest[20:], rest[:19] + "-" + rest[20:]} {
		client.Set(t.Context(), tokenKey, head+"\x00refresh\x00"+other, 0)
		damaged := dump(t, client, o.Prefix)
		_, byID := store.Tokens().ByID(t.Context(), "kept")
		_, purge := store.Tokens().DeleteExpired(t.Context(), testTime.Add(time.Hour), 10)
		errs := map[string]error{"ByID": byID, "Delete": store.Tokens().Delete(t.Context(), "kept", 1), "DeleteExpired": purge}
		if i < 3 { // it overwrites the expiry
			errs["Update"] = store.Tokens().Update(t.Context(), newToken("kept", "kept"))
		}
		for what, err := range errs {
			if err == nil || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("%s of a token with the times %q: %v", what, other[:min(len(other), 38)], err)
			}
		}
		if after := dump(t, client, o.Prefix); !maps.Equal(damaged, after) {
			t.Errorf("a token with the times %q was changed", other[:min(len(other), 38)])
		}
		client.RestoreReplace(t.Context(), tokenKey, 0, sound[tokenKey])
	}
	wantKept(t, store)

	// The index of addresses without its user.
	client.Del(t.Context(), userKey)
	if _, err := store.Users().ByEmail(t.Context(), email); err == nil || !strings.Contains(err.Error(), "index of addresses") || errors.Is(err, kit.ErrNotFound) {
		t.Errorf("ByEmail: %v", err)
	}
	// An index of tokens without the token: the purge clears it and counts nothing.
	client.Del(t.Context(), tokenKey)
	if n, err := store.Tokens().DeleteExpired(t.Context(), testTime.Add(time.Hour), 10); n != 0 || err != nil {
		t.Errorf("DeleteExpired: %d, %v", n, err)
	}
}

// The server forgets the scripts all the time, as a restart makes it.
func TestScriptFlush(t *testing.T) {
	for name, url := range map[string]string{"server": servers.Redis(t), "cluster": cluster(t)} {
		t.Run(name, func(t *testing.T) {
			store := open(t, url, fresh())
			flush := func(ctx context.Context, c *goredis.Client) error { return c.ScriptFlush(ctx).Err() }
			o, err := goredis.ParseURL(strings.Split(url, "?")[0])
			if err != nil {
				t.Fatal(err)
			}
			single, many := goredis.NewClient(o), goredis.NewClusterClient(&goredis.ClusterOptions{Addrs: []string{o.Addr}})
			defer single.Close()
			defer many.Close()
			stop := make(chan struct{})
			var flusher, workers sync.WaitGroup
			flusher.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if name == "server" {
						err = flush(t.Context(), single)
					} else {
						err = many.ForEachMaster(t.Context(), flush)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
			for w := range 16 {
				workers.Go(func() {
					for i := range 20 {
						id := fmt.Sprint(w, "-", i)
						if err := store.Tokens().Create(t.Context(), newToken(id, fmt.Sprint(w))); err != nil {
							t.Error(err)
						}
						if list, err := store.Tokens().ByUser(t.Context(), fmt.Sprint(w), "", 1000); err != nil || len(list) != i+1 {
							t.Errorf("%d tokens, %v", len(list), err)
						}
					}
				})
			}
			workers.Wait()
			close(stop)
			flusher.Wait()
		})
	}
}

// What cannot be purged keeps the purge from no other token, however much it is, and is told
// of once there is nothing else to be done. Records of a newer version are not told of.
func TestDamageKeepsNoOthers(t *testing.T) {
	foreign := func(key string) func(*goredis.Client, string) {
		return func(client *goredis.Client, _ string) {
			client.Del(context.Background(), key)
			client.Set(context.Background(), key, "foreign", 0)
		}
	}
	for _, c := range []struct {
		name           string
		damaged, sound int
		damage         func(client *goredis.Client, record string)
		want           string
	}{
		{"one damaged", 1, 1100, func(client *goredis.Client, record string) { client.Set(context.Background(), record, "x", 0) }, "damaged"},
		{"many damaged", 300, 300, func(client *goredis.Client, record string) { client.Set(context.Background(), record, "x", 0) }, "damaged"},
		{"foreign keys", 300, 300, func(client *goredis.Client, record string) { foreign(record)(client, record) }, "damaged"},
		{"newer", 300, 300, func(client *goredis.Client, record string) { client.Set(context.Background(), record, "2\x00", 0) }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := servers.Redis(t)
			client, o := plain(t, url), fresh()
			store := open(t, url, o)
			// All in one partition, and the damaged ones first.
			_, _, partition, _ := redis.Keys(store, newToken("t0", "u"))
			made := 0
			for i := 0; made < c.damaged+c.sound; i++ {
				token := newToken(fmt.Sprint("t", i), "u")
				record, _, expiry, _ := redis.Keys(store, token)
				if expiry != partition {
					continue
				}
				token.ExpiresAt = testTime.Add(time.Duration(i) * time.Microsecond)
				if err := store.Tokens().Create(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				if made < c.damaged {
					c.damage(client, record)
				}
				made++
			}
			if removed, err := purge(t, store); removed != c.sound || c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("purged %d of %d, %v", removed, c.sound, err)
			}
		})
	}
	// A key of another program in place of an index.
	for name, indexOf := range map[string]func(*redis.Store, kit.Token) string{
		"users": func(store *redis.Store, token kit.Token) string {
			_, users, _, _ := redis.Keys(store, token)
			return users
		},
		"expiry": func(store *redis.Store, token kit.Token) string {
			_, _, expiry, _ := redis.Keys(store, token)
			return expiry
		},
	} {
		t.Run(name, func(t *testing.T) {
			url, o := servers.Redis(t), fresh()
			store, client := open(t, url, o), plain(t, url)
			want := 0
			for i := range 100 {
				token := newToken(fmt.Sprint("t", i), fmt.Sprint("u", i%3))
				if err := store.Tokens().Create(t.Context(), token); err != nil {
					t.Fatal(err)
				}
				if key := indexOf(store, token); key != indexOf(store, newToken("t0", "u0")) {
					want++
				}
			}
			foreign(indexOf(store, newToken("t0", "u0")))(client, "")
			if removed, err := purge(t, store); removed != want || err == nil || errors.Is(err, kit.ErrUnavailable) {
				t.Errorf("purged %d, want the %d that have nothing to do with it, %v", removed, want, err)
			}
		})
	}
}

// purge removes all expired tokens, as kit.PurgeExpired does.
func purge(t *testing.T, store *redis.Store) (removed int, err error) {
	for n := 1000; n == 1000 && err == nil; removed += n {
		n, err = store.Tokens().DeleteExpired(t.Context(), testTime.Add(time.Hour), 1000)
	}
	return removed, err
}

// A master that becomes a replica goes on answering reads, from what it had. It is not
// ready.
func TestDemotedMaster(t *testing.T) {
	s := startServer(t)
	store := open(t, s.url(), nil)
	keep(t, store)
	if err := plain(t, s.url()).Do(t.Context(), "REPLICAOF", "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{"users": store.Users().Ping(t.Context()), "tokens": store.Tokens().Ping(t.Context())} {
		if !isOutage(err) || !strings.Contains(err.Error(), "connect to the master") {
			t.Errorf("Ping of %s: %v", what, err)
		}
	}
}

// An answer that the client cannot read is quoted by it, and may be a record.
func TestNoValueOfAnAnswerThatCannotBeRead(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				b := make([]byte, 4096)
				for {
					if _, err := conn.Read(b); err != nil {
						return
					}
					if _, err := conn.Write([]byte("SECRET@example.com $2a$12$SECRET\r\n")); err != nil {
						return
					}
				}
			}()
		}
	}()
	client := goredis.NewClient(&goredis.Options{Addr: l.Addr().String(), Protocol: 2, DisableIdentity: true, DialerRetries: 1})
	defer client.Close()
	store, err := redis.NewUnchecked(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	_, err = store.Users().ByID(t.Context(), "u")
	if !isOutage(err) || strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), "SECRET") {
		t.Errorf("error %v", err)
	}
}

// What a server says may quote the command, and so addresses and IDs.
func TestErrorsHoldNoValues(t *testing.T) {
	s := startServer(t, "--rename-command", "EVALSHA", "", "--rename-command", "ZRANGEBYLEX", "", "--rename-command", "GET", "")
	store, err := redis.NewUnchecked(plain(t, s.url()), nil) // Open would refuse it
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	_, byEmail := store.Users().ByEmail(t.Context(), "SECRET@example.com")
	_, byID := store.Tokens().ByID(t.Context(), "SECRET")
	u := newUser("SECRET")
	for _, err := range []error{byEmail, byID, store.Users().Create(t.Context(), u)} {
		if err == nil || strings.Contains(strings.ToUpper(fmt.Sprintf("%+v %#v", err, err)), "SECRET") || !strings.Contains(err.Error(), "renamed") || errors.Is(err, kit.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
	}
}
