package redis_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
	"myauth.internal/kit"
)

// The keys and fields are those of the README.
func TestSchema(t *testing.T) {
	url, o := servers.Redis(t), fresh()
	store, client := open(t, url, o), plain(t, url)
	at := func(year int) time.Time { return time.Date(year, 1, 2, 3, 4, 5, 6000, time.UTC) }
	u := kit.User{
		ID: "1", Email: "A@b.c", Username: "n", PasswordHash: "h", Roles: []string{"r", "<s>"}, Settings: []byte("{}"), Private: []byte("[]"), Factors: []string{"f"},
		Verified: true, SessionEpoch: -1, CredentialEpoch: 2, CreatedAt: at(2026), UpdatedAt: at(2027), Version: 258,
	}
	token := kit.Token{
		ID: "T", Type: "t", UserID: "1", SessionID: "s", Epoch: 1, SecretHash: []byte{1}, PreviousHash: []byte{2}, Data: []byte{3},
		CreatedAt: at(2026), ExpiresAt: at(2028), Version: -1,
	}
	if err := store.Users().Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	if err := store.Tokens().Create(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	if err := store.Credentials().Create(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	users, tokens, credentials := "{"+o.Prefix+":users}", "{"+o.Prefix+":tokens:15}", "{"+o.Prefix+":credentials:15}"
	if err := store.Users().Update(t.Context(), u); err != nil {
		t.Error(err)
	}
	token.ExpiresAt = at(2030) // and it stays filed as it is
	if err := store.Tokens().Update(t.Context(), token); err != nil {
		t.Error(err)
	}
	stamp := func(year int) string { return fmt.Sprintf("20%d", at(year).UnixMicro()) }
	micros := func(year int) string { return fmt.Sprintf("\x10%d", at(year).UnixMicro()) }
	for key, want := range map[string]string{
		users + ":id:1":  "1\x00259\x00a@b.c\x00" + "\x05A@b.c\x01n\x01h\x15[\"r\",\"\\u003cs\\u003e\"]\x02{}\x02[]\x05[\"f\"]\x04true\x05false\x02-1\x012" + micros(2026) + micros(2027),
		tokens + ":id:T": "1\x000\x001\x00t\x00" + stamp(2028) + "\x00" + stamp(2030) + "\x00" + "\x01s\x011\x01\x01\x01\x02\x00\x01\x03" + micros(2026) + "\x12-62135596800000000\x12-62135596800000000",
	} {
		if got := client.Get(t.Context(), key).Val(); got != want {
			t.Errorf("%s is\n%q, want\n%q", key, got, want)
		}
	}
	for key, want := range map[string]string{
		users + ":ids": "1", users + ":emails": "a@b.c\x001",
		tokens + ":users": "1\x00T", tokens + ":expiry": stamp(2028) + "\x001\x00T",
		credentials + ":users": "1\x00T", credentials + ":expiry": stamp(2028) + "\x001\x00T",
	} {
		if got := client.ZRange(t.Context(), key, 0, -1).Val(); strings.Join(got, "|") != want {
			t.Errorf("%s holds %q, want %q", key, got, want)
		}
	}
	if n := len(client.Keys(t.Context(), "{"+o.Prefix+":*").Val()); n != 9 {
		t.Errorf("there are %d keys", n)
	}
}

// Whatever the prefix is, each sixteenth of the slots has one partition.
func TestPartitionsLieFarApart(t *testing.T) {
	client := plain(t, "redis://"+servers.RedisCluster(t)[0])
	for _, prefix := range []string{"myauth", "a", strings.Repeat("x", 64), "test-Ab1:"} {
		used := map[int64]bool{}
		for i := range 16 {
			used[client.ClusterKeySlot(t.Context(), "{"+redis.Tag(prefix, i)+"}").Val()/1024] = true
		}
		if len(used) != 16 {
			t.Errorf("the partitions of %s lie in %d sixteenths of the slots", prefix, len(used))
		}
	}
}
