package turns

import "net/netip"

// Source is what counts as one client: an IPv4 address, or the /64 of an IPv6 address,
// which is the least that a provider hands to one customer. The zero Source is all
// that has no address. Sources compare with ==.
type Source struct{ addr netip.Addr }

// SourceOf returns the source that addr belongs to. IPv4 in IPv6 is IPv4, and a zone is
// dropped.
func SourceOf(addr netip.Addr) Source {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		network, _ := addr.Prefix(64) // fails for other lengths only
		addr = network.Addr()
	}
	return Source{addr}
}

// Addr returns the IPv4 address or the first address of the /64; the zero Addr for the
// zero Source.
func (s Source) Addr() netip.Addr { return s.addr }
