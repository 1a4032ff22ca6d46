package memstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"myauth.internal/kit"
)

// TestIndexesAgreeWithAModel drives the store at random and compares every
// listing and purge with a plain scan over a map.
func TestIndexesAgreeWithAModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ctx, store, model := context.Background(), newTokens(), map[string]kit.Token{}
	for step := range 20_000 {
		id := fmt.Sprintf("t%04d", random.IntN(3000))
		// Two minutes around the epoch, and a few far away.
		expires := time.Unix(int64(random.IntN(240)-120), int64(random.IntN(3))).UTC()
		if random.IntN(20) == 0 {
			expires = time.Date(1+random.IntN(9999), 1, 1, 0, 0, 0, 0, time.UTC)
		}
		user := []string{"ann", "bob"}[random.IntN(2)]
		switch random.IntN(8) {
		default:
			record := kit.Token{ID: id, UserID: user, ExpiresAt: expires}
			_, exists := model[id]
			if err := store.Create(ctx, record); (err == kit.ErrConflict) != exists {
				t.Fatalf("step %d: create %s: %v", step, id, err)
			}
			if !exists {
				model[id] = record
			}
		case 0:
			if record, exists := model[id]; exists {
				record.ExpiresAt = expires
				if err := store.Update(ctx, record); err != nil {
					t.Fatalf("step %d: update %s: %v", step, id, err)
				}
				record.Version++
				model[id] = record
			}
		case 1:
			_, exists := model[id]
			if gone, err := store.Delete(ctx, id); gone != exists || err != nil {
				t.Fatalf("step %d: delete %s: %t, %v", step, id, gone, err)
			}
			delete(model, id)
		case 2:
			if step%16 == 0 {
				purge(t, store, model, expires, 1+random.IntN(20))
			}
		case 3:
			if step%16 == 0 {
				list(t, store, model, user, id, 1+random.IntN(1000))
			}
		}
	}
	purge(t, store, model, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), maxLimit)
	for id := range model {
		if _, err := store.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
	}
	for len(store.byID) > 0 {
		if n, _ := store.DeleteExpired(ctx, time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC), maxLimit); n == 0 {
			break
		}
	}
	if len(store.byID)+len(store.byUser)+len(store.expiry.byMinute)+len(store.expiry.buckets) != 0 {
		t.Errorf("an empty store still holds %d tokens, %d users, %d and %d buckets",
			len(store.byID), len(store.byUser), len(store.expiry.byMinute), len(store.expiry.buckets))
	}
}

func purge(t *testing.T, store *Tokens, model map[string]kit.Token, before time.Time, limit int) {
	t.Helper()
	due := 0
	for _, record := range model {
		if !record.ExpiresAt.After(before) {
			due++
		}
	}
	n, err := store.DeleteExpired(context.Background(), before, limit)
	if err != nil || n != min(due, limit) {
		t.Fatalf("purge before %v: got %d, %v, want %d", before, n, err, min(due, limit))
	}
	for id, record := range model {
		if store.byID[id] == nil {
			if record.ExpiresAt.After(before) {
				t.Fatalf("purge before %v removed %s, which expires at %v", before, id, record.ExpiresAt)
			}
			delete(model, id)
		}
	}
	if len(model) != len(store.byID) {
		t.Fatalf("the store holds %d tokens after a purge, the model %d", len(store.byID), len(model))
	}
}

func list(t *testing.T, store *Tokens, model map[string]kit.Token, user, after string, limit int) {
	t.Helper()
	var want []string
	for id, record := range model {
		if record.UserID == user && id > after {
			want = append(want, id)
		}
	}
	slices.Sort(want)
	want = want[:min(len(want), limit)]
	found, err := store.ByUser(context.Background(), user, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]string, 0, len(found))
	for _, record := range found {
		got = append(got, record.ID)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("tokens of %s after %s, at most %d: got %v, want %v", user, after, limit, got, want)
	}
}

// What has left a list or a bucket holds no memory: a session that is refreshed comes
// through the buckets of a whole week.
func TestWhatIsGoneTakesNoRoom(t *testing.T) {
	ctx, store := context.Background(), newTokens()
	const sessions = 2000
	end := time.Unix(60, 0)
	for i := range sessions {
		if err := store.Create(ctx, kit.Token{ID: fmt.Sprintf("t%04d", i), UserID: "ann", ExpiresAt: end, Version: 1}); err != nil {
			t.Fatal(err)
		}
	}
	for i := 1; i < sessions; i++ {
		later := kit.Token{ID: fmt.Sprintf("t%04d", i), UserID: "ann", ExpiresAt: end.Add(time.Minute), Version: 1}
		if err := store.Update(ctx, later); err != nil {
			t.Fatal(err)
		}
	}
	b := store.byID["t0000"].bucket
	if len(b.waiting) != 1 || cap(b.waiting) > 16 {
		t.Errorf("a bucket with %d token has room for %d", len(b.waiting), cap(b.waiting))
	}
	check := func(when string, want int) {
		t.Helper()
		mine := store.byUser["ann"]
		if len(mine) != want || cap(mine) > 4*max(want, 16) {
			t.Errorf("%s a list with %d tokens, and room for %d, want %d", when, len(mine), cap(mine), want)
		}
		for _, left := range mine[len(mine):cap(mine)] {
			if left != nil {
				t.Errorf("%s the list still holds %s behind its end", when, left.ID)
			}
		}
	}
	check("at first", sessions)
	if n, err := store.DeleteExpired(ctx, end, 10); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	check("after one", sessions-1)
	if n, err := store.DeleteExpired(ctx, end.Add(time.Hour), 1000); n != 1000 || err != nil {
		t.Fatal(n, err)
	}
	check("after a thousand more", sessions-1001)
	for len(store.byUser["ann"]) > 1 {
		if _, err := store.Delete(ctx, store.byUser["ann"][0].ID); err != nil {
			t.Fatal(err)
		}
	}
	check("with one left", 1)
}
