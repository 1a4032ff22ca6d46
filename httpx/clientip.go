package httpx

import (
	"net/http"
	"net/netip"
	"strings"
)

// clientAddresses finds out whose request it is.
type clientAddresses struct {
	trusted []netip.Prefix // proxies
}

// of returns the client's address, or the zero Addr when the connection has none. It
// is the other end of the connection, unless that is a trusted proxy: then the last
// address in X-Forwarded-For that is none. Whatever stands left of that one, anybody
// may have written. Where an entry is no address, the walk ends at the proxy that
// sent it.
func (c clientAddresses) of(r *http.Request) netip.Addr {
	addr, ok := parseAddress(r.RemoteAddr)
	if !ok {
		return netip.Addr{}
	}
	if !c.trusts(addr) {
		return addr
	}
	values := r.Header["X-Forwarded-For"]
	for i := len(values) - 1; i >= 0; i-- {
		for rest, more := values[i], true; more; {
			var entry string
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, entry = rest[:comma], rest[comma+1:]
			} else {
				entry, more = rest, false
			}
			next, ok := parseAddress(strings.Trim(entry, " \t"))
			if !ok {
				return addr
			}
			if addr = next; !c.trusts(addr) {
				return addr
			}
		}
	}
	return addr
}

func (c clientAddresses) trusts(addr netip.Addr) bool {
	for _, p := range c.trusted {
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
	addr, err := netip.ParseAddr(s)
	if err != nil {
		if inner, ok := strings.CutPrefix(s, "["); ok && strings.HasSuffix(inner, "]") {
			addr, err = netip.ParseAddr(inner[:len(inner)-1])
			if err == nil && !addr.Is6() {
				return netip.Addr{}, false
			}
		} else {
			var port netip.AddrPort
			port, err = netip.ParseAddrPort(s)
			addr = port.Addr()
		}
	}
	if err != nil {
		return netip.Addr{}, false
	}
	return addr.WithZone("").Unmap(), true
}
