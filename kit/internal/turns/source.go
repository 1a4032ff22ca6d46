package turns

import "net/netip"

// Source is what counts as one client: an IPv4 address, or the /64 of an IPv6 address,
// which is the least that a provider hands to one customer. The zero Source is all
// that has no address. Sources compare with ==.
type Source struct {
	addr  netip.Addr
	apart bool
}

// SourceOf returns the source that addr belongs to. IPv4 in IPv6 is IPv4, and a zone is
// dropped.
func SourceOf(addr netip.Addr) Source {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		network, _ := addr.Prefix(64) // fails for other lengths only
		addr = network.Addr()
	}
	return Source{addr: addr}
}

// Apart returns a second source for the same client, with its own turns and its own
// room, for what the client's other values must not crowd out.
func (s Source) Apart() Source {
	s.apart = true
	return s
}

// String returns the address, or that of the network; the same for all that have none.
func (s Source) String() string { return s.addr.String() }
