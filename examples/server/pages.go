package main

import (
	"embed"
	"net/http"
)

// The pages that links in mails lead to. To open one changes nothing, whatever
// mail scanner does it: the token is used when its reader presses the button.
//
//go:embed pages
var pages embed.FS

// pageTypes are the files of pages by their path, with their media types.
var pageTypes = []struct{ path, file, mediaType string }{
	{"/verify-email", "pages/verify-email.html", "text/html; charset=utf-8"},
	{"/reset-password", "pages/reset-password.html", "text/html; charset=utf-8"},
	{"/pages/link.js", "pages/link.js", "text/javascript; charset=utf-8"},
	{"/pages/style.css", "pages/style.css", "text/css; charset=utf-8"},
}

// pageCSP lets a page load its own script and style and talk to its own server,
// and nothing else. Forms cannot be submitted but by the script, so neither token nor
// password ever ends up in an address.
const pageCSP = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// handlePages adds the pages to mux.
func handlePages(mux *http.ServeMux) {
	for _, p := range pageTypes {
		body, err := pages.ReadFile(p.file)
		if err != nil {
			panic(err) // the file is not embedded: a bug that every test finds
		}
		mux.HandleFunc("GET "+p.path, func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			h.Set("Content-Type", p.mediaType)
			h.Set("Content-Security-Policy", pageCSP)
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Cache-Control", "no-store")
			h.Set("X-Content-Type-Options", "nosniff")
			_, _ = w.Write(body) // the client is gone, or not: nothing to do about it
		})
	}
}
