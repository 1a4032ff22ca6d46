package fetch

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// transport returns the transport of [Client].
func transport(allowPrivate bool) *http.Transport {
	dialer := &net.Dialer{Timeout: Timeout}
	if !allowPrivate {
		dialer.ControlContext = publicOnly
	}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true, // which a DialContext turns off
		MaxIdleConns:           8,
		MaxIdleConnsPerHost:    4,
		MaxConnsPerHost:        64,
		TLSHandshakeTimeout:    Timeout,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// publicOnly refuses a connection to an address that is not public. It sees the very address that is
// connected to, after the name has been looked up, so a name that changes its address gains nothing.
func publicOnly(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !public(to.Addr()) {
		return fmt.Errorf("%w: its address is not public", ErrUnavailable)
	}
	return nil
}

// public reports whether an address is one of the public Internet: of the global unicast addresses
// of IANA's special-purpose registries (RFC 6890) those that are globally reachable.
func public(a netip.Addr) bool {
	a = a.Unmap() // the system connects to the IPv4 address within
	switch {
	case a.Zone() != "":
		return false
	case a.Is4():
		return !within(a, special4)
	case nat64.Contains(a): // where there is IPv6 only, IPv4 addresses look like this
		b := a.As16()
		return public(netip.AddrFrom4([4]byte(b[12:])))
	}
	return unicast6.Contains(a) && !within(a, special6)
}

func within(a netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

var (
	nat64    = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	unicast6 = netip.MustParsePrefix("2000::/3")

	special4 = prefixes(
		"0.0.0.0/8",        // this network
		"10.0.0.0/8",       // private
		"100.64.0.0/10",    // carrier-grade NAT
		"127.0.0.0/8",      // loopback
		"168.63.129.16/32", // the platform below an Azure machine: public in its form only
		"169.254.0.0/16",   // link-local; the metadata of most clouds
		"172.16.0.0/12",    // private
		"192.0.0.0/24",     // protocol assignments
		"192.0.2.0/24",     // documentation
		"192.88.99.0/24",   // relays of 6to4
		"192.168.0.0/16",   // private
		"198.18.0.0/15",    // benchmarks
		"198.51.100.0/24",  // documentation
		"203.0.113.0/24",   // documentation
		"224.0.0.0/4",      // multicast
		"240.0.0.0/4",      // reserved, and broadcast
	)
	// Of 2000::/3. Loopback, unspecified, unique local, link-local, multicast, local NAT64
	// (64:ff9b:1::/48) and addresses that are compatible with IPv4 lie outside of it.
	special6 = prefixes(
		"2001::/23",     // protocol assignments: Teredo, benchmarks, ORCHID
		"2001:db8::/32", // documentation
		"2002::/16",     // 6to4, with an IPv4 address within
		"3fff::/20",     // documentation
	)
)

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, s := range list {
		all[i] = netip.MustParsePrefix(s)
	}
	return all
}
