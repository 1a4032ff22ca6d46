package kit

import (
	"context"
	"net/netip"
	"strings"
	"unicode"
)

// Client is where a request comes from: for the [throttle.Limiter], for events, for the list of
// sessions, and for the turns that clients take.
type Client struct {
	// IP is the client's address, the zero Addr when unknown.
	IP netip.Addr
	// UserAgent is the User-Agent header (RFC 9110 section 10.1.5). The client chooses it.
	UserAgent string
}

type clientKey struct{}

// WithClient returns a context that carries c. Package httpx sets it for its routes, and for
// an application's own by Handler.WithClient. UserAgent is kept without control characters
// and invalid UTF-8, and cut to 256 bytes; IP without a zone, which may be any text, and an
// IPv4 address as such.
func WithClient(ctx context.Context, c Client) context.Context {
	c.IP = c.IP.WithZone("").Unmap()
	c.UserAgent = cleanUserAgent(c.UserAgent)
	return &clientContext{ctx, c}
}

// clientContext is a context.WithValue in one allocation: each request has one.
type clientContext struct {
	context.Context
	client Client
}

func (c *clientContext) Value(key any) any {
	if key == (clientKey{}) {
		return &c.client
	}
	return c.Context.Value(key)
}

// ClientOf returns what [WithClient] put into ctx, or the zero Client.
func ClientOf(ctx context.Context) Client {
	if c, ok := ctx.Value(clientKey{}).(*Client); ok {
		return *c
	}
	return Client{}
}

const maxUserAgent = 256

func cleanUserAgent(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s[:min(len(s), maxUserAgent)], "")) // without half a rune at the end
}
