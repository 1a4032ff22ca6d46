// Command provider is a program whose users log in with accounts from elsewhere.
package main

import (
	"fmt"
	"log"

	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/provider"
)

func main() {
	keys, err := accesstoken.HMAC([]byte("a secret of the test, 32 bytes or more"))
	if err != nil {
		log.Fatal(err)
	}
	feature, err := provider.New("https://app.example.com/auth", []string{"https://app.example.com/signed-in"},
		provider.Google(provider.Config{ClientID: "client", ClientSecret: "secret"}),
		provider.GitHub(provider.Config{ClientID: "client", ClientSecret: "secret"}))
	if err != nil {
		log.Fatal(err)
	}
	svc, err := kit.New(memstore.New().Stores(), keys, &kit.Options{Features: []kit.Feature{feature}})
	if err != nil {
		log.Fatal(err)
	}
	for _, route := range svc.Routes() {
		if route.Path == "/providers/exchange" {
			fmt.Println(route.Method, route.Path)
		}
	}
}
