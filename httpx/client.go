package httpx

import (
	"net/http"
	"net/netip"
	"strings"
)

// WithClient puts the [kit.Client] of each request into its context, as the Handler does for
// its own routes: the address, with Options.TrustedProxies respected, and the user agent. It
// is for handlers of the application that call the Service themselves, such as a login of
// their own, and goes outside RequireUser and the others.
func (h *Handler) WithClient(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(h.clientContext(r)))
	})
}

// clientAddress returns the address of r's client, or the zero Addr when the connection
// has none. It is the other end of the connection, unless that is a trusted proxy: then
// the last address in X-Forwarded-For that is not one. The client may have written the
// entries to the left of it. An entry that is not an address ends the search at the proxy
// that sent it.
func clientAddress(r *http.Request, proxies []netip.Prefix) netip.Addr {
	addr, ok := parseAddress(r.RemoteAddr)
	if !ok {
		return netip.Addr{}
	}
	rest := strings.Join(r.Header["X-Forwarded-For"], ",")
	for rest != "" && trusted(proxies, addr) {
		comma := strings.LastIndexByte(rest, ',')
		next, ok := parseAddress(strings.Trim(rest[comma+1:], " \t"))
		if !ok {
			break
		}
		addr, rest = next, rest[:max(comma, 0)]
	}
	return addr
}

func trusted(proxies []netip.Prefix, addr netip.Addr) bool {
	for _, p := range proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// parseAddress reads an IP address, with a port or without, and brackets around
// IPv6 or not. The zone, which means nothing on another machine, is dropped, and
// IPv4 in IPv6 becomes IPv4, so that one client has one address.
func parseAddress(s string) (netip.Addr, bool) {
	if port, err := netip.ParseAddrPort(s); err == nil { // first: a failure allocates
		return port.Addr().WithZone("").Unmap(), true
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		inner, ok := strings.CutPrefix(s, "[")
		if !ok || !strings.HasSuffix(inner, "]") {
			return netip.Addr{}, false
		}
		if addr, err = netip.ParseAddr(inner[:len(inner)-1]); err != nil || !addr.Is6() {
			return netip.Addr{}, false
		}
	}
	return addr.WithZone("").Unmap(), true
}
