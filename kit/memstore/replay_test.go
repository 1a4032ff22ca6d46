package memstore_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// TestAPurgeChoosesTheSameAgain makes the same calls as ever and wants the same tokens
// to be left, which DeleteExpired promises. Who changes the choice changes what others
// read from their logs: the sum stays.
func TestAPurgeChoosesTheSameAgain(t *testing.T) {
	const want = "1a3e0d185411dd2e"
	for range 2 {
		sum := sha256.Sum256([]byte(strings.Join(purged(t), "\n")))
		if got := hex.EncodeToString(sum[:8]); got != want {
			t.Errorf("the tokens that the purges left have the sum %s, want %s", got, want)
		}
	}
}

// purged makes creations, updates, deletions and purges with a limit, in an order that
// is random and always the same, and returns what is left after each purge.
func purged(t *testing.T) []string {
	tokens := memstore.New().Tokens()
	ctx := context.Background()
	random := rand.New(rand.NewPCG(1, 2)) // the same in every run
	begin := time.Date(2026, 11, 5, 12, 30, 0, 0, time.UTC)
	expiry := func() time.Time { return begin.Add(time.Duration(random.IntN(600)) * time.Second) }
	var left []string
	for i := range 2000 {
		id := fmt.Sprint("token ", random.IntN(i+1))
		var err error
		switch random.IntN(4) {
		case 0:
			id = fmt.Sprint("token ", i)
			err = tokens.Create(ctx, kit.Token{ID: id, UserID: "ann", ExpiresAt: expiry(), Version: 1})
		case 1:
			var t kit.Token
			if t, err = tokens.ByID(ctx, id); err == nil {
				t.ExpiresAt = expiry()
				err = tokens.Update(ctx, t)
			} else {
				err = nil
			}
		case 2:
			_, err = tokens.Delete(ctx, id)
		case 3:
			if _, err = tokens.DeleteExpired(ctx, expiry(), 1+random.IntN(5)); err == nil {
				var list []kit.Token
				list, err = tokens.ByUser(ctx, "ann", "", 1000)
				for _, t := range list {
					left = append(left, t.ID)
				}
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return left
}
