package throttle

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// flood returns how many addresses a test tries: MYAUTH_TEST_FLOOD, which make proof sets to ten
// million.
func flood(t *testing.T) int {
	n := 50_000
	if s := os.Getenv("MYAUTH_TEST_FLOOD"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// Unknown addresses, each from a source of its own, take no memory, free no one that has to
// wait, and stop neither a device nor who has reset the password, nor the login of anybody
// else (claim 42).
func TestAFloodOfAddresses(t *testing.T) {
	l := New(nil)
	stopped := login(0, 0)
	if got := guess(t, l, stopped); got != stopAfter {
		t.Fatal(got, "guesses are compared")
	}
	begins := start.Add(1e6 * time.Second)
	waiting := Attempt{Action: ActionLogin, Time: begins, EmailKey: "bob@example.com", Recoverable: true}
	for waiting.Guess < 10 {
		waiting.Guess++
		if w := wait(t, l, waiting); w > 0 {
			waiting.Time = waiting.Time.Add(w)
			wait(t, l, waiting)
		}
	}
	now := waiting.Time
	stopped.Time = now

	before := heap()
	n := flood(t)
	for i := range n {
		v6 := [16]byte{0x20, 0x01, 0x0d, 0xb8, byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}
		a := Attempt{
			Action: ActionLogin, Time: now, EmailKey: "user" + strconv.Itoa(i) + "@example.org",
			Guess: uint64(i + 1), IP: netip.AddrFrom16(v6), Recoverable: true,
		}
		if got := wait(t, l, a); got != 0 {
			t.Fatalf("a new address, from a new source, has to wait %v after %d others", got, i)
		}
		if i%(n/50) != 0 {
			continue
		}
		for _, a := range []Attempt{stopped, waiting} {
			a.Guess = uint64(1_000_000 + i)
			if wait(t, l, a) == 0 {
				t.Fatalf("%s is let through after %d others", a.EmailKey, i)
			}
		}
		device := waiting
		device.EmailKey, device.Device, device.Guess = "cid@example.com", "d"+strconv.Itoa(i), 7
		end(t, l, device, Succeeded)
		reset := login(0, 7)
		reset.EmailKey, reset.Time = fmt.Sprintf("dan%d@example.com", i), now
		for range 10 {
			reset.Guess++
			_, _ = l.Begin(t.Context(), reset)
		}
		l.Clear(t.Context(), reset)
		end(t, l, reset, Succeeded)
	}
	if grown := int64(heap()) - int64(before); grown > 1<<20 {
		t.Errorf("after %d addresses there are %d bytes more", n, grown)
	}
	runtime.KeepAlive(l)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Mails to one mailbox are bounded wherever they are asked for, and take nothing from others
// (claim 44).
func TestAFloodOfMails(t *testing.T) {
	l := New(nil)
	mail := func(at time.Duration, kind, mailbox string, source int) Attempt {
		ip := netip.AddrFrom4([4]byte{203, byte(source >> 16), byte(source >> 8), byte(source)})
		return Attempt{Action: ActionMail, Time: start.Add(at), EmailKey: mailbox, MailKind: kind, IP: ip}
	}
	sent := 0
	for i := range 24 * 3600 / 5 {
		at := time.Duration(i) * 5 * time.Second
		if wait(t, l, mail(at, "reset", "ada@example.com", i)) == 0 {
			sent++
		}
		if i%12 == 0 {
			other := "user" + strconv.Itoa(i) + "@example.com"
			for _, a := range []Attempt{mail(at, "reset", other, 1), mail(at, "verification", other, 1)} {
				if got := wait(t, l, a); got != 0 {
					t.Fatalf("after %v the first mail to another mailbox has to wait %v", at, got)
				}
			}
		}
	}
	if sent < 24*6 || sent > 5+24*6 {
		t.Errorf("one mailbox got %d mails in a day, want one every ten minutes and five", sent)
	}
}
