// Command prefix mounts MyAuth below /api/v1, in an application that cuts this part
// of the path off before its routes see it.
package main

import (
	"net/http"

	"myauth.internal/examples/demo"
	"myauth.internal/httpx"
)

// cut are the options behind a router that cuts /api/v1 off.
var cut = &httpx.Options{Prefix: "/auth", PublicPrefix: "/api/v1/auth"}

func router(auth *httpx.Handler) http.Handler {
	api := http.NewServeMux()
	api.Handle("/auth/", auth)
	api.Handle("GET /hello", auth.RequireUser(http.HandlerFunc(demo.Hello)))
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", http.StripPrefix("/api/v1", api))
	return mux
}

// whole are the options of a router that hands the whole path on.
var whole = &httpx.Options{Prefix: "/api/v1/auth"}

func wholeRouter(auth *httpx.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/v1/auth/", auth)
	mux.Handle("GET /api/v1/hello", auth.RequireUser(http.HandlerFunc(demo.Hello)))
	return mux
}

func main() { demo.Run(nil, cut, router) }
