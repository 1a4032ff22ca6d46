// Command passkey is a program that logs in by passkeys.
package main

import (
	"fmt"
	"log"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/passkey"
)

func main() {
	keys, err := accesstoken.HMAC([]byte("a secret of the test, 32 bytes or more"))
	if err != nil {
		log.Fatal(err)
	}
	passkeys, err := passkey.New("example.com", nil)
	if err != nil {
		log.Fatal(err)
	}
	svc, err := kit.New(memstore.New().Stores(), keys, &kit.Options{Features: []kit.Feature{passkeys}})
	if err != nil {
		log.Fatal(err)
	}
	for _, route := range svc.Routes() {
		if route.Path == "/login/passkey" {
			fmt.Println(route.Method, route.Path)
		}
	}
}
