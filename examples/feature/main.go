// Command feature serves MyAuth with two features of its own: a second factor by text message,
// and terms that everybody must accept first. It prints the text messages and the mails.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log"
	"net/http"
	"os"

	"myauth.internal/examples/demo"
	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/seal"
	"myauth.internal/mailx"
)

func main() {
	key := make([]byte, seal.KeySize)
	rand.Read(key)
	dataKeys, err1 := seal.NewKeyring(key)
	mailer, err2 := mailx.NewLog(os.Stderr, nil)
	if err := errors.Join(err1, err2); err != nil {
		log.Fatal(err)
	}
	send := func(_ context.Context, number, text string) error {
		log.Printf("text message to %s: %s", number, text)
		return nil
	}
	opts := &kit.Options{DataKeys: dataKeys, Mailer: mailer, PublicURL: "http://localhost:8080"}
	opts.Features = []kit.Feature{textFactor{send}, termsFeature{version: "2026-11"}}
	demo.Run(opts, nil, func(auth *httpx.Handler) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/auth/", auth)
		mux.Handle("/", auth.Pages()) // where the links in mails lead
		return mux
	})
}
