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
// batch of a hundred expired tokens among live ones, each of which is looked at.
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
