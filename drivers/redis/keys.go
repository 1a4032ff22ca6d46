package redis

import (
	"fmt"
	"hash/fnv"
)

// keys holds the beginnings of the names of all keys. What stands in braces decides
// the hash slot.
type keys struct {
	users               slot
	tokens, credentials partitions
	buckets             string // without their numbers
}

func newKeys(prefix string) keys {
	return keys{
		users:  slot("{" + prefix + ":users}"),
		tokens: newPartitions(prefix + ":tokens"), credentials: newPartitions(prefix + ":credentials"),
		buckets: "{" + prefix + ":throttle:",
	}
}

// partitions are the parts that the records of a [Tokens] are spread over, each in a hash
// slot of its own, by a hash of their IDs.
type partitions [16]slot

// newPartitions numbers the partitions in steps of five. The checksum that decides the slot
// is linear, and with these numbers each sixteenth of the slots has one partition,
// whatever the name is; with 0 to 15 they would lie close together, on half of the
// masters of a cluster of eight.
func newPartitions(name string) (p partitions) {
	for i := range p {
		p[i] = slot(fmt.Sprintf("{%s:%02d}", name, 5*i))
	}
	return p
}

// of returns the partition of the record with that ID: its 32-bit FNV-1a hash decides.
func (p *partitions) of(id string) slot {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash does not fail
	return p[h.Sum32()%uint32(len(p))]
}

// slot is the beginning of the names of all keys in one hash slot: those of the users, or
// of one partition.
type slot string

func (s slot) record(id string) string { return string(s) + ":id:" + id }
func (s slot) users() string           { return string(s) + ":users" }
func (s slot) expiry() string          { return string(s) + ":expiry" }
func (s slot) ids() string             { return string(s) + ":ids" }
func (s slot) emails() string          { return string(s) + ":emails" }

// unused returns the name of a key that holds nothing.
func (s slot) unused() string { return string(s) + ":check" }
