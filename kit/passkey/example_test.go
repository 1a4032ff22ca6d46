package passkey_test

import (
	"fmt"
	"log"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/passkey"
)

func Example() {
	keys, err := accesstoken.HMAC([]byte("a secret of at least 32 random bytes"))
	if err != nil {
		log.Fatal(err)
	}
	stores := memstore.New().Stores()

	passkeys, err := passkey.New("example.com", &passkey.Options{Origins: []string{"https://app.example.com"}})
	if err != nil {
		log.Fatal(err)
	}
	svc, err := kit.New(stores, keys, &kit.Options{Features: []kit.Feature{passkeys}})
	if err != nil {
		log.Fatal(err)
	}
	for _, route := range svc.Routes() { // which package httpx serves below /auth
		fmt.Println(route.Method, route.Path)
	}
	// Output:
	// POST /passkeys/options
	// POST /passkeys
	// GET /passkeys
	// PATCH /passkeys/{id}
	// DELETE /passkeys/{id}
	// POST /login/passkey/options
	// POST /login/passkey
}
