package throttle

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// memory has the buckets of one instance.
type memory struct {
	mu      sync.Mutex
	seed    seed
	buckets []bucket
}

func newMemory() *memory {
	m := &memory{buckets: make([]bucket, NumBuckets)}
	rand.Read(m.seed[:])
	return m
}

// change changes the bucket of a name.
func (m *memory) change(n *name, change func(*bucket, uint64) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	number, key := m.seed.locate(n)
	change(&m.buckets[number], key)
}

// secret returns the seed.
func (m *memory) secret() seed {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.seed
}

// adopt takes over the seed of the shared buckets. What was counted with another is lost.
func (m *memory) adopt(s seed) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seed != s {
		m.seed = s
		clear(m.buckets)
	}
}

// put remembers the value of a shared bucket, for the time when those do not answer.
func (m *memory) put(s seed, number int, b *bucket) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seed == s {
		m.buckets[number] = *b
	}
}

// seed is the secret that the hash of names depends on, so that nobody can choose addresses
// that share a bucket.
type seed [32]byte

// locate returns the number of the bucket of a name, and its key in there.
func (s *seed) locate(n *name) (bucket int, key uint64) {
	buf := make([]byte, 0, 512)
	buf = append(buf, s[:]...)
	buf = binary.BigEndian.AppendUint16(buf, uint16(n.rule.first))
	buf = append(buf, n.text...)
	sum := sha256.Sum256(buf)
	return n.rule.first + int(binary.BigEndian.Uint16(sum[8:]))%n.rule.buckets, max(1, binary.BigEndian.Uint64(sum[:]))
}
