//go:build js

// Command page is the program that runs inside the playground's page: the routes of
// MyAuth over a store in memory, offered to the page as a function that answers
// Requests. static/fetch.js loads it and puts that function behind fetch.
package main

import (
	"crypto/rand"
	"net/http"
	"os"
	"syscall/js"

	"myauth.internal/examples/wasm/playground/jsfetch"
	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
)

func main() {
	page := js.Global().Get("playground")
	handler, err := newHandler(page)
	if err != nil {
		page.Call("failed", err.Error())
		os.Exit(1)
	}
	page.Call("ready", jsfetch.Func(handler))
	select {} // the functions handed out work only while main does not return
}

// newHandler returns the routes over an empty store, with a secret of their own.
func newHandler(page js.Value) (http.Handler, error) {
	secret := make([]byte, 32)
	rand.Read(secret) // from crypto.getRandomValues; it never fails
	keys, err := accesstoken.HMAC(secret)
	if err != nil {
		return nil, err
	}
	store := memstore.New()
	svc, err := kit.New(store.Stores(), keys, &kit.Options{

		InsecureFastHash: true,
		BcryptCost:       4,
		Mailer:           mailbox{page},
		PublicURL:        here(),
	})

	if err != nil {
		return nil, err
	}
	return httpx.New(svc, nil)
}

// here is the address of the page's directory, without query and fragment.
func here() string {
	return js.Global().Get("URL").New(".", js.Global().Get("location").Get("href")).Get("href").String()
}
