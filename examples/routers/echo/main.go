// Command echo mounts MyAuth in an Echo instance.
package main

import (
	"net/http"

	"github.com/labstack/echo/v5"

	"myauth.internal/examples/demo"
	"myauth.internal/httpx"
)

func router(auth *httpx.Handler) http.Handler {
	e := echo.New()
	e.Any("/auth/*", echo.WrapHandler(auth))
	mine := e.Group("", echo.WrapMiddleware(auth.RequireUser))
	mine.GET("/hello", echo.WrapHandler(http.HandlerFunc(demo.Hello))) // or UserFrom(c.Request().Context())
	return e
}

func main() { demo.Run(nil, nil, router) }
