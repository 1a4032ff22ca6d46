package redis_test

import (
	"fmt"
	"slices"
	"testing"

	"myauth.internal/conformance/servers"
	"myauth.internal/drivers/redis"
)

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
	watched, err := redis.New(t.Context(), client, o)
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
