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
	check       string // holds nothing, save while Check looks what may be done with it
	tokens      [partitions]partition
}

// partition holds the names of the keys of one part of the tokens.
type partition struct{ records, users, expiry, check string }

func newKeys(prefix string) keys {
	users := "{" + prefix + ":users}"
	k := keys{user: users + ":id:", email: users + ":email:", check: users + ":check"}
	for i := range k.tokens {
		tag := "{" + tokensTag(prefix, i) + "}"
		k.tokens[i] = partition{records: tag + ":records", users: tag + ":users", expiry: tag + ":expiry", check: tag + ":check"}
	}
	return k
}

// tokensTag returns the hash tag of a partition, the first of prefix:tokens:I.0, I.1
// and so on that lies in the Ith part of the slots. The check sum that decides about
// slots is linear: tags that only count from 0 to 15 would lie close together, and a
// cluster of eight masters would have no tokens on half of them.
func tokensTag(prefix string, i int) string {
	for n := 0; ; n++ {
		tag := prefix + ":tokens:" + strconv.Itoa(i) + "." + strconv.Itoa(n)
		if slotOf(tag)/(slots/partitions) == i {
			return tag
		}
	}
}

// slots is how many a Redis Cluster has.
const slots = 16384

// slotOf returns the slot of a hash tag: its CRC-16/XMODEM, by
// https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/.
func slotOf(tag string) int {
	var crc uint16
	for _, c := range []byte(tag) {
		crc ^= uint16(c) << 8
		for range 8 {
			carry := crc & 0x8000
			crc <<= 1
			if carry != 0 {
				crc ^= 0x1021
			}
		}
	}
	return int(crc) % slots
}

func (k *keys) userKey(id string) string { return k.user + id }

func (k *keys) emailKey(email string) string { return k.email + kit.EmailKey(email) }

func (k *keys) partitionOf(id string) *partition { return &k.tokens[partitionOf(id)] }

// partitionOf spreads tokens by the 32-bit FNV-1a hash of their IDs.
func partitionOf(id string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // a hash does not fail
	return int(h.Sum32() % partitions)
}
