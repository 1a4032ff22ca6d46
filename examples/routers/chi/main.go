// Command chi mounts MyAuth in a chi router.
package main

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"myauth.internal/examples/routers/demo"
	"myauth.internal/httpx"
	"myauth.internal/kit"
)

func router(svc *kit.Service) http.Handler {
	r := chi.NewRouter()
	r.Mount("/auth", httpx.New(svc, nil)) // Mount hands the whole path on
	r.With(httpx.RequireUser(svc)).Get("/hello", demo.Hello)
	return r
}

func main() { demo.Serve(router) }
