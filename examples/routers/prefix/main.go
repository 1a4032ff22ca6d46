// Command prefix mounts MyAuth below /api/v1, in an application that cuts this part
// of the path off before its routes see it.
package main

import (
	"net/http"

	"myauth.internal/examples/routers/demo"
	"myauth.internal/httpx"
	"myauth.internal/kit"
)

func router(svc *kit.Service) http.Handler {
	api := http.NewServeMux()
	api.Handle("/auth/", httpx.New(svc, &httpx.Options{Prefix: "/auth", PublicPrefix: "/api/v1/auth"}))
	api.Handle("GET /hello", httpx.RequireUser(svc)(http.HandlerFunc(demo.Hello)))
	mux := http.NewServeMux()
	mux.Handle("/api/v1/", http.StripPrefix("/api/v1", api))
	return mux
}

// whole does without cutting: the prefix is where the handler stands.
func whole(svc *kit.Service) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/api/v1/auth/", httpx.New(svc, &httpx.Options{Prefix: "/api/v1/auth"}))
	mux.Handle("GET /api/v1/hello", httpx.RequireUser(svc)(http.HandlerFunc(demo.Hello)))
	return mux
}

func main() { demo.Serve(router) }
