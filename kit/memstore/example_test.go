package memstore_test

import (
	"context"
	"fmt"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// Any number of Services may stand over the same data, as servers over a database.
func ExampleNew() {
	store := memstore.New()
	defer store.Close()
	keys, err := accesstoken.HMAC([]byte("at least 32 bytes, from a secret manager"))
	if err != nil {
		panic(err)
	}
	opts := &kit.Options{
		BcryptCost: 4, InsecureFastHash: true, // for a fast example only
		OnEvent: func(context.Context, kit.Event) {},
	}
	one, err := kit.New(store.Stores(), keys, opts)
	if err != nil {
		panic(err)
	}
	other, err := kit.New(store.Stores(), keys, opts)
	if err != nil {
		panic(err)
	}

	ctx := context.Background()
	if _, err := one.Register(ctx, kit.Registration{Email: "ada@example.com", Username: "Ada", Password: "Engine#1843!"}); err != nil {
		panic(err)
	}
	tokens, err := other.Login(ctx, "ada@example.com", "Engine#1843!")
	fmt.Println(tokens.User.Username, err)
	// Output: Ada <nil>
}
