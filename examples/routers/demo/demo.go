// Package demo is what the examples of routers have in common: a Service whose
// users live in memory, and a route of an application.
package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"net/http"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

// Service returns a Service that forgets everything with the process, and sends no
// mail.
func Service(opts *kit.Options) (*kit.Service, error) {
	secret := make([]byte, 32)
	rand.Read(secret) // never fails
	keys, err := accesstoken.HMAC(secret)
	if err != nil {
		return nil, err
	}
	store := memstore.New()
	return kit.New(store.Users(), store.Tokens(), keys, opts)
}

// Hello greets the user that httpx.RequireUser has let through.
func Hello(w http.ResponseWriter, r *http.Request) {
	user, _ := httpx.UserFrom(r.Context())
	fmt.Fprintf(w, "Hello, %s!\n", user.Username)
}

// Serve serves what router makes of a Service, until it cannot.
func Serve(router func(*kit.Service) http.Handler) {
	svc, err := Service(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer svc.Close(context.Background()) //nolint:errcheck // the process ends
	const address = "127.0.0.1:8080"
	log.Printf("POST to http://%s/auth/register", address)
	log.Print(http.ListenAndServe(address, router(svc)))
}
