package redis

import "myauth.internal/kit"

// TokensTag returns the hash tag of a partition.
func TokensTag(prefix string, partition int) string { return tokensTag(prefix, partition) }

// SlotOf returns the slot of a hash tag.
func SlotOf(tag string) int { return slotOf(tag) }

// ExpiryEntry returns the entry that a token has in the index of expiries, and the key
// of that index.
func ExpiryEntry(s *Store, t kit.Token) (key, entry string) {
	return s.keys.partitionOf(t.ID).expiry, string(appendExpiry(nil, t.ExpiresAt)) + t.ID
}

// PartitionOf returns the number of a token's partition.
func PartitionOf(id string) int { return partitionOf(id) }

// OddIDs returns IDs of bytes that are something special in a list.
func OddIDs() []string { return oddIDs() }
