// Command feature serves MyAuth with two features of its own: a second factor by text message,
// and terms that everybody must accept first.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"log"

	"myauth.internal/examples/demo"
	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/seal"
)

func main() {
	addr := demo.Addr()
	flag.Parse()
	key := make([]byte, 32)
	rand.Read(key)
	dataKeys, err := seal.NewKeyring(key)
	if err != nil {
		log.Fatal(err)
	}
	svc, err := demo.Service(&kit.Options{DataKeys: dataKeys, Features: []kit.Feature{
		textFactor{send: func(_ context.Context, number, text string) error {
			log.Printf("text message to %s: %s", number, text)
			return nil
		}},
		termsFeature{version: "2026-11"},
	}})
	if err != nil {
		log.Fatal(err)
	}
	auth, err := httpx.New(svc, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := demo.Serve(*addr, auth); err != nil {
		log.Fatal(err)
	}
}
