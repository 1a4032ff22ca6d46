// Command gin mounts MyAuth in a Gin engine.
package main

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"myauth.internal/examples/demo"
	"myauth.internal/httpx"
)

func router(auth *httpx.Handler) http.Handler {
	g := gin.New()
	g.Any("/auth/*path", gin.WrapH(auth))
	mine := g.Group("/", middleware(auth.RequireUser))
	mine.GET("/hello", gin.WrapF(demo.Hello)) // UserFrom(c.Request.Context()) in a handler of Gin's own form
	return g
}

// middleware is what Gin has no function for: it runs the rest of the chain inside
// the middleware, and ends the chain when that does not let the request through.
func middleware(m func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		through := false
		m(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			through = true
			c.Request = r // with the user in its context
			c.Next()
		})).ServeHTTP(c.Writer, c.Request)
		if !through {
			c.Abort()
		}
	}
}

func main() { demo.Run(nil, nil, router) }
