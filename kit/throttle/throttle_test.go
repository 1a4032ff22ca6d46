package throttle

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 30, 9, 0, 0, 0, time.UTC)

// login is an attempt of a stranger at one account, with a guess of its own.
func login(at time.Duration, guess uint64) Attempt {
	return Attempt{Action: ActionLogin, Time: start.Add(at), EmailKey: "ada@example.com", Guess: guess, Recoverable: true}
}

// wait returns how long an attempt has to wait; zero: it was let through, and was a failure.
func wait(t testing.TB, l Limiter, a Attempt) time.Duration {
	t.Helper()
	c, err := l.Begin(t.Context(), a)
	if err == nil {
		if c != nil {
			c.Done(t.Context(), Failed)
		}
		return 0
	}
	var limit *LimitError
	if !errors.As(err, &limit) || limit.RetryAfter <= 0 {
		t.Fatalf("Begin returned %v", err)
	}
	return limit.RetryAfter
}

func end(t testing.TB, l Limiter, a Attempt, o Outcome) {
	t.Helper()
	c, err := l.Begin(t.Context(), a)
	if err != nil {
		t.Fatalf("%+v is refused: %v", a, err)
	}
	c.Done(t.Context(), o)
}

// Each rule, as the package comment has it: the waits after each of a row of attempts that come
// as soon as they may.
func TestSchedules(t *testing.T) {
	minutes := func(n int) time.Duration { return time.Duration(n) * time.Minute }
	guessing := []time.Duration{0, 0, 0, 0, 1e9, 2e9, 4e9, 8e9, 16e9, 32e9, 64e9, 128e9, 256e9, 512e9, minutes(15), minutes(15)}
	for name, c := range map[string]struct {
		attempt Attempt
		waits   []time.Duration
	}{
		"strangers":        {Attempt{Action: ActionLogin, EmailKey: "ada@example.com"}, guessing},
		"a known device":   {Attempt{Action: ActionLogin, EmailKey: "ada@example.com", Device: "d"}, guessing},
		"a session":        {Attempt{Action: ActionReauthenticate, UserID: "ada", Device: "s"}, guessing},
		"a second factor":  {Attempt{Action: ActionFactor, UserID: "ada"}, guessing},
		"another action":   {Attempt{Action: "unlock", UserID: "ada"}, guessing},
		"mails":            {Attempt{Action: ActionMail, EmailKey: "ada@example.com", MailKind: "reset"}, []time.Duration{minutes(1), minutes(1), minutes(1), minutes(1), minutes(10), minutes(10), minutes(10)}},
		"messages":         {Attempt{Action: ActionFactorChallenge, UserID: "ada"}, []time.Duration{0, 0, 0, 0, minutes(1), minutes(1), minutes(1)}},
		"changes of email": {Attempt{Action: ActionEmailChangeRequest, UserID: "ada"}, []time.Duration{0, 0, 0, 0, minutes(1)}},
		"refresh":          {Attempt{Action: ActionRefresh, IP: netip.MustParseAddr("192.0.2.1")}, make([]time.Duration, 200)},
	} {
		t.Run(name, func(t *testing.T) {
			l := New(nil)
			a := c.attempt
			a.Time, a.Recoverable = start, true
			for i, want := range c.waits {
				a.Guess = uint64(i + 1)
				if got := wait(t, l, a); got != 0 {
					t.Fatalf("attempt %d has to wait %v more", i+1, got)
				}
				a.Guess = 1000
				if want > 0 {
					if got := wait(t, l, a); got != want {
						t.Fatalf("after %d attempts the wait is %v, want %v", i+1, got, want)
					}
					a.Time = a.Time.Add(want - time.Microsecond)
					if got := wait(t, l, a); got != time.Microsecond {
						t.Fatalf("after %d attempts and %v the wait is %v", i+1, want-time.Microsecond, got)
					}
					a.Time = a.Time.Add(time.Microsecond)
				}
			}
		})
	}
}

// guess lets a row of wrong guesses come, each as soon as it may, and returns how many were
// compared before one had to wait for good, or 1000.
func guess(t testing.TB, l Limiter, a Attempt) int {
	t.Helper()
	n := 0
	for refused := 0; n < 1000 && refused < 5; {
		a.Guess++
		switch w := wait(t, l, a); w {
		case 0:
			n, refused = n+1, 0
		default:
			a.Time, refused = a.Time.Add(w), refused+1
		}
	}
	return n
}

func TestAHundredInARow(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Attempt)
		want   int
	}{
		"strangers":       {func(*Attempt) {}, 100},
		"without a mail":  {func(a *Attempt) { a.Recoverable = false }, 1000},
		"a device":        {func(a *Attempt) { a.Device = "d" }, 100},
		"a second factor": {func(a *Attempt) { a.Action, a.UserID, a.Recoverable = ActionFactor, "ada", false }, 100},
	} {
		t.Run(name, func(t *testing.T) {
			l := New(nil)
			a := login(0, 0)
			c.change(&a)
			if got := guess(t, l, a); got != c.want {
				t.Errorf("%d guesses are compared, want %d", got, c.want)
			}
		})
	}
}

// What ends the row of strangers, and what does not.
func TestWhatEndsARow(t *testing.T) {
	day := 24 * time.Hour
	factor := login(0, 0)
	factor.Action, factor.UserID = ActionFactor, "ada"
	for name, c := range map[string]struct {
		of   Attempt
		then func(t *testing.T, l *Throttle)
		free bool
	}{
		"a year": {login(0, 0), func(*testing.T, *Throttle) {}, false},
		"the owner's device": {login(0, 0), func(t *testing.T, l *Throttle) {
			a := login(day, 7)
			a.Device = "d"
			end(t, l, a, Succeeded)
		}, true},
		"a failure of the device": {login(0, 0), func(t *testing.T, l *Throttle) {
			a := login(day, 7)
			a.Device = "d"
			end(t, l, a, Failed)
		}, false},
		"the owner in a session": {login(0, 0), func(t *testing.T, l *Throttle) {
			a := login(day, 7)
			a.Action, a.UserID, a.Device = ActionReauthenticate, "ada", "s"
			end(t, l, a, Succeeded)
		}, true},
		"a reset":                        {login(0, 0), func(t *testing.T, l *Throttle) { l.Clear(t.Context(), login(day, 0)) }, true},
		"a reset, for the second factor": {factor, func(t *testing.T, l *Throttle) { l.Clear(t.Context(), login(day, 0)) }, false},
		"an administrator": {factor, func(t *testing.T, l *Throttle) {
			l.Clear(t.Context(), Attempt{Action: ActionFactor, Time: start.Add(day), UserID: "ada"})
		}, true},
		"the device of another": {login(0, 0), func(t *testing.T, l *Throttle) {
			a := login(day, 7)
			a.EmailKey, a.Device = "bob@example.com", "d"
			end(t, l, a, Succeeded)
		}, false},
		"a refund": {login(0, 0), func(t *testing.T, l *Throttle) {
			a := login(day, 7)
			a.Device = "d"
			end(t, l, a, Refunded)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := New(nil)
			if got := guess(t, l, c.of); got != 100 {
				t.Fatal(got, "guesses are compared")
			}
			c.then(t, l)
			a := c.of
			a.Time, a.Guess = start.Add(365*day), 1
			if got := wait(t, l, a) == 0; got != c.free {
				t.Errorf("a guess is let through: %v, want %v", got, c.free)
			}
		})
	}
}

// Every spelling of an attempt at one account's password, by strangers, is in one row.
func TestOneRow(t *testing.T) {
	l := New(nil)
	guess(t, l, login(0, 0))
	for _, a := range []Attempt{
		{Action: ActionLogin, EmailKey: "ada@example.com", UserID: "ada"},
		{Action: ActionChangePassword, EmailKey: "ada@example.com", UserID: "ada"},
		{Action: ActionReauthenticate, EmailKey: "ada@example.com"},
	} {
		a.Time, a.Guess, a.Recoverable = start.Add(1e6*time.Second), 5000, true
		if wait(t, l, a) == 0 {
			t.Errorf("%s is counted by itself", a.Action)
		}
	}
}

func TestRepeats(t *testing.T) {
	l := New(nil)
	for i := range 64 { // one, and 63 repeats
		if wait(t, l, login(time.Duration(i)*time.Hour, 1)) != 0 {
			t.Fatal("a typing error that is repeated has to wait")
		}
	}
	if level(l, login(0, 0)) != 1 {
		t.Fatal("a repeated guess is counted again")
	}
	wait(t, l, login(100*time.Hour, 1))
	if level(l, login(0, 0)) != 2 {
		t.Fatal("repeats are not bounded")
	}

	// While others wait, an equal guess is let through as long as the first may be under way.
	for i := range uint64(5) {
		wait(t, l, login(101*time.Hour, 10+i))
	}
	if got := wait(t, l, login(101*time.Hour, 99)); got == 0 {
		t.Fatal("nothing waits")
	}
	if wait(t, l, login(101*time.Hour, 13)) == 0 {
		t.Error("a guess before the last one is let through again")
	}
	b := New(nil)
	for i := range uint64(8) {
		wait(t, b, login(time.Duration(i)*4*time.Second, 10+i))
	}
	last := 28 * time.Second
	if got := wait(t, b, login(last+10*time.Second-1, 17)); got != 0 {
		t.Errorf("an equal guess within ten seconds has to wait %v", got)
	}

	// The code of a second factor is another one soon, so it counts again.
	factor := Attempt{Action: ActionFactor, Time: start, UserID: "ada", Guess: 1}
	wait(t, l, factor)
	factor.Time = start.Add(30 * time.Second)
	wait(t, l, factor)
	if got := level(l, factor); got != 2 {
		t.Errorf("a code that was tried twice in 30 s was counted %d times, want 2", got)
	}
}

// level returns the count of what an attempt is counted as.
func level(l *Throttle, a Attempt) uint32 {
	n := nameOf(&a)
	var level uint32
	l.own.change(&n, func(b *bucket, key uint64) bool {
		if e := b.find(key); e != nil {
			level = rounded(e.level)
		}
		return false
	})
	return level
}

func TestRefunds(t *testing.T) {
	begin := func(t *testing.T, l *Throttle, a Attempt) Charge {
		t.Helper()
		c, err := l.Begin(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	t.Run("of the last", func(t *testing.T) {
		l := New(nil)
		for i := range uint64(4) {
			wait(t, l, login(0, i+1))
		}
		for range 3 { // an outage
			begin(t, l, login(0, 9)).Done(t.Context(), Refunded)
		}
		if got := level(l, login(0, 0)); got != 4 {
			t.Errorf("%d are counted, want 4", got)
		}
	})
	t.Run("the wait", func(t *testing.T) {
		l := New(nil)
		for i := range uint64(5) {
			wait(t, l, login(0, i+1))
		}
		begin(t, l, login(time.Hour, 9)).Done(t.Context(), Refunded)
		if got := wait(t, l, login(time.Hour, 10)); got != 0 {
			t.Errorf("after an outage one has to wait %v", got)
		}
	})
	// The attacks: a request that its client gives up must not undo what another has used.
	t.Run("an equal guess relies on it", func(t *testing.T) {
		l := New(nil)
		first := begin(t, l, login(0, 1))
		second := begin(t, l, login(0, 1))
		first.Done(t.Context(), Refunded)
		second.Done(t.Context(), Failed)
		if got := level(l, login(0, 0)); got != 1 {
			t.Errorf("%d are counted, want 1", got)
		}
	})
	t.Run("the same guess, counted again", func(t *testing.T) {
		l := New(nil)
		first := begin(t, l, login(0, 1))
		begin(t, l, login(time.Second, 2)).Done(t.Context(), Failed)
		again := begin(t, l, login(2*time.Second, 1))
		first.Done(t.Context(), Refunded)
		again.Done(t.Context(), Failed)
		if got := level(l, login(0, 0)); got != 3 {
			t.Errorf("%d are counted, want 3", got)
		}
	})
	t.Run("cleared meanwhile", func(t *testing.T) {
		l := New(nil)
		first := begin(t, l, login(0, 1))
		l.Clear(t.Context(), login(0, 0))
		begin(t, l, login(time.Second, 2)).Done(t.Context(), Failed)
		first.Done(t.Context(), Refunded)
		if got := level(l, login(0, 0)); got != 1 {
			t.Errorf("%d are counted, want 1", got)
		}
	})
}

// Of 64 guesses at once where one is due, one is let through; and 50 equal guesses, right
// ones perhaps, are.
func TestAtOnce(t *testing.T) {
	for round := range 50 {
		l := New(nil)
		for i := range uint64(6) {
			wait(t, l, login(time.Duration(i)*time.Second, i+1))
		}
		var through atomic.Int64
		together(64, func(i int) {
			if c, err := l.Begin(context.Background(), login(time.Hour, uint64(100+i))); err == nil {
				through.Add(1)
				c.Done(context.Background(), Failed)
			}
		})
		if got := through.Load(); got != 1 {
			t.Fatalf("round %d: %d guesses are compared, want 1", round, got)
		}
		through.Store(0)
		together(50, func(int) {
			if c, err := l.Begin(context.Background(), login(2*time.Hour, 77)); err == nil {
				through.Add(1)
				c.Done(context.Background(), Succeeded)
			}
		})
		if got := through.Load(); got != 50 {
			t.Fatalf("round %d: %d right logins are let through, want 50", round, got)
		}
	}
}

// Refunds, failures and repeats at once: no more are compared than are counted.
func TestNothingIsComparedUncounted(t *testing.T) {
	for range 50 {
		l := New(nil)
		var compared sync.Map
		together(64, func(i int) {
			g := uint64(i%16 + 1)
			c, err := l.Begin(context.Background(), login(0, g))
			switch {
			case err != nil:
			case i%3 == 0:
				c.Done(context.Background(), Refunded)
			default:
				compared.Store(g, true)
				c.Done(context.Background(), Failed)
			}
		})
		n := uint32(0)
		for range compared.Range {
			n++
		}
		if got := level(l, login(0, 0)); got < n || n > 5 {
			t.Fatalf("%d guesses are compared, and %d counted", n, got)
		}
	}
}

func together(n int, f func(i int)) {
	var ready, done sync.WaitGroup
	gate := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-gate
			f(i)
		})
	}
	ready.Wait()
	close(gate)
	done.Wait()
}

// A source that fails on many accounts waits, whatever it guesses there, and at once.
func TestSources(t *testing.T) {
	from := func(ip string, at time.Duration, n int) Attempt {
		return Attempt{
			Action: ActionLogin, Time: start.Add(at), EmailKey: fmt.Sprintf("%d@example.com", n),
			Guess: uint64(n + 1), IP: netip.MustParseAddr(ip), Recoverable: true,
		}
	}
	fill := func(t *testing.T, l Limiter) {
		for i := range 50 {
			if wait(t, l, from("2001:db8::1", 0, i)) != 0 {
				t.Fatalf("failure %d has to wait", i+1)
			}
		}
	}
	t.Run("one in 30 seconds", func(t *testing.T) {
		l := New(nil)
		fill(t, l)
		if got := wait(t, l, from("2001:db8::ffff", 0, 60)); got != 30*time.Second {
			t.Errorf("another address of the /64 has to wait %v", got)
		}
		if got := wait(t, l, from("2001:db8:0:1::1", 0, 60)); got != 0 {
			t.Errorf("another /64 has to wait %v", got)
		}
		for i := range 20 {
			at := time.Duration(i+1) * 30 * time.Second
			through := 0
			for g := range 64 {
				if c, err := l.Begin(t.Context(), from("2001:db8::1", at, 100+64*i+g)); err == nil {
					through++
					defer c.Done(t.Context(), Failed) // none of them has ended when the next begins
				}
			}
			if through != 1 {
				t.Fatalf("after %v %d guesses of 64 at once are compared, want 1", at, through)
			}
		}
	})
	t.Run("a burst is paid for", func(t *testing.T) {
		l := New(nil)
		var charges []Charge
		for i := range 500 { // while the first are compared
			c, err := l.Begin(t.Context(), from("192.0.2.1", 0, i))
			if err != nil {
				t.Fatal(err)
			}
			charges = append(charges, c)
		}
		for _, c := range charges {
			c.Done(t.Context(), Failed)
		}
		compared := 0
		for at := time.Duration(0); at < 3*time.Hour; at += 30 * time.Second {
			for g := range 64 {
				a := from("192.0.2.1", at, 1000+int(at/time.Second)*64+g)
				if c, err := l.Begin(t.Context(), a); err == nil {
					compared++
					c.Done(t.Context(), Failed)
				}
			}
		}
		if compared > 12 { // one in 15 minutes
			t.Errorf("%d more are compared within 3 hours", compared)
		}
	})
	t.Run("right ones are free", func(t *testing.T) {
		l := New(nil)
		fill(t, l)
		for i := range 100 {
			end(t, l, from("2001:db8::1", 30*time.Second, 200+i), Succeeded)
		}
		if wait(t, l, from("2001:db8::1", 30*time.Second, 500)) != 0 {
			t.Error("right passwords are counted against their source")
		}
	})
	t.Run("a device does not wait", func(t *testing.T) {
		l := New(nil)
		fill(t, l)
		a := from("2001:db8::1", 0, 1000)
		a.Device = "d"
		if wait(t, l, a) != 0 {
			t.Error("a known device waits for its source")
		}
	})
	t.Run("a throttled account gives the source back", func(t *testing.T) {
		l := New(nil)
		fill(t, l)
		for i := range uint64(6) {
			wait(t, l, login(0, i+1))
		}
		a := from("2001:db8::1", 30*time.Second, 0)
		a.EmailKey, a.Time = "ada@example.com", start.Add(30*time.Second)
		for i := range uint64(6) {
			wait(t, l, login(20*time.Second+time.Duration(i)*time.Second*4, 50+i))
		}
		if wait(t, l, a) == 0 {
			t.Fatal("the account does not wait")
		}
		if got := wait(t, l, from("2001:db8::1", 30*time.Second, 999)); got != 0 {
			t.Errorf("the source has to wait %v for what was not compared", got)
		}
	})
}

// A clock that is set back refuses nobody for longer than the longest wait, and forgets no row.
func TestTheClockIsSetBack(t *testing.T) {
	for _, back := range []time.Duration{30 * time.Second, time.Hour, 10 * 365 * 24 * time.Hour} {
		l := New(nil)
		for i := range uint64(5) {
			wait(t, l, login(0, i+1))
		}
		if got := wait(t, l, login(-back, 50)); got > maxWait {
			t.Errorf("%v back: the wait is %v", back, got)
		}
		if got := wait(t, l, login(-back+maxWait, 51)); back > maxWait && got > maxWait {
			t.Errorf("%v back: the wait is %v afterwards", back, got)
		}
		if got := level(l, login(0, 0)); got < 5 {
			t.Errorf("%v back: %d are counted", back, got)
		}
		if n := guess(t, l, login(-back, 100)); n > 95 {
			t.Errorf("%v back: %d more are compared", back, n)
		}
	}
}

func TestAllocations(t *testing.T) {
	l := New(nil)
	a := login(0, 1)
	a.IP = netip.MustParseAddr("192.0.2.1")
	for i := range uint64(6) {
		wait(t, l, login(0, i+1))
	}
	for name, c := range map[string]struct {
		most int
		f    func()
	}{
		"refresh":   {0, func() { _, _ = l.Begin(t.Context(), Attempt{Action: ActionRefresh, Time: start, IP: a.IP}) }},
		"throttled": {7, func() { _, _ = l.Begin(t.Context(), a) }},
		"login": {9, func() {
			b := a
			b.EmailKey = "bob@example.com"
			c, _ := l.Begin(t.Context(), b)
			c.Done(t.Context(), Succeeded)
		}},
	} {
		if got := int(testing.AllocsPerRun(100, c.f)); got > c.most {
			t.Errorf("%s: %d allocations, want at most %d", name, got, c.most)
		}
	}
}
