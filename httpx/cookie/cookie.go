// Package cookie has the cookies that hold a session in a browser, where no script can read
// them: their names, attributes and values, and the addresses that a login may return to.
// Package httpx sets and reads them with Options.Cookies.
package cookie

import (
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The names of the cookies: see [Name].
const (
	Access  = prefix + "myauth_at"
	Refresh = prefix + "myauth_rt"
	// Device marks a browser from which its user has logged in before. It outlives the session.
	Device = prefix + "myauth_dv"
)

// DeviceMaxAge is how long a browser keeps Device: as long as browsers keep any cookie. The
// server forgets a device earlier.
const DeviceMaxAge = 400 * 24 * time.Hour

// prefix makes browsers accept a cookie over TLS only, for this host alone, and from no
// subdomain (RFC 6265bis section 4.1.3.2).
const prefix = "__Host-"

// isLocal reports whether r came to http://localhost, where not all browsers keep cookies that
// are Secure. A request of another origin's page, or one that a proxy got over TLS, did not: many
// proxies write a Host header of their own.
func isLocal(r *http.Request) bool {
	if r.TLS != nil || !isLocalhost(r.Host) || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		return false
	}
	origin := r.Header.Get("Origin")
	host, plain := strings.CutPrefix(origin, "http://")
	return origin == "" || origin == "null" || plain && isLocalhost(host)
}

func isLocalhost(authority string) bool {
	host, _, err := net.SplitHostPort(authority)
	if err != nil {
		host = authority
	}
	return strings.EqualFold(host, "localhost")
}

// Name returns the name of a cookie in the browser that sent r: on http://localhost without
// the prefix __Host-.
func Name(r *http.Request, name string) string {
	if isLocal(r) {
		return strings.TrimPrefix(name, prefix)
	}
	return name
}

// Get returns the value of a cookie, or "". Two cookies of one name are none: somebody on
// another subdomain may have set one.
func Get(r *http.Request, name string) string {
	if found := r.CookiesNamed(Name(r, name)); len(found) == 1 {
		return found[0].Value
	}
	return ""
}

// Sent reports whether r has a cookie of that name, or several.
func Sent(r *http.Request, name string) bool { return len(r.CookiesNamed(Name(r, name))) > 0 }

// New returns a cookie for the browser that sent r: HttpOnly, of the path "/", for no other
// host, Secure but on http://localhost, and SameSite=Lax, or None if another site's answer brings
// it back. maxAge is in whole seconds, rounded up; zero ends it with the browser's session, and
// a negative one removes it.
func New(r *http.Request, name, value string, maxAge time.Duration, crossSite bool) *http.Cookie {
	c := &http.Cookie{
		Name: Name(r, name), Value: value, Path: "/", HttpOnly: true, Secure: !isLocal(r), SameSite: http.SameSiteLaxMode,
	}
	switch {
	case maxAge > 0:
		c.MaxAge = int((maxAge-1)/time.Second) + 1
	case maxAge < 0:
		c.MaxAge = -1
	}
	if crossSite && c.Secure { // None without Secure is refused
		c.SameSite = http.SameSiteNoneMode
	}
	return c
}

// Set adds a cookie to the headers of an answer, in place of one with its name.
func Set(header http.Header, c *http.Cookie) {
	text := c.String()
	if text == "" {
		return
	}
	header["Set-Cookie"] = append(slices.DeleteFunc(header["Set-Cookie"], func(other string) bool {
		return strings.HasPrefix(other, c.Name+"=")
	}), text)
}

// Next returns text if it is an address within this site, such as "/notes?page=2", and otherwise
// "/". It is for the address that a login returns to, which a link from anywhere may choose.
func Next(text string) string {
	// Browsers read a backslash as a slash and leave tabs and line breaks out; so //other.example,
	// /\other.example and "/\t/other.example" all lead elsewhere.
	strange := strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f })
	if strange || len(text) > 2048 || !strings.HasPrefix(text, "/") || strings.HasPrefix(text, "//") {
		return "/"
	}
	return text
}
