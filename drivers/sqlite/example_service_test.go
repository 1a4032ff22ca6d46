package sqlite_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

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
