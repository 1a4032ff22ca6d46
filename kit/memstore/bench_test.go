package memstore_test

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/memstore"
)

// The sizes at which the costs are compared.
var sizes = []int{1_000, 1_000_000}

// BenchmarkUsers shows what a look-up and an update cost among few and many users.
func BenchmarkUsers(b *testing.B) {
	for _, size := range sizes {
		store, ctx := memstore.New(), context.Background()
		for i := range size {
			mustDo(b, store.Users().Create(ctx, kit.User{ID: id(i), Email: id(i) + "@example.com"}))
		}
		b.Run(fmt.Sprintf("ByEmail/users=%d", size), func(b *testing.B) {
			for i := range b.N {
				_, err := store.Users().ByEmail(ctx, id(i%size)+"@Example.com")
				mustDo(b, err)
			}
		})
		b.Run(fmt.Sprintf("Update/users=%d", size), func(b *testing.B) {
			for i := range b.N {
				u, err := store.Users().ByID(ctx, id(i%size))
				mustDo(b, err)
				mustDo(b, store.Users().Update(ctx, u))
			}
		})
	}
}

// BenchmarkTokens shows the same for listing, and for creating and purging one
// batch of a hundred expired tokens among live ones.
func BenchmarkTokens(b *testing.B) {
	now := time.Unix(1_700_000_000, 0)
	for _, size := range sizes {
		store, ctx := memstore.New(), context.Background()
		for i := range size {
			expires := now.Add(time.Duration(i%10_000+1) * time.Minute)
			mustDo(b, store.Tokens().Create(ctx, kit.Token{ID: id(i), UserID: id(i), ExpiresAt: expires}))
		}
		b.Run(fmt.Sprintf("ByUser/users=%d", size), func(b *testing.B) {
			for i := range b.N {
				_, err := store.Tokens().ByUser(ctx, id(i%size), "", 100)
				mustDo(b, err)
			}
		})
		b.Run(fmt.Sprintf("Purge100/users=%d", size), func(b *testing.B) {
			next := size
			for range b.N {
				for range 100 {
					mustDo(b, store.Tokens().Create(ctx, kit.Token{ID: id(next), UserID: id(next), ExpiresAt: now}))
					next++
				}
				if n, err := store.Tokens().DeleteExpired(ctx, now, 1000); n != 100 || err != nil {
					b.Fatalf("purged %d, %v, want 100", n, err)
				}
			}
		})
	}
}

// BenchmarkPurge shows what it costs to purge a million expired tokens in batches of a
// thousand, when each belongs to another user and when they are all of one.
func BenchmarkPurge(b *testing.B) {
	const tokens = 1_000_000
	now := time.Unix(1_700_000_000, 0)
	for _, users := range []int{tokens, 1} {
		b.Run(fmt.Sprintf("tokens=%d/users=%d", tokens, users), func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				store, ctx := memstore.New().Tokens(), context.Background()
				for i := range tokens {
					expires := now.Add(-time.Duration(i%10_000) * time.Minute)
					mustDo(b, store.Create(ctx, kit.Token{ID: fmt.Sprintf("%09d", i), UserID: id(i % users), ExpiresAt: expires}))
				}
				b.StartTimer()
				for purged := 0; purged < tokens; purged += 1000 {
					if n, err := store.DeleteExpired(ctx, now, 1000); n != 1000 || err != nil {
						b.Fatalf("purged %d, %v, want 1000", n, err)
					}
				}
			}
		})
	}
}

// id spreads like the random keys of the Service.
func id(i int) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(i)*0x9e3779b97f4a7c15)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func mustDo(b *testing.B, err error) {
	if err != nil {
		b.Fatal(err)
	}
}
