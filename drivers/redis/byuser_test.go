package redis_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
)

// idsOf returns what ByUser finds, in pages.
func idsOf(t *testing.T, store *redis.Store, user string, page int) []string {
	t.Helper()
	ids := []string{}
	for after := ""; ; {
		tokens, err := store.Tokens().ByUser(t.Context(), user, after, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			ids = append(ids, token.ID)
		}
		if len(tokens) < page {
			return ids
		}
		after = ids[len(ids)-1]
	}
}

// Removing one ID from a list takes no other with it, whatever bytes they are made of:
// one by one, and many at once.
func TestOddIDsStayApart(t *testing.T) {
	url, o := servers.Redis(t), fresh()
	store, client := open(t, url, o), plain(t, url)
	ids := redis.OddIDs()[1:] // all but the empty one, which no page begins behind
	var want []string
	for i, id := range ids {
		token := newToken(id, "\x00user\x01")
		token.ExpiresAt = testTime.Add(time.Duration(i%3) * time.Hour)
		if err := store.Tokens().Create(t.Context(), token); err != nil {
			t.Fatal(err)
		}
		want = append(want, id)
	}
	slices.Sort(want)
	check := func(when string) {
		t.Helper()
		if got := idsOf(t, store, "\x00user\x01", 7); !slices.Equal(got, want) {
			t.Errorf("%s there are %d tokens, want %d:\n%q\n%q", when, len(got), len(want), got, want)
		}
	}
	check("at first")
	for i, id := range ids {
		if i%7 != 0 {
			continue
		}
		if gone, err := store.Tokens().Delete(t.Context(), id); err != nil || !gone {
			t.Fatal(gone, err)
		}
		want = slices.DeleteFunc(want, func(s string) bool { return s == id })
		check(fmt.Sprintf("without %q", id))
	}
	for hours := range 3 {
		n, err := store.Tokens().DeleteExpired(t.Context(), testTime.Add(time.Duration(hours)*time.Hour), 1000)
		if err != nil {
			t.Fatal(err)
		}
		before := len(want)
		want = slices.DeleteFunc(want, func(id string) bool { return slices.Index(ids, id)%3 == hours })
		if n != before-len(want) {
			t.Errorf("purged %d, want %d", n, before-len(want))
		}
		check(fmt.Sprintf("after the purge at hour %d", hours))
	}
	if keys, err := client.Keys(t.Context(), "{"+o.Prefix+":*").Result(); err != nil || len(keys) != 0 {
		t.Errorf("left: %q, %v", keys, err)
	}
}

// A token that goes while its user's are listed is left out, and the page is filled
// with those behind it: fewer than asked for would mean that there are no more.
func TestPagesAreFull(t *testing.T) {
	url, o := servers.Redis(t), fresh()
	store := open(t, url, o)
	for i := range 10 {
		if err := store.Tokens().Create(t.Context(), newToken(fmt.Sprint("t", i), "u")); err != nil {
			t.Fatal(err)
		}
	}
	client := plain(t, url)
	hook := &betweenPipelines{do: func() {
		for _, id := range []string{"t1", "t2"} {
			if _, err := store.Tokens().Delete(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	}}
	client.AddHook(hook)
	watched, err := redis.New(client, o)
	if err != nil {
		t.Fatal(err)
	}
	defer watched.Close()
	tokens, err := watched.Tokens().ByUser(t.Context(), "u", "", 4)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{}
	for _, token := range tokens {
		got = append(got, token.ID)
	}
	if want := []string{"t0", "t3", "t4", "t5"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
