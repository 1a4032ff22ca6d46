package redis

import (
	"fmt"
	"hash/fnv"

	"myauth.internal/kit"
)

// partitions is how many parts the tokens are spread over, each in a hash slot of
// its own, by a hash of their IDs.
const partitions = 16

// keys holds the beginnings of the names of all keys. What stands in braces decides
// the hash slot.
type keys struct {
	users  slot
	tokens [partitions]slot
}

// newKeys numbers the partitions in steps of five. The checksum that decides the slot
// is linear, and with these numbers each sixteenth of the slots has one partition,
// whatever the prefix is; with 0 to 15 they would lie close together, on half of the
// masters of a cluster of eight.
func newKeys(prefix string) keys {
	k := keys{users: slot("{" + prefix + ":users}")}
	for i := range k.tokens {
		k.tokens[i] = slot(fmt.Sprintf("{%s:tokens:%02d}", prefix, 5*i))
	}
	return k
}

func (k *keys) user(id string) string     { return k.users.record(id) }
func (k *keys) email(email string) string { return string(k.users) + ":email:" + kit.EmailKey(email) }

// partitionOf returns the partition of the token with that ID: its 32-bit FNV-1a hash
// decides.
func (k *keys) partitionOf(id string) slot {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash does not fail
	return k.tokens[h.Sum32()%partitions]
}

// slot is the beginning of the names of all keys in one hash slot: those of the users, or
// of one partition of the tokens.
type slot string

func (s slot) record(id string) string { return string(s) + ":id:" + id }
func (s slot) ofUser(id string) string { return string(s) + ":user:" + id }
func (s slot) expiry() string          { return string(s) + ":expiry" }

// unused returns the name of a key that holds nothing.
func (s slot) unused() string { return string(s) + ":check" }
