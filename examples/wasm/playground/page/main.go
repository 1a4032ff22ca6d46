//go:build js

// Command page is the program that runs inside the playground's page: the routes of
// MyAuth over a store in memory, offered to the page as a function that answers
// Requests. static/fetch.js loads it and puts that function behind fetch.
package main

import (
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"syscall/js"

	"myauth.internal/examples/wasm/playground/jsfetch"
	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
	"myauth.internal/kit/memstore"
	"myauth.internal/kit/passkey"
	"myauth.internal/kit/seal"
	"myauth.internal/kit/totp"
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
	secret, dataKey := make([]byte, 32), make([]byte, seal.KeySize)
	rand.Read(secret) // from crypto.getRandomValues; it never fails
	rand.Read(dataKey)
	keys, err1 := accesstoken.HMAC(secret)
	dataKeys, err2 := seal.NewKeyring(dataKey)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	features := []kit.Feature{totp.New(&totp.Options{Issuer: "Playground"})}
	// Browsers have passkeys for domains with HTTPS, and for localhost. Elsewhere the page
	// runs without them.
	location := js.Global().Get("location")
	passkeys, err := passkey.New(location.Get("hostname").String(), &passkey.Options{
		RPName: "Playground", Origins: []string{location.Get("origin").String()},
	})
	if err == nil {
		features = append(features, passkeys)
	}
	store := memstore.New()
	svc, err := kit.New(store.Stores(), keys, &kit.Options{
		BcryptCost: 10, // the lowest: a page has one thread, and none of its passwords is worth more
		Mailer:     mailbox{page},
		PublicURL:  here(),
		DataKeys:   dataKeys,
		Features:   features,
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
