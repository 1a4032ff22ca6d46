// Package jsfetch lets an [http.Handler] that runs in a browser answer JavaScript
// Requests: what net/http's server does for a connection, Func does for fetch.
//
// Request and response are handed over whole: there is no streaming, flushing or
// hijacking, and a request body is in memory before the handler sees it. The page
// is its own only client, so nothing bounds the body but what the handler does. A
// Response made by a script carries no Set-Cookie, whatever the handler sets: this
// is for APIs with bearer tokens.
package jsfetch
