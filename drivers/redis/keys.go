package redis

import (
	"hash/fnv"
	"strconv"

	"myauth.internal/kit"
)

// partitions is how many parts the tokens are spread over, each in a hash slot of
// its own. It is part of the schema.
const partitions = 16

// keys builds the names of the keys. What stands in braces decides the hash slot.
type keys struct {
	user, email string // the beginnings
	tokens      [partitions]partition
}

// partition holds the names of the keys of one part of the tokens.
type partition struct{ records, users, expiry string }

func newKeys(prefix string) keys {
	k := keys{user: "{" + prefix + ":users}:id:", email: "{" + prefix + ":users}:email:"}
	for i := range k.tokens {
		tag := "{" + prefix + ":tokens:" + strconv.Itoa(i) + "}"
		k.tokens[i] = partition{records: tag + ":records", users: tag + ":users", expiry: tag + ":expiry"}
	}
	return k
}

func (k *keys) userKey(id string) string { return k.user + id }

func (k *keys) emailKey(email string) string { return k.email + kit.EmailKey(email) }

// partitionOf spreads tokens by the 32-bit FNV-1a hash of their IDs.
func (k *keys) partitionOf(id string) *partition {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash does not fail
	return &k.tokens[h.Sum32()%partitions]
}
