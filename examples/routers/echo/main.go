// Command echo mounts MyAuth in an Echo instance.
package main

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"myauth.internal/examples/routers/demo"
	"myauth.internal/httpx"
	"myauth.internal/kit"
)

func router(svc *kit.Service) http.Handler {
	e := echo.New()
	e.Any("/auth/*", echo.WrapHandler(httpx.New(svc, nil)))
	mine := e.Group("", echo.WrapMiddleware(httpx.RequireUser(svc)))
	mine.GET("/hello", echo.WrapHandler(http.HandlerFunc(demo.Hello))) // or UserFrom(c.Request().Context())
	return e
}

func main() { demo.Serve(router) }
