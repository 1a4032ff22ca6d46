// Command nethttp mounts MyAuth in a ServeMux.
package main

import (
	"net/http"

	"myauth.internal/examples/routers/demo"
	"myauth.internal/httpx"
	"myauth.internal/kit"
)

func router(svc *kit.Service) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/auth/", httpx.New(svc, nil))
	mux.Handle("GET /hello", httpx.RequireUser(svc)(http.HandlerFunc(demo.Hello)))
	return mux
}

func main() { demo.Serve(router) }
