package redis

import (
	"strings"

	"github.com/redis/go-redis/v9"

	"myauth.internal/kit"
)

// NewUnchecked returns a store over a server that New would refuse.
func NewUnchecked(client redis.UniversalClient, opts *Options) (*Store, error) {
	return newStore(client, opts)
}

// Keys returns the names of keys of a token, and its entry in the index by expiry.
func Keys(s *Store, t kit.Token) (record, users, expiry, entry string) {
	p := s.keys.tokens.of(t.ID)
	return p.record(t.ID), p.users(), p.expiry(), expiryEntry(&t)
}

// RecordKey returns the name of the key of a record in one of the tables of the conformance
// suite.
func RecordKey(s *Store, table, id string) string {
	switch table {
	case "tokens":
		return s.keys.tokens.of(id).record(id)
	case "credentials":
		return s.keys.credentials.of(id).record(id)
	}
	return s.keys.users.record(id)
}

// Tag returns the hash tag of a partition of the tokens.
func Tag(prefix string, partition int) string {
	k := newKeys(prefix)
	return strings.Trim(string(k.tokens[partition]), "{}")
}
