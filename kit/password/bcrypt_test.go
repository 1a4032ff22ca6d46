package password

import (
	"context"
	"testing"
)

// goingContext ends after so many looks at it.
type goingContext struct {
	context.Context
	looks int
}

func (c *goingContext) Err() error {
	if c.looks--; c.looks < 0 {
		return context.Canceled
	}
	return nil
}

func TestDigestStopsHalfway(t *testing.T) {
	const rounds = 1 << 7
	for looks, want := range map[int]error{0: context.Canceled, 1: context.Canceled, rounds/checkRounds - 1: context.Canceled, rounds / checkRounds: nil} {
		ctx := &goingContext{t.Context(), looks}
		digest, err := bcryptDigest(ctx, []byte("p"), [saltSize]byte{}, rounds)
		if err != want || (err != nil) != (digest == [digestSize]byte{}) {
			t.Errorf("gone at look %d: %x, %v", looks, digest, err)
		}
	}
}

func TestDigestLeavesTheKeyAlone(t *testing.T) {
	key := make([]byte, 1, 80)
	key[0] = 'p'
	spare := key[:2]
	spare[1] = 'q'
	if _, err := bcryptDigest(t.Context(), key, [saltSize]byte{}, 1); err != nil || spare[1] != 'q' {
		t.Errorf("%q, %v", spare, err)
	}
}
