package httpx

import (
	"fmt"
	"log/slog"
	"net/netip"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Options are the settings of [New] that have a default. The zero value, and nil,
// mean the defaults.
type Options struct {
	// Prefix is the path under which the handler finds its routes, in the requests
	// as they reach it; default "/auth". "/" is the root. It has letters, digits,
	// '-', '.', '_', '~' and '/' only.
	Prefix string
	// PublicPrefix is the same path as clients see it, for the Location header and
	// the OpenAPI document; default Prefix. It differs only behind a router or a
	// proxy that changes paths.
	PublicPrefix string
	// Realm is the realm in the WWW-Authenticate header of the handler's own routes,
	// printable ASCII without quotes and backslashes; default "MyAuth". [WriteError]
	// and the middleware always use the default.
	Realm string
	// TrustedProxies are the addresses of the reverse proxies in front of the
	// server. X-Forwarded-For counts only if the connection comes from one of them.
	// The client is then its rightmost address that is not a trusted proxy. Default:
	// none; the client is the other end of the connection. A proxy that connects over
	// a Unix socket has no address and cannot be listed.
	TrustedProxies []netip.Prefix
	// Logger receives what the client is not told: internal errors and panics, each
	// once, with the stack. Default: slog.Default().
	Logger *slog.Logger
}

// defaultRealm is also the realm of what has no Options.
const defaultRealm = "MyAuth"

// withDefaults returns o with every unset field filled in, and the prefixes
// without a slash at their end. It panics where a field is out of bounds.
func (o *Options) withDefaults() Options {
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
	var err1, err2 error
	c.Prefix, err1 = cleanPrefix("Options.Prefix", c.Prefix)
	c.PublicPrefix, err2 = cleanPrefix("Options.PublicPrefix", c.PublicPrefix)
	for _, err := range []error{err1, err2, checkProxies("Options.TrustedProxies", c.TrustedProxies)} {
		if err != nil {
			panic(err.Error())
		}
	}
	if c.Realm == "" {
		c.Realm = defaultRealm
	}
	if strings.ContainsFunc(c.Realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		panic(fmt.Sprintf("httpx: Options.Realm is %q: it must be printable ASCII without quotes and backslashes", c.Realm))
	}
	c.TrustedProxies = slices.Clone(c.TrustedProxies)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func checkProxies(field string, proxies []netip.Prefix) error {
	for _, p := range proxies {
		if !p.IsValid() || p.Addr().Is4In6() {
			return fmt.Errorf("httpx: %s has %v: it must be an IPv4 or IPv6 prefix, such as 10.0.0.0/8", field, p)
		}
	}
	return nil
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
