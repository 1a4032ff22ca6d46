package throttle

import (
	"bytes"
	"slices"
	"testing"
	"time"
)

var strangers = name{rule: &guesses, stop: stopAfter}

// fail counts n different guesses of a key, each as soon as it may.
func fail(b *bucket, key uint64, n int, now int64) int64 {
	for i := range n {
		got := b.take(&strangers, key, uint64(i+1), now)
		if got.wait > 0 {
			now += got.wait.Microseconds()
			b.take(&strangers, key, uint64(i+1), now)
		}
	}
	return now
}

// No flood of new keys frees one that has to wait, nor one that is refused for good, nor makes
// the next one wait.
func TestAFloodFreesNobody(t *testing.T) {
	const stopped, waiting, newcomer = 1, 2, 3
	var b bucket
	now := fail(&b, stopped, stopAfter, start.UnixMicro())
	fail(&b, waiting, 9, now)
	for key := uint64(100); key < 100_100; key++ {
		got := b.take(&strangers, key, 1, now)
		if got.wait > 0 {
			t.Fatalf("key %d has to wait %v", key, got.wait)
		}
	}
	if b.take(&strangers, stopped, 500, now).wait == 0 {
		t.Error("the key that was refused for good is free")
	}
	if b.take(&strangers, waiting, 500, now).wait == 0 {
		t.Error("the key that has to wait is free")
	}
	if got := b.take(&strangers, newcomer, 1, now).wait; got > 0 {
		t.Errorf("a new key has to wait %v", got)
	}
}

// When all the places are taken by keys that wait, one that loses its place waits as long as
// before, and so does any other without one, but for those that a reset or a login has cleared.
func TestTheFloor(t *testing.T) {
	var b bucket
	now := start.UnixMicro()
	first := uint64(1)
	for range 10 {
		b.count(&guesses, first, 1, now) // 32 seconds
	}
	for key := uint64(2); key < 30; key++ {
		for range 12 {
			b.count(&guesses, key, 1, now) // 128 seconds
		}
	}
	if b.find(first) != nil {
		t.Fatal("the key with the least count keeps its place")
	}
	for key := range uint64(4) {
		if got := b.take(&strangers, 100+key, 1, now).wait; got != 128*time.Second {
			t.Errorf("a key without a place has to wait %v", got)
		}
	}
	if got := b.take(&strangers, first, 50, now+31e6).wait; got == 0 {
		t.Error("the key that lost its place is free")
	}
	if !b.clear(&strangers, 100, now) || b.take(&strangers, 100, 1, now).wait != 0 {
		t.Error("a key that was cleared has to wait")
	}
	if got := b.take(&strangers, 101, 1, now+128e6); got.wait != 0 {
		t.Errorf("after that a new key has to wait %v", got.wait)
	}
	device := name{rule: &proved}
	if got := b.take(&device, 200, 1, now).wait; got != 0 {
		t.Errorf("a device has to wait %v for the floor", got)
	}
}

func TestBucketForm(t *testing.T) {
	var b bucket
	fail(&b, 1, 30, start.UnixMicro())
	for key := uint64(2); key < 40; key++ {
		fail(&b, key, int(key), start.UnixMicro())
	}
	form := b.encode()
	if len(form) > 1024 {
		t.Errorf("a bucket takes %d bytes", len(form))
	}
	var got bucket
	if err := got.decode(form); err != nil || got != b {
		t.Fatalf("it comes back as %+v, %v", got, err)
	}
	for what, bad := range map[string][]byte{
		"another version": append([]byte{2}, form[1:]...),
		"cut":             form[:len(form)-1],
		"longer":          append(slices.Clone(form), 0),
		"one more key":    append(slices.Clone(form), form[headerSize:headerSize+entrySize]...),
		"without a floor": form[:headerSize-1],
		"no key":          append(form[:headerSize:headerSize], make([]byte, entrySize)...),
	} {
		if err := got.decode(bad); err == nil || got != (bucket{}) {
			t.Errorf("%s: decode returned %v", what, err)
		}
	}
}

// Whatever decode accepts is what encode writes, and counts.
func FuzzDecode(f *testing.F) {
	var b bucket
	f.Add(b.encode())
	fail(&b, 1, 30, start.UnixMicro())
	f.Add(b.encode())
	f.Fuzz(func(t *testing.T, form []byte) {
		var b bucket
		err := b.decode(form)
		if err != nil {
			if b != (bucket{}) {
				t.Fatal("an error, and something was read")
			}
			return
		}
		if len(form) > 0 && !bytes.Equal(b.encode(), form) {
			t.Fatal("it was read as something else")
		}
		got := b.take(&strangers, 12345, 6, start.UnixMicro())
		if got.wait < 0 || got.wait > maxWait || got.wait == 0 && !got.repeats && !got.counted() {
			t.Fatalf("an attempt is answered %+v", got)
		}
	})
}
