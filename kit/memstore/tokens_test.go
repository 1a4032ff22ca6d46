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

// TestTokensAgreeWithAModel makes random calls and compares every listing and purge
// with a plain scan over a map.
func TestTokensAgreeWithAModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	ctx, store, model := context.Background(), New().Tokens(), map[string]kit.Token{}
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
	if len(store.tokens)+len(store.byUser) != 0 {
		t.Errorf("an empty store still holds %d tokens and %d users", len(store.tokens), len(store.byUser))
	}
}

// purge wants as many of the expired tokens as it may to be removed, and no other.
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
		t.Fatalf("purge before %v: got %d, %v, want at most %d of %d", before, n, err, limit, due)
	}
	for id, record := range model {
		if store.tokens[id] != nil {
			continue
		}
		if record.ExpiresAt.After(before) {
			t.Fatalf("purge before %v removed %s, which expires at %v", before, id, record.ExpiresAt)
		}
		delete(model, id)
		n--
	}
	if n != 0 || len(model) != len(store.tokens) {
		t.Fatalf("purge miscounted by %d; the store holds %d tokens, the model %d", n, len(store.tokens), len(model))
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
