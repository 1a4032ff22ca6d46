package password

import (
	"syscall/js"
	"testing"
)

// A mismatch with a hash of a lower cost makes as many pauses as one with a hash of the
// configured cost.
func TestAsManyPausesAtEveryCost(t *testing.T) {
	pauses := 0
	channel := js.Global().Get("MessageChannel")
	counted := js.FuncOf(func(js.Value, []js.Value) any {
		pauses++
		return channel.New()
	})
	js.Global().Set("MessageChannel", counted)
	t.Cleanup(func() {
		js.Global().Set("MessageChannel", channel)
		counted.Release()
	})
	const cost = 8
	h, err := NewHasher(&Options{Cost: cost})
	if err != nil {
		t.Fatal(err)
	}
	for _, lower := range []int{4, 5, 7, 8} { // and 6: see pauseRounds
		old, err := NewHasher(&Options{Cost: lower})
		if err != nil {
			t.Fatal(err)
		}
		hash, err := old.Hash(t.Context(), "p")
		if err != nil {
			t.Fatal(err)
		}
		pauses = 0
		if match, err := h.Verify(t.Context(), hash, "q"); match.OK || err != nil {
			t.Fatal(match, err)
		}
		if want := 1 << cost / pauseRounds; pauses != want {
			t.Errorf("a hash of cost %d made %d pauses, want %d", lower, pauses, want)
		}
	}
}
