// Command chi mounts MyAuth in a chi router.
package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"myauth.internal/examples/demo"
	"myauth.internal/httpx"
)

func router(auth *httpx.Handler) http.Handler {
	r := chi.NewRouter()
	r.Mount("/auth", auth) // Mount hands the whole path on
	r.With(auth.RequireUser).Get("/hello", demo.Hello)
	return r
}

func main() { demo.Run(nil, nil, router) }
