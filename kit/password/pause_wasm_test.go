package password

import (
	"sync/atomic"
	"testing"
)

// On one thread everything else has its turn, again and again, while a password is hashed.
// Here that is a goroutine that pauses too; under JavaScript it needs the event loop.
func TestDigestPauses(t *testing.T) {
	const rounds = 16 * pauseRounds
	var turns atomic.Int64
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				pause()
				turns.Add(1)
			}
		}
	}()
	pause() // the goroutine has begun
	before := turns.Load()
	if _, err := bcryptDigest(t.Context(), []byte("p"), [saltSize]byte{}, rounds); err != nil {
		t.Fatal(err)
	}
	during := turns.Load() - before
	close(stop)
	<-stopped
	if during < 8 {
		t.Errorf("another goroutine had %d turns in %d rounds", during, rounds)
	}
}
