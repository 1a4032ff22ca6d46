//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

// Command customstore serves /auth over a store of one's own: users and tokens in
// one file of JSON lines. README.md walks through it. It runs on Linux, macOS and the
// BSDs, where package syscall has Flock.
package main

import (
	"crypto/rand"
	"log"
	"net/http"

	"myauth.internal/httpx"
	"myauth.internal/kit"
	"myauth.internal/kit/accesstoken"
)

func main() {
	store := Open("auth.jsonl")
	keys, err := accesstoken.HMAC([]byte(rand.Text() + rand.Text())) // for this run
	if err != nil {
		log.Fatal(err)
	}
	svc, err := kit.New(Users{store}, Tokens{store}, keys, nil)
	if err != nil {
		log.Fatal(err)
	}
	log.Print("http://127.0.0.1:8080/auth/")
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", httpx.New(svc, nil)))
}
