package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"sync"
	"time"

	"myauth.internal/drivers/sqlite"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// newService is kit.New with what the examples have in common.
func newService(stores kit.Stores) *kit.Service {
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		log.Fatal(err)
	}
	svc, err := kit.New(stores, keys, &kit.Options{
		BcryptCost: 4, InsecureFastHash: true, // for fast examples only
		OnEvent: func(context.Context, kit.Event) {},
	})
	if err != nil {
		log.Fatal(err)
	}
	return svc
}

// A Service on a file. What is registered is there after a restart.
func Example() {
	dir, err := os.MkdirTemp("", "myauth")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	path := filepath.Join(dir, "auth.db")

	store, err := sqlite.Open(context.Background(), path, nil)
	if err != nil {
		log.Fatal(err)
	}
	svc := newService(store.Stores())
	if _, err := svc.Register(ctx, kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Engine#1843!"}); err != nil {
		log.Fatal(err)
	}
	if err := store.Close(); err != nil {
		log.Fatal(err)
	}

	store, err = sqlite.Open(context.Background(), path, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	tokens, err := newService(store.Stores()).Login(ctx, "ada@example.com", "Engine#1843!")
	fmt.Println(tokens.User.Username, err)
	// Output: Ada <nil>
}

// Accounts in the file and sessions elsewhere: here in memory, where a restart logs
// everybody out and forgets nobody.
func Example_mixedStores() {
	dir, err := os.MkdirTemp("", "myauth")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	accounts, err := sqlite.Open(context.Background(), filepath.Join(dir, "auth.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer accounts.Close()
	stores := accounts.Stores()
	stores.Tokens = memstore.New().Tokens()
	svc := newService(stores)
	if _, err := svc.Register(ctx, kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Engine#1843!"}); err != nil {
		log.Fatal(err)
	}
	tokens, err := svc.Login(ctx, "ada@example.com", "Engine#1843!")
	if err != nil {
		log.Fatal(err)
	}

	stores.Tokens = memstore.New().Tokens() // after a restart
	svc = newService(stores)
	_, err = svc.Refresh(ctx, string(tokens.RefreshToken))
	fmt.Println(err)
	tokens, err = svc.Login(ctx, "ada@example.com", "Engine#1843!")
	fmt.Println(tokens.User.Username, err)
	// Output:
	// kit: the token is not valid
	// Ada <nil>
}

// purgeEvery removes expired tokens until ctx ends. No package starts a goroutine
// that nobody stops, so the application owns this one.
func purgeEvery(ctx context.Context, svc *kit.Service, ticks <-chan time.Time, report func(deleted int, err error)) {
	for {
		select {
		case now := <-ticks:
			report(svc.PurgeExpired(ctx, now.Add(-24*time.Hour)))
		case <-ctx.Done():
			return
		}
	}
}

// A purge by the hour, which ends with the application.
func Example_purge() {
	dir, err := os.MkdirTemp("", "myauth")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(context.Background(), filepath.Join(dir, "auth.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	svc := newService(store.Stores())

	ctx, stop := context.WithCancel(context.Background())
	ticks := make(chan time.Time, 1) // time.NewTicker(time.Hour).C
	ticks <- testTime
	var purger sync.WaitGroup
	purger.Go(func() {
		purgeEvery(ctx, svc, ticks, func(deleted int, err error) {
			fmt.Println("deleted", deleted, err)
			stop() // an application does so when it ends
		})
	})
	purger.Wait()
	// Output: deleted 0 <nil>
}
