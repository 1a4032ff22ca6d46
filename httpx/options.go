package httpx

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Options are the optional settings of [New] and [NewMiddleware]. The zero value, and
// nil, mean the defaults. NewMiddleware uses Cookies, TrustedOrigins, Realm and Logger only.
type Options struct {
	// Prefix is the path under which the handler finds its routes, in the requests
	// as they reach it; default "/auth". "/" is the root. It has letters, digits,
	// '-', '.', '_', '~' and '/' only.
	Prefix string
	// PublicPrefix is the same path as clients see it, for the Location header and
	// the OpenAPI document; default Prefix. It differs only behind a router or a
	// proxy that changes paths.
	PublicPrefix string
	// Realm is the realm in WWW-Authenticate headers, printable ASCII without quotes
	// and backslashes; default "MyAuth".
	Realm string
	// Cookies puts the tokens of browsers into cookies that no script can read, and into no
	// body: see the package comment. It needs kit.Options.RefreshGrace.
	Cookies bool
	// TrustedOrigins are the origins of other pages that may send unsafe requests with those
	// cookies, such as https://app.example.com, beside the handler's own: each is trusted as the
	// handler's own pages are. SameSite=Lax keeps the cookies from pages of another site all the
	// same. Used with Cookies only.
	TrustedOrigins []string
	// Without are the groups of routes that are left out: a request for one is answered with
	// 404, and the OpenAPI document does not have them. Default: none.
	Without []Group
	// TrustedProxies are the addresses of the reverse proxies in front of the
	// server. X-Forwarded-For counts only if the connection comes from one of them.
	// The client is then its rightmost address that is not a trusted proxy. Default:
	// none; the client is the other end of the connection. A prefix of every address is
	// refused. A proxy that connects over a Unix socket has no address and cannot be
	// listed.
	TrustedProxies []netip.Prefix
	// Logger receives what the client is not told: internal errors and panics, each
	// once, with the stack. Default: slog.Default().
	Logger *slog.Logger
	// ProductName is the name of the application on the pages of [Handler.Pages];
	// default: no name.
	ProductName string
	// Languages are those that the built-in pages speak, by the reader's Accept-Language; the
	// first is for everybody else. [English] is there without a text. Default: English alone.
	Languages []Language
	// PageTemplate writes the pages of [Handler.Pages] in place of the built-in ones,
	// for a design or a language of your own. It is called with a [PageData], and New
	// tries it out with each state of each page. The method Execute of an html/template
	// has this type.
	PageTemplate func(w io.Writer, data any) error
}

// withDefaults returns o with every unset field filled in, and the prefixes
// without a slash at their end. The error names the field that is out of bounds.
func (o *Options) withDefaults() (Options, error) {
	var c Options
	if o != nil {
		c = *o
	}
	if c.Prefix == "" {
		c.Prefix = "/auth"
	}
	if c.PublicPrefix == "" {
		c.PublicPrefix = c.Prefix
	}
	if c.Realm == "" {
		c.Realm = "MyAuth"
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.TrustedProxies = slices.Clone(c.TrustedProxies)
	for _, p := range c.TrustedProxies {
		if !p.IsValid() || p.Addr().Is4In6() {
			return Options{}, fmt.Errorf("httpx: Options.TrustedProxies has %v: it must be an IPv4 or IPv6 prefix, such as 10.0.0.0/8", p)
		}
		if p.Bits() == 0 {
			return Options{}, fmt.Errorf("httpx: Options.TrustedProxies has %v, which is every address, so each client could choose its own: list the proxies alone", p)
		}
	}
	c.Languages = slices.Clone(c.Languages)
	for _, l := range c.Languages {
		if err := l.check(); err != nil {
			return Options{}, err
		}
	}
	if !quotable(c.Realm) {
		return Options{}, fmt.Errorf("httpx: Options.Realm is %q: it must be printable ASCII without quotes and backslashes", c.Realm)
	}
	var err error
	if c.Prefix, err = cleanPrefix("Options.Prefix", c.Prefix); err != nil {
		return Options{}, err
	}
	c.PublicPrefix, err = cleanPrefix("Options.PublicPrefix", c.PublicPrefix)
	return c, err
}

// cleanPrefix returns prefix without the slash at its end, so that the root is
// empty.
func cleanPrefix(field, prefix string) (string, error) {
	trimmed := strings.TrimSuffix(prefix, "/")
	strange := strings.ContainsFunc(prefix, func(r rune) bool {
		return r >= utf8.RuneSelf || !isLetterOrDigit(byte(r)) && !strings.ContainsRune("-._~/", r)
	})
	if strange || prefix[0] != '/' || trimmed == "/" || trimmed != "" && trimmed != path.Clean(trimmed) {
		return "", fmt.Errorf(`httpx: %s is %q: it must be a path such as "/auth", or "/" for the root`, field, prefix)
	}
	return trimmed, nil
}

// quotable reports whether s can stand between quotes as it is, in a header (RFC 9110,
// section 5.6.4) and in the error_description of RFC 6749, section 5.2.
func quotable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
}
