// Command nethttp mounts MyAuth in a ServeMux.
package main

import (
	"net/http"

	"myauth.internal/examples/demo"
	"myauth.internal/httpx"
)

func router(auth *httpx.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/auth/", auth)
	mux.Handle("GET /hello", auth.RequireUser(http.HandlerFunc(demo.Hello)))
	return mux
}

func main() { demo.Run(nil, nil, router) }
