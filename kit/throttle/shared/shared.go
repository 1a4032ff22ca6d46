// Package shared keeps the buckets of a throttle in a [kit.TokenStore], so that several
// instances of a Service count together:
//
//	store, err := postgres.Open(ctx, url, nil)
//	…
//	limiter := throttle.New(&throttle.Options{Shared: shared.New(store.Tokens())})
//	svc, err := kit.New(store.Stores(), keys, &kit.Options{Limiter: limiter})
//
// Each bucket is one record, which the first use makes: at most [throttle.NumBuckets], whatever
// strangers try, of about 600 bytes each. They have no user and do not expire, so neither a purge
// nor the deletion of an account meets them. A store that was emptied costs the counts only.
package shared

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"myauth.internal/kit"
	"myauth.internal/kit/internal/opaque"
	"myauth.internal/kit/throttle"
)

// recordType is the type of the records.
const recordType kit.TokenType = "throttle"

// rounds is how often a change is tried while others change the same bucket. A throttle makes
// one call for a bucket at once, so there are as many others as instances.
const rounds = 64

var never = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)

var errContention = fmt.Errorf("shared: too many calls change one bucket at once: %w", kit.ErrUnavailable)

type buckets struct{ tokens kit.TokenStore }

// New returns buckets that are kept among these tokens.
func New(tokens kit.TokenStore) throttle.Buckets { return &buckets{tokens} }

// Change implements [throttle.Buckets].
func (b *buckets) Change(ctx context.Context, n int, change func(old []byte) []byte) error {
	for range rounds {
		if done, err := b.try(ctx, n, change); done || err != nil {
			return err
		}
	}
	return errContention
}

// try reads a bucket and replaces it, unless another call has changed it since.
func (b *buckets) try(ctx context.Context, n int, change func(old []byte) []byte) (done bool, err error) {
	t := newRecord(n)
	write := b.tokens.Create
	switch stored, err := b.tokens.ByID(ctx, t.ID); {
	case err == nil:
		t, write = stored, b.tokens.Update
	case !errors.Is(err, kit.ErrNotFound):
		return false, err
	}
	value := change(t.Data)
	if value == nil {
		return true, nil
	}
	salt := opaque.NewSalt()
	want := t
	want.Data, want.Salt, want.PreviousHash = value, salt, t.Salt
	err = write(ctx, want)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, kit.ErrUnavailable):
		// The answer may be lost. A record that has this write tells it by its Salt, and one
		// that has another since by its PreviousHash.
		if stored, readErr := b.tokens.ByID(ctx, t.ID); readErr == nil && (bytes.Equal(stored.Salt, salt) || bytes.Equal(stored.PreviousHash, salt)) {
			return true, nil
		}
		return false, err
	case errors.Is(err, kit.ErrConflict), errors.Is(err, kit.ErrNotFound):
		return false, nil
	default:
		return false, err
	}
}

// newRecord returns the record of a bucket before its first use. Its Version is random, so that
// nobody changes a record who has read it before the store was emptied.
func newRecord(n int) kit.Token {
	sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("myauth throttle\x00"), uint32(n)))
	var version [8]byte
	rand.Read(version[:])
	return kit.Token{
		ID: opaque.DerivedRowID(sum[:]), Type: recordType, SecretHash: sum[:], ExpiresAt: never,
		Version: int64(binary.BigEndian.Uint64(version[:]) >> 2),
	}
}
